"""Other words where words are free: prose and strings of prose, code only in its looks."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.draft import Draft, Slip
from migrate.edges.providers.simulated.facts import is_prose
from migrate.edges.providers.simulated.paraphrase import paraphrase
from migrate.edges.providers.simulated.personas import Persona
from migrate.edges.providers.simulated.places import path_text, put
from migrate.edges.providers.simulated.scene import Act, Proposal, Scene
from migrate.edges.providers.simulated.shapes import Node, nodes
from migrate.vocabulary import FindingKind, JsonPath

_LEFT_ALONE: Final = re.compile(r"quote|excerpt|citation|evidence|name|title|address|url|sql|code|query|(^|_)id$")
_BOUND: Final = frozenset({"enum", "const", "pattern", "format"})
_CODE: Final = re.compile(
    r"\s*(```|SELECT\b|WITH\b|INSERT\b|UPDATE\b|CREATE\b|def |class |import |from \w+ import|[{<\[])"
)
_SQL_WORDS: Final = re.compile(r"\b(SELECT|FROM|WHERE|GROUP BY|ORDER BY|JOIN|LEFT JOIN|HAVING|LIMIT)\b")
_STRENGTHS: Final = (1.0, 0.5, 0.25)
"""Shares of the persona's own strength that are tried until no check minds."""


def rewordings(scene: Scene, draft: Draft, persona: Persona) -> Iterator[Act]:
    """Yield one act for every text that may be reworded."""
    if draft.kind == "json":
        for node in nodes(draft.value, scene.schema):
            if may_change(node, scene):
                yield functools.partial(_string, node=node, persona=persona)
    elif draft.text is not None and is_code(scene, draft.text):
        yield functools.partial(_code, persona=persona)
    elif draft.text is not None and is_prose(draft.text):
        yield functools.partial(_text, persona=persona)


def may_change(node: Node, scene: Scene) -> bool:
    """Say whether a string is free prose: no identifier, no choice, and not taken from the input word by word."""
    return (
        isinstance(node.value, str)
        and bool(node.steps)
        and is_prose(node.value)
        and not _LEFT_ALONE.search(node.name)
        and not _BOUND & set(node.schema)
        and not _CODE.match(node.value)
        and scene.free(node.steps)
        and node.value not in scene.question.user_text
    )


def is_code(scene: Scene, text: str) -> bool:
    """Say whether a text is a program or a query rather than prose."""
    return any(check.kind in ("sql", "python") for check in scene.checks) or bool(_CODE.match(text))


def _draws(scene: Scene, persona: Persona, place: str) -> Callable[..., float]:
    return functools.partial(scene.chance.unit, persona.name, scene.case, scene.sample, place, "wording")


def _string(scene: Scene, draft: Draft, *, node: Node, persona: Persona) -> Iterator[Proposal]:
    path = path_text(node.steps)
    for share in _STRENGTHS:
        new = paraphrase(node.value, persona.wording * share, _draws(scene, persona, path))
        if new != node.value:
            slip = Slip("paraphrase", path, node.value, new, changes=FindingKind.WORDING_CHANGED)
            yield replace(draft, value=put(draft.value, node.steps, new)), slip


def _text(scene: Scene, draft: Draft, *, persona: Persona) -> Iterator[Proposal]:
    text = draft.text or ""
    for share in _STRENGTHS:
        new = paraphrase(text, persona.wording * share, _draws(scene, persona, "$"))
        if new != text:
            slip = Slip("paraphrase", JsonPath("$"), text, new, changes=FindingKind.WORDING_CHANGED)
            yield replace(draft, text=new), slip


def _code(scene: Scene, draft: Draft, *, persona: Persona) -> Iterator[Proposal]:
    """SQL: keywords in lower case, or a line for every clause. Anything else: a final newline."""
    text = draft.text or ""
    draw = _draws(scene, persona, "$")
    looks = (
        text,
        _SQL_WORDS.sub(lambda found: found[0].lower(), text),
        re.sub(r" (?=(?:FROM|WHERE|GROUP BY|ORDER BY|HAVING|LIMIT)\b)", "\n", text),
        text.rstrip("\n") + "\n",
    )
    new = looks[int(draw("look") * len(looks))]
    if draw("restyled") < persona.wording and new != text and "'" not in text and '"' not in text:
        slip = Slip("code_style", JsonPath("$"), text, new, changes=FindingKind.WORDING_CHANGED)
        yield replace(draft, text=new), slip
