"""Who may ask: the browser that opened the link of the terminal, by that very name, from the page itself.

The link's token is spent by the first visit, which gets a cookie for it: `HttpOnly`, `SameSite=Strict`, and bound to
a path of random letters, because browsers send cookies of one host to every port of it. Requests under another name
are refused (DNS rebinding), and so is whatever another page sends.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Final

JSON: Final = "application/json"
COOKIE: Final = "prompt-migrate-review"


class Refused(Exception):
    """A request that is not answered; `words` say why, to whoever sent it."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(slots=True)
class Door:
    """The secrets of one session, and what is asked of every request."""

    port: int
    home: str = field(default_factory=lambda: f"/{secrets.token_hex(8)}/")
    """Path of the page."""
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _spent: bool = False

    @property
    def link(self) -> str:
        """The address that opens the page, once."""
        return f"http://127.0.0.1:{self.port}{self.home}?token={self._token}"

    @property
    def cookie(self) -> str:
        """What the browser that opened the link is given."""
        return f"{COOKIE}={self._session}; Path={self.home}; HttpOnly; SameSite=Strict"

    def spend(self, token: str) -> None:
        """Exchange the token of the link. Raises Refused for any other, and the second time."""
        right = hmac.compare_digest(token.encode(), self._token.encode())
        if not right or self._spent:
            why = "this link was used before" if right else "this is not the link of this review"
            raise Refused(HTTPStatus.FORBIDDEN, f"{why}: start `prompt-migrate review --web` again for a new one")
        self._spent = True

    def check_host(self, headers: Message) -> None:
        """Raise Refused for a request under a name that is not this machine's own."""
        names = headers.get_all("Host", [])
        if len(names) != 1 or names[0] not in self._names:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "this server answers to 127.0.0.1 and localhost alone")

    def check_sender(self, headers: Message, *, writes: bool) -> None:
        """Raise Refused for what another page sent, and for a write that does not say who sent it."""
        origins = headers.get_all("Origin", [])
        own = [f"http://{headers['Host']}"]
        if origins != own and (origins or writes):
            raise Refused(HTTPStatus.FORBIDDEN, "another page sent this")
        site = headers.get("Sec-Fetch-Site")
        if site not in ((None, "same-origin") if writes else (None, "same-origin", "none")):
            raise Refused(HTTPStatus.FORBIDDEN, "another page sent this")

    def check_session(self, headers: Message) -> None:
        """Raise Refused without the cookie that the link was exchanged for."""
        for given in "; ".join(headers.get_all("Cookie", [])).split("; "):
            name, _, value = given.partition("=")
            if name == COOKIE and hmac.compare_digest(value.encode(), self._session.encode()):
                return
        raise Refused(HTTPStatus.FORBIDDEN, "open the link that the terminal shows: it lets this browser in")

    @property
    def _names(self) -> tuple[str, ...]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"
