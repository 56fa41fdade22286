"""The page's server over real HTTP: one browser, by its link, from the page itself; everything else is turned away."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from migrate.edges.serving import LARGEST, PageServer, Paper
from migrate.errors import UsageProblem
from migrate.vocabulary import JsonObject


class Stage:
    """A server in a thread, what was done through it, and the browser that opened its link."""

    def __init__(self, read_s: float = 10.0, idle_s: float = 600.0) -> None:
        self.done: list[bytes] = []
        self.doers: set[int] = set()
        papers = {"": Paper("text/html; charset=utf-8", b"the page"), "chunks/0.js": Paper("text/javascript", b"0")}
        self.server = PageServer(papers, {"decide": self._decide}, read_s=read_s)
        self.door = self.server.door
        self.thread = threading.Thread(target=self.server.serve, args=(idle_s,), daemon=True)
        self.thread.start()
        self.cookie = ""

    def _decide(self, body: bytes) -> JsonObject:
        self.done.append(body)
        self.doers.add(threading.get_ident())
        if body == b"unfit":
            raise UsageProblem("that does not fit")
        return {"written": len(self.done)}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> tuple[int, Any, Any]:
        """Send one request; headers with `_` for `-`, None for one that is left out. Return status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.door.port, timeout=60)
        own = {"Host": f"127.0.0.1:{self.door.port}", "Cookie": self.cookie}
        if method == "POST":
            own |= {"Origin": f"http://127.0.0.1:{self.door.port}", "Content-Type": "application/json"}
            own |= {"Content-Length": str(len(body or b""))}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {**own, **given}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, answer.headers, read

    def enter(self) -> None:
        """Open the link as a browser does, and keep its cookie."""
        status, headers, _ = self.ask("GET", self.door.link.partition(str(self.door.port))[2])
        assert (303, self.door.home) == (status, headers["Location"])
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def decide(self, body: bytes = b"{}", **headers: str | None) -> int:
        return self.ask("POST", self.door.home + "decide", body, **headers)[0]

    def talk(self, sent: bytes) -> bytes:
        """Send bytes as they are and return everything that comes until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.door.port), timeout=60) as connection:
            connection.sendall(sent)
            got = b""
            try:
                while some := connection.recv(65536):
                    got += some
            except ConnectionResetError:
                pass
            return got


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A server that was just started; nobody has opened its link."""
    return Stage()


@pytest.fixture
def inside(stage: Stage) -> Stage:
    """The same after the browser came in."""
    stage.enter()
    return stage


def test_the_link_opens_the_page_once(stage: Stage) -> None:
    """It is exchanged for a cookie no script reads and no other site sends, bound to the page's own path."""
    link = stage.door.link.partition(str(stage.door.port))[2]
    _, headers, _ = stage.ask("GET", link)
    _, _, rest = headers["Set-Cookie"].partition("; ")
    assert f"Path={stage.door.home}; HttpOnly; SameSite=Strict" == rest
    status, _, body = stage.ask("GET", link)
    assert (403, "this link was used before") == (status, json.loads(body)["error"].partition(":")[0])
    stage.cookie = headers["Set-Cookie"].partition(";")[0]
    assert (200, b"the page") == stage.ask("GET", stage.door.home)[::2]
    assert (200, b"0") == stage.ask("GET", stage.door.home + "chunks/0.js")[::2]


def test_it_listens_on_this_machine_alone(stage: Stage) -> None:
    """The socket is bound to 127.0.0.1, at a port that was free, and both secrets are long."""
    assert "127.0.0.1" == stage.server._server.server_address[0]
    assert stage.door.port > 0
    assert len(stage.door.link.partition("token=")[2]) >= 43
    assert len(stage.door._session) >= 43


def test_nothing_is_read_or_written_without_the_cookie(stage: Stage) -> None:
    """Neither page nor chunk nor decision, whether there is no cookie, another one, or one of another name."""
    for cookie in ("", "prompt-migrate-review=", "prompt-migrate-review=x", f"other={stage.door._session}"):
        stage.cookie = cookie
        reads = [stage.ask("GET", stage.door.home + name)[0] for name in ("", "chunks/0.js", "nothing")]
        assert [403, 403, 403, 403] == [*reads, stage.decide()]
    assert [] == stage.done


