"""What one filling of a template may use up: steps, characters and, as a last resort, seconds.

Steps and characters are counted, not measured, so that a template that passes on one machine passes on all. The
budget belongs to the thread that fills, since neither the compiler nor `concat` of Jinja2 passes a context along.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import SecurityError

from migrate.rendering.templates import MAX_RENDERED

MAX_STEPS: Final = 1_000_000
MAX_MADE: Final = 4 * MAX_RENDERED
"""Characters that all intermediate values of one filling may have together."""
MAX_SECONDS: Final = 5.0
"""CPU seconds of the thread; only operations that are slow without making anything get this far."""


class Budget:
    """What one filling has used up."""

    __slots__ = ("check_at", "deadline", "made", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.check_at = 256
        self.made = 0
        self.deadline = 0.0

    def tick(self, steps: int = 1) -> None:
        """Count steps: a turn of a loop is one."""
        self.steps += steps
        if self.steps >= self.check_at:
            self._check()

    def charge(self, size: int) -> None:
        """Count characters, before they are made wherever that is possible."""
        self.made += size
        if self.made > MAX_MADE:
            raise SecurityError(f"the template makes more than {MAX_MADE:,} characters on its way")

    def _check(self) -> None:
        self.check_at = self.steps + 256
        if self.steps > MAX_STEPS:
            raise SecurityError(f"the template takes more than {MAX_STEPS:,} steps")
        now = time.thread_time()
        self.deadline = self.deadline or now + MAX_SECONDS
        if now > self.deadline:
            raise SecurityError(f"the template takes more than {MAX_SECONDS:.0f} seconds")


class _Active(threading.local):
    def __init__(self) -> None:
        self.budget = Budget()


active: Final = _Active()
"""Holds the budget of the filling that runs in this thread."""


def tick(steps: int = 1) -> None:
    """Count steps."""
    active.budget.tick(steps)


def charge(size: int) -> None:
    """Count characters."""
    active.budget.charge(size)


def weight(value: Any) -> int:
    """Weigh a value and return what that cost."""
    before = active.budget.made
    weigh(value)
    return active.budget.made - before


def weigh(value: Any) -> None:
    """Charge for a value with everything inside it; a part that is shared counts each time it would be written."""
    if type(value) is str:
        return charge(len(value))
    rest: list[Any] = [value]
    while rest:
        item = rest.pop()
        charge(len(item) + 16 if isinstance(item, str) else 16)
        if isinstance(item, Mapping):
            rest.extend(item)
            rest.extend(item.values())
        elif isinstance(item, LISTS):
            rest += item
        elif isinstance(item, StrictUndefined):
            str(item)  # raises, saying what is missing
        elif not isinstance(item, SCALARS):
            raise SecurityError(_unprintable(item))
    return None


LISTS: Final[tuple[Any, ...]] = (list, tuple, set, type({}.keys()), type({}.values()), type({}.items()))
SCALARS: Final = (str, int, float, type(None), range, Undefined)
"""`Undefined` itself is what `{{ "x" if false }}` gives: nothing, and on purpose."""


def _unprintable(value: Any) -> str:
    if callable(value):
        return f"{getattr(value, '__name__', 'this')!r} is a method or a macro: call it, or take a key as x['key']"
    if isinstance(value, Iterator):
        return "this is a lazy list: add |list or |join"
    return f"a {type(value).__name__.lower()} cannot be printed or put into a value"


def breadth(value: Any) -> int:
    """Return the characters of a text or the items of a list: what a shallow copy of it costs."""
    return len(value) if isinstance(value, str | list | tuple) else 1
