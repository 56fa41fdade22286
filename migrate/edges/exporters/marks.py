"""What a file says of itself when the simulated provider's answers are behind it."""

from __future__ import annotations

from typing import Final

SIMULATED: Final = "SIMULATED: the simulated provider answered. Not for production."


def marked(key: str, *, simulated: bool) -> dict[str, str]:
    """Return the mark under its key in a file's metadata; nothing where a provider was asked."""
    return {key: SIMULATED} if simulated else {}
