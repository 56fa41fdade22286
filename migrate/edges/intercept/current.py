"""Whose call it is: the trace of the task, the thread, or the only one that is open."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from migrate.edges.intercept.trace import Trace

if TYPE_CHECKING:
    from migrate.edges.intercept.interception import Interception

_THREAD_MARK: Final = "_prompt_migrate_context"


@dataclass(eq=False, slots=True)
class Context:
    """One opened interception."""

    interception: Interception
    trace: Trace
    parent: Context | None = None
    """The context this one was opened in, which sees nothing while this one is open."""
    open: bool = field(default=True)


_current: ContextVar[Context | None] = ContextVar("prompt_migrate_context", default=None)
_inside: ContextVar[bool] = ContextVar("prompt_migrate_inside", default=False)
_submitting: ContextVar[bool] = ContextVar("prompt_migrate_submitting", default=False)
_open: list[Context] = []
_lock: Final = threading.RLock()


def enter(context: Context) -> int:
    """Open a context in this task or thread; return how many are open now."""
    context.parent = _inherited()
    _current.set(context)
    with _lock:
        _open.append(context)
        return len(_open)


def leave(interception: Interception) -> tuple[Context, int]:
    """Close the innermost open context of an interception; return it, and how many are still open."""
    with _lock:
        context = _mine(interception)
        _open.remove(context)
        context.open = False
        left = len(_open)
    if _current.get() is context:
        # Not by a token: fixtures are torn down in another copy of the context than they were set up in.
        _current.set(context.parent)
    return context, left


def _mine(interception: Interception) -> Context:
    here = _current.get()
    if here is not None and here.open and here.interception is interception:
        return here
    return next(context for context in reversed(_open) if context.interception is interception)


def current() -> Context | None:
    """Return the context that a call made here and now belongs to.

    It is the one of this task or thread, or of the thread or task that started it; failing that (a thread or event
    loop that is older than the context), the only one that is open. None: nobody's, or nobody can say whose.
    """
    return _inherited() or _only_one()


def _inherited() -> Context | None:
    """Return the innermost open context of this task or thread."""
    context = _current.get()
    if context is None:
        context = getattr(threading.current_thread(), _THREAD_MARK, None)
    while context is not None and not context.open:
        context = context.parent
    return context


def _only_one() -> Context | None:
    with _lock:
        parents = {context.parent for context in _open}
        innermost = [context for context in _open if context not in parents]
    return innermost[0] if len(innermost) == 1 else None


def open_contexts() -> tuple[Context, ...]:
    """Return every open context."""
    with _lock:
        return tuple(_open)


@contextmanager
def inside() -> Iterator[None]:
    """Let no request be seen twice, where one HTTP client works through another."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def is_inside() -> bool:
    return _inside.get()


# --- Threads: a new one belongs to the context of the one that started it -----------------------------------


def thread_start(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return `Thread.start` that marks the thread with the context it is started in."""

    @functools.wraps(real)
    def start(self: threading.Thread) -> Any:
        # A thread of a pool belongs to nobody: it outlives the flow it was started in, and each job says whose it is.
        context = None if _submitting.get() else current()
        if context is not None:
            setattr(self, _THREAD_MARK, context)
        return real(self)

    return start


def executor_submit(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return `ThreadPoolExecutor.submit` that carries the context of each job."""

    @functools.wraps(real)
    def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        token = _submitting.set(True)
        try:
            return real(self, functools.partial(_carried, current(), fn), *args, **kwargs)
        finally:
            _submitting.reset(token)

    return submit


def _carried(context: Context | None, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = _current.set(context)
    try:
        return fn(*args, **kwargs)
    finally:
        _current.reset(token)
