"""Model names in Python that reach no call the scan knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from migrate.edges.scanning.names import is_telling
from migrate.edges.scanning.nouns import Mention, Spot, Sure
from migrate.edges.scanning.python.literals import Context, contexts
from migrate.edges.scanning.python.modules import Module
from migrate.edges.scanning.python.places import spot_of

REASONS: Final = {
    "key": "a key, where models are looked up by name",
    "comparison": "compared with a model's name",
    "type": "a type that lists models",
}


def mentions_of(module: Module, taken: set[Spot]) -> Iterator[Mention]:
    """Yield the model names of a module that no call is known to use."""
    known = contexts(module.tree)
    for node, _ in module.found.literals:
        context = known.get((node.lineno, node.col_offset), Context())
        text = node.value
        if not isinstance(text, str) or context.purpose == "documentation" or not is_telling(text, context.name):
            continue
        spot = spot_of(node, module)
        if spot not in taken:
            sure: Sure = "likely" if context.purpose == "value" else "possible"
            yield Mention(spot, text, context.name, sure, REASONS.get(context.purpose, ""), module.file.role)
