"""Byte streams of httpx2 and httpx: one that lets a listener hear what passes, one that plays what was recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    from migrate.edges.intercept.listening import Listener


def tee(module: ModuleType, inner: Any, listener: Listener) -> Any:
    """Return a stream that passes on what `inner` yields, piece by piece; the listener hears each and how it ends."""
    return _classes(module)[0](inner, listener)


def played(module: ModuleType, pieces: Iterable[bytes]) -> Any:
    """Return a stream that yields recorded pieces; the asynchronous one gives way to other tasks before each."""
    return _classes(module)[1](pieces)


@cache
def _classes(module: ModuleType) -> tuple[type, type]:
    """Return both kinds for one of the HTTP libraries, whose responses accept streams of their own classes only."""
    bases = (module.SyncByteStream, module.AsyncByteStream)
    return type("Tee", (_Tee, *bases), {}), type("Played", (_Played, *bases), {})


class _Tee:
    def __init__(self, inner: Any, listener: Listener) -> None:
        self._inner = inner
        self._listener = listener

    @property
    def elapsed(self) -> dt.timedelta | None:
        """What `Response.elapsed` asks its stream for."""
        elapsed: dt.timedelta | None = getattr(self._inner, "elapsed", None)
        return elapsed

    def __iter__(self) -> Iterator[bytes]:
        hear = self._listener.chunk
        try:
            for data in self._inner:
                hear(data)
                yield data
        except BaseException as error:
            self._listener.failed(error)
            raise
        self._listener.whole()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._listener.dropped()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        inner, hear = self._inner.__aiter__(), self._listener.chunk
        try:
            async for data in inner:
                hear(data)
                yield data
        except BaseException as error:
            self._listener.failed(error)
            raise
        finally:
            if isinstance(inner, AsyncGenerator):
                await inner.aclose()
        self._listener.whole()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._listener.dropped()


class _Played:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from anyio.lowlevel import checkpoint

        for data in self._pieces:
            await checkpoint()
            yield data
