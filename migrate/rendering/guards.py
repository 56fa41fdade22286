"""What templates may use of operators, filters and methods, and what each is asked before it runs.

A guard gets the value, the arguments and the named arguments, and raises SecurityError, or charges the budget with
the size of what is about to be made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2.exceptions import SecurityError

from migrate.rendering.budget import breadth, charge, weigh, weight

MAX_BITS: Final = 8_192
MAX_WIDTH: Final = 999

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Guard = Callable[[Any, Args, Kwargs], None]

_PERCENT: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\*|\d{4,}|\d*\.(?:\*|\d{4,}))")
_BRACES: Final = re.compile(r"\{[^{}]*:[^{}]*(?:\d{4,}|\{)")


def _argument(args: Args, kwargs: Kwargs, index: int, name: str, default: Any) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


# --- Operators ------------------------------------------------------------------------------------------


def _product(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() + right.bit_length())
    for sequence, times in ((left, right), (right, left)):
        if isinstance(times, int) and times > 0 and isinstance(sequence, str | list | tuple):
            charge(weight(sequence) * (times - 1))


def _power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _bits(left.bit_length() * max(right, 0))


def _bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise SecurityError(f"a number of {bits:,} bits is too large")


def _sum(left: Any, right: Any) -> None:
    if isinstance(left, str | list | tuple):
        weigh(left)
        weigh(right)


def _modulo(left: Any, right: Any) -> None:
    if isinstance(left, str):
        percent(left, right if isinstance(right, tuple) else (right,), {})


OPERATORS: Final[dict[str, Callable[[Any, Any], None]]] = {"*": _product, "**": _power, "+": _sum, "%": _modulo}


# --- Filters and methods --------------------------------------------------------------------------------


def percent(text: Any, args: Args, kwargs: Kwargs) -> None:
    """Ask before `"%s" % value` and `"%s"|format(value)`."""
    _format(str(text), _PERCENT, "%", args, kwargs)


def braces(text: str, args: Args, kwargs: Kwargs) -> None:
    """Ask before `"{}".format(value)`."""
    _format(text, _BRACES, "{", args, kwargs)


def _format(text: str, wide: re.Pattern[str], mark: str, args: Args, kwargs: Kwargs) -> None:
    if wide.search(text):
        raise SecurityError(f"a width in a format is written out and at most {MAX_WIDTH}")
    charge(text.count(mark) * (MAX_WIDTH + weight([*args, *kwargs.values()])))


def _widths(_: Any, args: Args, kwargs: Kwargs) -> None:
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, int) and abs(argument) > MAX_WIDTH:
            raise SecurityError(f"{argument:,} is too large a number here, at most {MAX_WIDTH} is allowed")


def _indent(value: Any, args: Args, kwargs: Kwargs) -> None:
    _widths(value, args, kwargs)
    width = _argument(args, kwargs, 0, "width", 4)
    charge((str(value).count("\n") + 1) * (width if isinstance(width, int) else len(str(width))))


def _replace(value: Any, args: Args, kwargs: Kwargs) -> None:
    text, old = str(value), str(_argument(args, kwargs, 0, "old", ""))
    new = str(_argument(args, kwargs, 1, "new", ""))
    charge((text.count(old) if old else len(text) + 1) * len(new))


def _start(_: Any, args: Args, kwargs: Kwargs) -> None:
    if not isinstance(_argument(args, kwargs, 1, "start", 0), int | float):
        raise SecurityError("sum adds numbers only")


def _free(names: str) -> dict[str, Guard | None]:
    return dict.fromkeys(names.split())


TEXT_FILTERS: Final[dict[str, Guard | None]] = {
    **_free("capitalize e escape forceescape lower pprint safe string striptags title trim truncate upper urlencode"),
    **_free("wordcount"),
    "center": _widths,
    "format": percent,
    "indent": _indent,
    "replace": _replace,
    "tojson": _widths,
}
"""Filters that read a value's text. Left out: `random` (a request must be the same twice) and `urlize`, `wordwrap`,
`xmlattr` (meant for web pages, slow on long texts)."""

OTHER_FILTERS: Final[dict[str, Guard | None]] = {
    **_free("abs attr count d default dictsort filesizeformat first float groupby int items join last length list map"),
    **_free("max min reject rejectattr reverse select selectattr sort unique"),
    "batch": _widths,
    "round": _widths,
    "slice": _widths,
    "sum": _start,
}

METHODS: Final[dict[type, dict[str, Guard | None]]] = {
    str: {
        **_free("capitalize casefold count endswith find format index isalnum isalpha isascii isdecimal isdigit"),
        **_free("islower isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind"),
        **_free("rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"),
        "center": _widths,
        "ljust": _widths,
        "replace": _replace,
        "rjust": _widths,
        "zfill": _widths,
    },
    dict: _free("copy get items keys values"),
    list: _free("copy count index"),
    tuple: _free("count index"),
    int: {},
    float: _free("is_integer"),
}
"""Type -> the methods a template may call."""


def methods_of(value: Any) -> dict[str, Guard | None] | None:
    """Return the methods a template may call on a value; None for what is not plain data."""
    for kind, methods in METHODS.items():
        if isinstance(value, kind):
            return methods
    return None


def ask_method(method: Any, args: Args, kwargs: Kwargs) -> None:
    """Ask before a method, a macro or a constructor is called."""
    owner = getattr(method, "__self__", None)
    guard = (methods_of(owner) or {}).get(getattr(method, "__name__", ""))
    if guard is not None:
        guard(owner, args, kwargs)
    if isinstance(method, type):  # dict(...), namespace(...)
        weigh([*args, *kwargs.values()])
    charge(breadth(owner))
