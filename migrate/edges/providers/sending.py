"""Send a request like one the SDK has sent: same place, same headers, and nothing found out anew.

What the SDK does for each call (options, headers, authentication, models of the answer) costs several times what
sending does, and comes to the same for every call of a path. So it does it once; the rest go straight to aiohttp,
which the SDK's own client stands on too.
"""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import httpx2
import multidict
import yarl

SAMPLE_HEADER: Final = "x-prompt-migrate-sample"
ENCODINGS: Final = "gzip, deflate"
"""What both clients read whatever else is installed."""
OWN_OF_A_CALL: Final = ("content-length", "transfer-encoding", "cookie", "host", SAMPLE_HEADER)
KEPT_S: Final = 5.0
"""Seconds an idle connection is kept, as the SDK's own client keeps it."""
LARGE: Final = 2**20
"""Bytes past which aiohttp wants a file to send from, a piece at a time: one write would hold the loop."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came back over HTTP, whoever sent for it."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes


class Line:
    """One path of one provider, as the SDK asked it first. Follows no redirect, keeps no cookie."""

    def __init__(self, first: httpx2.Request, connector: aiohttp.BaseConnector) -> None:
        self._url = yarl.URL(str(first.url), encoded=True)
        headers = multidict.CIMultiDict(first.headers.multi_items())
        for name in OWN_OF_A_CALL:
            headers.popall(name, None)
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The whole call has a deadline of its own, which a dripping body does not outlive.
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def post(self, content: bytes, headers: Mapping[str, str] | None) -> Received:
        """Send one body, with further headers. Raises aiohttp.ClientError and OSError."""
        data = io.BytesIO(content) if len(content) > LARGE else content
        async with self._session.post(self._url, data=data, headers=headers, allow_redirects=False) as response:
            return Received(response.status, response.headers, await response.read())

    async def close(self) -> None:
        await self._session.close()


def connector_of(connections: int, *, plain: bool) -> aiohttp.BaseConnector:
    """Return what keeps the connections of a provider; `plain`: of one that needs no certificates."""
    # The certificates the SDK's own client trusts.
    tls = True if plain else httpx2.create_ssl_context()
    # Shorter than what servers keep an idle connection for: a call must not go into one that is just being closed.
    return aiohttp.TCPConnector(limit=connections, ssl=tls, keepalive_timeout=KEPT_S)


def has_proxy(url: httpx2.URL) -> bool:
    """Say whether the environment sends an address through a proxy: then the SDK's client does all the asking."""
    proxies = urllib.request.getproxies()
    return bool(proxies.get(url.scheme) or proxies.get("all")) and not urllib.request.proxy_bypass(url.host)
