"""The second honest answer of an ambiguous case: what a careful person might as well have said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.call_habits import invented_argument
from migrate.edges.providers.simulated.draft import Draft, Slip
from migrate.edges.providers.simulated.facts import changed_facts, is_prose
from migrate.edges.providers.simulated.json_habits import ambiguous_label, dropped_optional, shortened_list
from migrate.edges.providers.simulated.places import path_text, put
from migrate.edges.providers.simulated.rewording import is_code, may_change
from migrate.edges.providers.simulated.scene import Proposal, Scene
from migrate.edges.providers.simulated.shapes import nodes
from migrate.vocabulary import FindingKind, JsonPath

_BETWEEN: Final = re.compile(r"(?<=[.!?])(\s+)")
_FEWEST_WORDS: Final = 4


def second_answer(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Another label, else something optional left out or added: a key, an item, an argument, a sentence."""
    if draft.kind == "json":
        yield from ambiguous_label(scene, draft)
        if not scene.strict:
            yield from dropped_optional(scene, draft)
        yield from shortened_list(scene, draft)
        yield from _shorter_strings(scene, draft)
    elif draft.kind == "tool_calls":
        yield from invented_argument(scene, draft)
    elif draft.text is not None and is_prose(draft.text) and not is_code(scene, draft.text):
        for text, sentence in scene.ordered(list(_without_one(draft.text)), lambda one: one[1], "left_out"):
            yield replace(draft, text=text), _left_out(JsonPath("$"), sentence)


def _shorter_strings(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    for node in nodes(draft.value, scene.schema):
        if may_change(node, scene):
            for text, sentence in _without_one(node.value):
                slip = replace(_left_out(path_text(node.steps), sentence), steps=node.steps)
                yield replace(draft, value=put(draft.value, node.steps, text)), slip


def _without_one(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text without one of its sentences, and that sentence; the first and the last line frame the rest."""
    parts = _BETWEEN.split(text)
    sentences, gaps = parts[::2], [*parts[1::2], ""]
    for at in range(1, len(sentences) - 1 if "\n" in text else len(sentences)):
        if len(sentences[at].split()) >= _FEWEST_WORDS:
            kept = [
                sentence + gap for place, (sentence, gap) in enumerate(zip(sentences, gaps, strict=True)) if place != at
            ]
            yield "".join(kept).rstrip(), sentences[at]


def _left_out(path: JsonPath, sentence: str) -> Slip:
    changes = FindingKind.FACT_CHANGED if any(changed_facts(sentence)) else FindingKind.LENGTH_CHANGED
    return Slip("sentence_left_out", path, sentence, None, changes=changes)
