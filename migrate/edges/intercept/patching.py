"""The patches: put on when the first context opens, taken off when the last one closes.

What is patched is `send` of the clients of httpx2 and httpx, sync and async. It sees each attempt of the SDK by
itself and sits above every transport: custom ones, mocks, aiohttp's, and the patches of vcrpy and respx, which
therefore see a request as it is sent, after the swap, and only if it is sent.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, Final

from migrate.edges.intercept.current import executor_submit, thread_start

LIBRARIES: Final = ("httpx2", "httpx")
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


class Patches:
    """The patches of this process. `put_on` and `take_off` are called under one lock."""

    def __init__(self, sync: Callable[[ModuleType], Wrap], asynchronous: Callable[[ModuleType], Wrap]) -> None:
        self._sync = sync
        self._asynchronous = asynchronous
        self._done: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = []
        self._ours: dict[Callable[..., Any], Callable[..., Any]] = {}
        """Every patch that may still stand somewhere, with what it was put over."""

    def put_on(self) -> None:
        """Patch what is not patched yet; a patch of ours that others had patched over is taken up again."""
        done = {wrapper for _, _, _, wrapper in self._done}
        for owner, name, wrap in self._places():
            there = getattr(owner, name)
            if there in done:
                continue
            if there not in self._ours:
                wrapper = wrap(there)
                self._ours[wrapper] = there
                setattr(owner, name, wrapper)
            wrapper = getattr(owner, name)
            self._done.append((owner, name, self._ours[wrapper], wrapper))

    def take_off(self) -> None:
        """Put back what stands where it was put; a patch that somebody has patched since stays, and does nothing."""
        for owner, name, real, wrapper in reversed(self._done):
            if owner.__dict__.get(name) is wrapper:
                setattr(owner, name, real)
                del self._ours[wrapper]
        self._done = []

    def _places(self) -> Iterator[tuple[type, str, Wrap]]:
        for library in LIBRARIES:
            # An application may import its SDK as late as in the first call, so the library is not waited for.
            if importlib.util.find_spec(library) is not None:
                module = importlib.import_module(library)
                yield module.Client, "send", self._sync(module)
                yield module.AsyncClient, "send", self._asynchronous(module)
        yield threading.Thread, "start", thread_start
        yield ThreadPoolExecutor, "submit", executor_submit


def sync_send(handle: Callable[..., Any], module: ModuleType) -> Wrap:
    """Return what wraps `Client.send` so that `handle` gets every request."""

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def send(self: Any, request: Any, **options: Any) -> Any:
            return handle(module, real, self, request, options)

        return send

    return wrap


def async_send(handle: Callable[..., Any], module: ModuleType) -> Wrap:
    """Return what wraps `AsyncClient.send` so that `handle` gets every request."""

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        async def send(self: Any, request: Any, **options: Any) -> Any:
            return await handle(module, real, self, request, options)

        return send

    return wrap
