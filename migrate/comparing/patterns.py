"""Regular expressions in the dialect of JSON Schema (ECMAScript), on an engine that cannot be made to hang.

The same engine judges `pattern` in schemas, `regex` checks and `regex` rules, so that one text never matches in
one place and fails in another. Most patterns run in linear time; those with look-around or back-references stop
at a fixed number of steps and are then *not judged*.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import jsonschema_rs

_FLAGS: Final = frozenset("ims")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def check_pattern(pattern: str, flags: str = "") -> str | None:
    """Return why a pattern cannot be used, in words for the user, or None when it can."""
    unknown = "".join(sorted(set(flags) - _FLAGS))
    if unknown:
        return (
            f"unknown flags `{unknown}`: `i` ignores case, `m` makes ^ and $ match at lines, `s` lets . match newlines"
        )
    try:
        _compiled(pattern, flags)
    except ValueError:
        return f"`{pattern}` is not a regular expression in ECMAScript syntax, the one JSON Schema uses"
    return None


def matches(pattern: str, text: str, flags: str = "") -> bool | None:
    """Return whether the pattern is found anywhere in the text; None when the engine gave up.

    Raises ValueError for a pattern that `check_pattern` refuses.
    """
    compiled = _compiled(pattern, flags)
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    if compiled.is_valid(text):
        return True
    gave_up = any("BacktrackLimit" in type(error.kind).__name__ for error in compiled.iter_errors(text))
    return None if gave_up else False


@lru_cache(maxsize=1024)
def _compiled(pattern: str, flags: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    # Python's spelling of named groups and of the end of text, which people type out of habit.
    spelled = pattern.replace("(?P<", "(?<").replace("\\Z", "\\z")
    prefix = f"(?{''.join(sorted(flags))})" if flags else ""
    return jsonschema_rs.Draft202012Validator({"pattern": prefix + spelled})