@pytest.mark.parametrize("token", ["", "x", "%00", "\u00e9"])
def test_a_guessed_token_opens_nothing(stage: Stage, token: str) -> None:
    """And spends nothing: the link of the terminal still works."""
    path = f"{stage.door.home}?token={token}".encode().decode("latin-1")
    assert 403 == int(stage.talk(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{stage.door.port}\r\n\r\n".encode())[9:12])
    stage.enter()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", None])
def test_another_name_is_refused(inside: Stage, host: str | None) -> None:
    """A name that leads here by rebinding is not this machine's, whatever cookie comes with it."""
    name = None if host is None else host.format(port=inside.door.port)
    assert 421 == inside.ask("GET", inside.door.home, Host=name)[0]
    assert 421 == inside.decide(Host=name, Origin=None if name is None else f"http://{name}")
    assert [] == inside.done


def test_two_names_are_refused(inside: Stage) -> None:
    """A second Host header is no way past the first one."""
    own = f"Host: 127.0.0.1:{inside.door.port}\r\n"
    said = inside.talk(f"GET {inside.door.home} HTTP/1.1\r\n{own}Host: evil.example\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.0 421 ")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_another_page_writes_nothing(inside: Stage, headers: dict[str, str | None]) -> None:
    """A write says that the page itself sent it, in every header a browser adds by itself."""
    given = {name: value and value.format(port=inside.door.port) for name, value in headers.items()}
    assert 403 == inside.decide(**given)
    assert [] == inside.done


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}])
def test_another_page_reads_nothing(inside: Stage, headers: dict[str, str]) -> None:
    """And nothing that is answered allows it to: there is no header of CORS, of caching or of framing."""
    status, _, body = inside.ask("GET", inside.door.home, **headers)
    assert (403, "another page sent this") == (status, json.loads(body)["error"])
    _, answered, _ = inside.ask("GET", inside.door.home)
    assert [] == [name for name in answered if name.lower().startswith("access-control")]
    assert ("no-store", "DENY", "same-origin") == tuple(
        answered[name] for name in ("Cache-Control", "X-Frame-Options", "Cross-Origin-Resource-Policy")
    )


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "CONNECT", "FOO"])
def test_other_methods_are_refused(inside: Stage, method: str) -> None:
    """A preflight too: what asks whether it may ask, may not."""
    status, headers, _ = inside.ask(method, inside.door.home + "decide")
    assert (405, "GET, POST") == (status, headers["Allow"])
    assert 404 == inside.ask("GET", inside.door.home + "decide")[0]
    assert [] == inside.done


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "chunks/../../../etc/passwd",
        "chunks/0.js/..",
        "chunks//0.js",
        "%00",
        "decide/",
        "\\..\\x",
    ],
)
def test_no_path_leads_to_a_file(inside: Stage, path: str) -> None:
    """Names are looked up among those that are served; nothing is joined to a path of the disk."""
    assert 404 == inside.ask("GET", inside.door.home + path)[0]
    assert 404 == inside.ask("POST", inside.door.home + path, b"{}")[0]
    assert 404 == inside.ask("GET", "/../" + path)[0]


def test_a_body_that_is_too_large_is_not_read(inside: Stage) -> None:
    """It is refused by its length alone; so is one without a length, in chunks, or of another type."""
    assert 413 == inside.decide(b"", Content_Length=str(LARGEST + 1))
    assert 413 == inside.decide(b"", Content_Length="9" * 40)
    assert [411, 411, 411, 411] == [
        inside.decide(b"", Content_Length=length) for length in (None, "-1", "1e3", "\u0661".encode().decode("latin-1"))
    ]
    assert 411 == inside.decide(b"2\r\n{}\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    assert [415, 415] == [inside.decide(Content_Type=kind) for kind in ("text/plain", None)]
    assert [] == inside.done
    assert 200 == inside.decide(b" " * LARGEST)


def test_a_request_that_drips_is_cut_off() -> None:
    """Head or body: what has not arrived in time is never acted on, and the next request is answered."""
    stage = Stage(read_s=0.3)
    stage.enter()
    head = f"POST {stage.door.home}decide HTTP/1.1\r\nHost: 127.0.0.1:{stage.door.port}\r\n"
    assert b"" == stage.talk(head.encode())
    own = f"Origin: http://127.0.0.1:{stage.door.port}\r\nCookie: {stage.cookie}\r\nContent-Type: application/json\r\n"
    said = stage.talk((head + own + "Content-Length: 10\r\n\r\n{").encode())
    assert said == b"" or said.startswith(b"HTTP/1.0 400 ")
    assert [] == stage.done
    assert 200 == stage.decide()


def test_connections_that_say_nothing_keep_nobody_out() -> None:
    """Past a number of them the next one is closed unread; when they are cut off, the page is there again."""
    stage = Stage(read_s=0.5)
    stage.enter()
    quiet = [socket.create_connection(("127.0.0.1", stage.door.port), timeout=60) for _ in range(40)]
    for one in quiet:
        with one:
            assert one.recv(1) == b""
    assert 200 == stage.ask("GET", stage.door.home)[0]


def test_one_thread_does_everything(inside: Stage) -> None:
    """Twenty requests at once are done one after another by the thread that serves; a refusal is told in words."""
    threads = [threading.Thread(target=inside.decide, args=(b"[%d]" % number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 12 == len(inside.done)
    assert {inside.thread.ident} == inside.doers
    status, _, body = inside.ask("POST", inside.door.home + "decide", b"unfit")
    assert (422, "that does not fit") == (status, json.loads(body)["error"])


def test_ctrl_c_while_an_answer_is_handed_over_ends_it_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work was done: that it was interrupted is all that whoever serves is told, and no fault of ours beside it."""

    class Interrupted(Future[JsonObject]):
        def set_result(self, result: JsonObject) -> None:
            super().set_result(result)
            raise KeyboardInterrupt

    monkeypatch.setattr("migrate.edges.serving.server.Future", Interrupted)
    done: list[bytes] = []
    server = PageServer({}, {"decide": lambda body: {"written": done.append(body)}})
    asking = threading.Thread(target=server.ask, args=(server.acts["decide"], b"{}"))
    asking.start()
    with pytest.raises(KeyboardInterrupt):
        server.serve(60.0)
    asking.join(60)
    assert ([b"{}"], False) == (done, asking.is_alive())


def test_it_ends_when_nobody_asks() -> None:
    """After its idle time the port is closed; whoever was turned away did not keep it open."""
    stage = Stage(idle_s=0.2)
    stage.thread.join(60)
    assert not stage.thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        stage.talk(b"GET / HTTP/1.0\r\n\r\n")
