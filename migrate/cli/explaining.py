"""`--explain` over all commands: words mean the same everywhere, and a figure of another command is pointed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate.cli.printing import folded
from migrate.errors import UsageProblem, did_you_mean

if TYPE_CHECKING:
    from migrate.evidence.figures import Figures


def word_lines(asked: str, here: str = "") -> list[str]:
    """Return what a word means, first on the screen of this command; nothing for what is no word.

    What is also a key of the command's JSON says at which places, and which figure tells their formula.
    """
    from migrate.evidence.glossary import defined

    lines = [*defined(asked, here)]
    if not lines or not here:
        return lines
    figures = _figures(here)
    if asked in figures.names:
        return lines
    places = {place: name for place, name in figures.places.items() if place.rpartition(".")[2] == asked}
    return [*lines, *(f"  in the JSON: {place} (--explain {name})" for place, name in sorted(places.items()))]


def unknown_figure(asked: str, here: str) -> UsageProblem:
    """Return the complaint about what a command cannot explain: who can, what was probably meant, and all it knows."""
    from migrate.evidence.glossary import WORDS, every_word

    own = _figures(here)
    several = own.several(asked)
    if several:
        return UsageProblem(f'several figures have "{asked}"', hint=f"name its place: {', '.join(several)}")
    other = next((name for name in ("compare", "route", "canary plan") if _figures(name).named(asked)), None)
    if other is not None:
        said = f"{other} knows it: prompt-migrate {other} --explain {asked}"
        return UsageProblem(f'{here} --explain does not know "{asked}"', hint=said)
    guess = did_you_mean(asked, (*own.known, *every_word()))
    known = (
        f"it knows the figures {', '.join(own.names)}; the words {', '.join(WORDS)}; every head of a table and every "
        "kind of finding"
    )
    return UsageProblem(f'--explain does not know "{asked}"', hint=folded(f"{guess} {known}".strip()))


def _figures(command: str) -> Figures:
    if command == "compare":
        from migrate.evidence.explaining import FIGURES as COMPARE

        return COMPARE
    if command == "route":
        from migrate.routing.explaining import FIGURES as ROUTE

        return ROUTE
    from migrate.canary.explaining import FIGURES as CANARY

    return CANARY


__all__ = ["unknown_figure", "word_lines"]
