"""An HTTP server for one page on this machine: loopback only, a free port, fixed addresses, one request a connection.

Requests are read in threads, each within seconds; what they ask for is done by the thread that called `serve`, one
after another, so that whoever writes is alone.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from migrate.edges.serving.guard import JSON, Door, Refused
from migrate.errors import PromptMigrateError
from migrate.vocabulary import JsonObject

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of the largest request body: five thousand decisions at once."""
AT_ONCE: Final = 16
"""Connections; the next one is closed unread."""
TOO_LARGE: Final = HTTPStatus(413)
"""Its name changed in Python 3.13."""
READ_S: Final = 10.0
"""Seconds a request may take to arrive."""
SEND_S: Final = 60.0
IDLE_S: Final = 1800.0
"""Seconds without a request after which the server ends."""
TICK_S: Final = 0.5
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What can be read: a type and its bytes."""

    kind: str
    content: bytes


Act = Callable[[bytes], JsonObject]
"""Does what a request body asks for. A PromptMigrateError is told to the page."""


class PageServer:
    """Serves papers and acts by their names under the door's home; the empty name is the page itself."""

    def __init__(self, papers: Mapping[str, Paper], acts: Mapping[str, Act], *, read_s: float = READ_S) -> None:
        self.papers = papers
        self.acts = acts
        self.read_s = read_s
        self._jobs: queue.Queue[tuple[Act, bytes, Future[JsonObject]]] = queue.Queue()
        self._touched = threading.Event()
        self._server = _Listener(self)
        self.door = Door(self._server.server_address[1])

    def serve(self, idle_s: float = IDLE_S) -> None:
        """Do what is asked until nobody asked for `idle_s` seconds, or KeyboardInterrupt is raised here."""
        listening = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        listening.start()
        waited = 0.0
        try:
            while waited < idle_s:
                tick = min(TICK_S, idle_s)
                try:
                    self._do(*self._jobs.get(timeout=tick))
                except queue.Empty:
                    waited += tick
                if self._touched.is_set():
                    self._touched.clear()
                    waited = 0.0
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._drop()

    def _do(self, act: Act, body: bytes, done: Future[JsonObject]) -> None:
        try:
            result = act(body)
        except PromptMigrateError as problem:
            done.set_exception(Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(problem)))
        except BaseException as problem:
            done.set_exception(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"not written: {problem}"))
            raise
        else:
            # By itself: Ctrl-C may come while it is handed over, and what was done is done then.
            done.set_result(result)

    def _drop(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()[2].set_exception(
                    Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the review has ended")
                )

    def ask(self, act: Act, body: bytes) -> JsonObject:
        """Hand a job to the thread that serves and wait for what it returns."""
        done: Future[JsonObject] = Future()
        self._jobs.put((act, body, done))
        return done.result()

    def touch(self) -> None:
        """Note that somebody who may ask has asked."""
        self._touched.set()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False

    def __init__(self, pages: PageServer) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.pages = pages
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that left in the middle is no news for the terminal."""


class _Request(BaseHTTPRequestHandler):
    server: _Listener
    server_version = "prompt-migrate"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.pages.read_s)
        # A timeout of the socket is one of each byte: a sender who drips is cut off by this one.
        self._limit = threading.Timer(self.server.pages.read_s, self._cut)
        self._limit.daemon = True
        self._limit.start()

    def finish(self) -> None:
        self._limit.cancel()
        super().finish()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        self._answered(self._read)

    def do_POST(self) -> None:
        self._answered(self._act)

    def _answered(self, answer: Callable[[Door], None]) -> None:
        door = self.server.pages.door
        try:
            door.check_host(self.headers)
            door.check_sender(self.headers, writes=self.command != "GET")
            answer(door)
        except Refused as refused:
            self._say(refused.status, {"error": refused.words})

    def _read(self, door: Door) -> None:
        parts = urlsplit(self.path)
        token = parse_qs(parts.query).get("token")
        if parts.path == door.home and token:
            door.spend(token[0])
            self.server.pages.touch()
            self._send(HTTPStatus.SEE_OTHER, "text/plain", b"", {"Location": door.home, "Set-Cookie": door.cookie})
            return
        door.check_session(self.headers)
        paper = self.server.pages.papers.get(self._name(door, parts.path))
        if paper is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        self.server.pages.touch()
        self._send(HTTPStatus.OK, paper.kind, paper.content)

    def _act(self, door: Door) -> None:
        door.check_session(self.headers)
        act = self.server.pages.acts.get(self._name(door, self.path))
        if act is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        body = self._body()
        self._limit.cancel()
        self.server.pages.touch()
        self._say(HTTPStatus.OK, self.server.pages.ask(act, body))

    def _name(self, door: Door, path: str) -> str:
        """Return what stands after the page's own path; names are looked up, never joined to one of the disk."""
        if not path.startswith(door.home):
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        return path.removeprefix(door.home)

    def _body(self) -> bytes:
        if self.headers.get_content_type() != JSON or "Content-Type" not in self.headers:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a JSON document is wanted")
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not lengths[0].isdecimal():
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is wanted")
        if len(lengths[0]) > 12 or int(lengths[0]) > LARGEST:
            raise Refused(TOO_LARGE, f"more than {LARGEST // 1024 // 1024} MB at once")
        body = self.rfile.read(int(lengths[0]))
        if len(body) != int(lengths[0]):
            raise Refused(HTTPStatus.BAD_REQUEST, "the request broke off")
        return body

    def _say(self, status: HTTPStatus, document: JsonObject) -> None:
        self._send(status, JSON, json.dumps(document).encode("ascii"))

    def _send(self, status: HTTPStatus, kind: str, content: bytes, more: Mapping[str, str] | None = None) -> None:
        self._limit.cancel()
        self.connection.settimeout(SEND_S)
        self.send_response(status)
        sized = {"Content-Type": kind, "Content-Length": str(len(content)), "Connection": "close"}
        for name, value in {**HEADERS, **sized, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what the library refuses, other methods among it, in our own words and without a page of HTML."""
        status = HTTPStatus(code)
        allowed = {"Allow": "GET, POST"} if status is HTTPStatus.NOT_IMPLEMENTED else {}
        shown = HTTPStatus.METHOD_NOT_ALLOWED if allowed else status
        self.command = self.command or ""
        self._send(shown, JSON, json.dumps({"error": shown.phrase}).encode("ascii"), allowed)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Write nothing: addresses would show the session's own."""
