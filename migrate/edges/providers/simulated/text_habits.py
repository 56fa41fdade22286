"""Habits that change how an answer is written, or whether there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from migrate.edges.providers.simulated.draft import Break, Draft, Slip
from migrate.edges.providers.simulated.facts import changed_facts, is_prose
from migrate.edges.providers.simulated.paraphrase import Language, language_of
from migrate.edges.providers.simulated.scene import Proposal, Scene
from migrate.vocabulary import FindingKind, Finish, JsonPath, Rung

_WHOLE: Final = JsonPath("$")
_REFUSAL: Final = "I'm sorry, but I can't assist with that request."


_RUNGS: Final = {
    FindingKind.FENCED_JSON: Rung.PARSED,
    FindingKind.CHATTY_JSON: Rung.PARSED,
    FindingKind.INVALID_JSON: Rung.PARSED,
}


def _breaking(habit: str, kind: FindingKind, before: str, after: str, also: tuple[Break, ...] = ()) -> Slip:
    """Return a slip of the whole answer, on the rung its kind belongs to."""
    broken = Break(_RUNGS.get(kind, Rung.ANSWERED), kind, _WHOLE)
    return Slip(habit, _WHOLE, before[:200], after[:200], broken, also)


def _no_json(draft: Draft) -> tuple[Break, ...]:
    """Return what follows for a JSON flow when the text is no JSON any more."""
    return (Break(Rung.PARSED, FindingKind.INVALID_JSON, _WHOLE),) if draft.kind == "json" else ()


def _no_calls(draft: Draft) -> tuple[Break, ...]:
    """Return what follows when calls were expected and none is made."""
    path = JsonPath("$tool_calls")
    return (Break(Rung.TOOLS, FindingKind.MISSING_TOOL_CALL, path),) if draft.calls else ()


# --- JSON written badly ------------------------------------------------------------------------------


def fenced_json(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """The JSON stands in a Markdown code fence: harmless only where the application strips it."""
    if draft.kind == "json" and draft.text is not None:
        text = f"```json\n{draft.text}\n```"
        slip = _breaking("fenced_json", FindingKind.FENCED_JSON, draft.text, text)
        yield replace(draft, text=text), replace(slip, breaks=None) if scene.parse == "fenced" else slip


def chatty_json(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """Prose around the JSON."""
    if draft.kind == "json" and draft.text is not None:
        text = f"Here is the result you asked for:\n\n{draft.text}\n\nLet me know if anything should be changed."
        yield (
            replace(draft, text=text),
            _breaking("chatty_json", FindingKind.CHATTY_JSON, draft.text, text),
        )


def invalid_json(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """A trailing comma before the last bracket."""
    if draft.kind == "json" and draft.text is not None and re.search(r"[^\s\[{]\s*[}\]]\Z", draft.text):
        text = draft.text[:-1].rstrip() + "," + draft.text[-1]
        yield (
            replace(draft, text=text),
            _breaking("invalid_json", FindingKind.INVALID_JSON, draft.text[-40:], text[-40:]),
        )


# --- No whole answer ---------------------------------------------------------------------------------


def refusal(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """Declines: in the `refusal` field where a schema is enforced, else in plain words. No answer either way."""
    also = (*_no_json(draft), *_no_calls(draft))
    slip = _breaking("refusal", FindingKind.REFUSED, draft.text or "", _REFUSAL, also)
    if scene.question.response_format == "json_schema":
        yield Draft(draft.kind, refusal=_REFUSAL), replace(slip, how="in its field")
    else:
        yield Draft(draft.kind, text=_REFUSAL), replace(slip, how="in words")


def filtered(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """The content filter stops the answer before its first word."""
    yield from _emptied(draft, "filtered", FindingKind.FILTERED, "content_filter")


def empty(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """Nothing at all, with a normal end."""
    yield from _emptied(draft, "empty", FindingKind.EMPTY, "stop")


def _emptied(draft: Draft, habit: str, kind: FindingKind, finish: Finish) -> Iterator[Proposal]:
    also = (*_no_json(draft), *_no_calls(draft))
    yield (
        Draft(draft.kind, text="", finish=finish),
        _breaking(habit, kind, draft.text or "", "", also),
    )


def truncation(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """Runs on until the length limit: the text ends in the middle of a word."""
    if draft.text is not None and not draft.calls and len(draft.text) >= 12:
        kept = draft.text[: max(1, len(draft.text) * 11 // 20)]
        slip = _breaking("truncation", FindingKind.TRUNCATED, draft.text, kept, _no_json(draft))
        yield replace(draft, text=kept, finish="length"), slip


# --- Prose -------------------------------------------------------------------------------------------


def changed_fact(scene: Scene, draft: Draft) -> Iterator[Proposal]:
    """A number or date in the prose is another one."""
    if draft.kind != "text" or draft.text is None or not is_prose(draft.text):
        return
    options = list(changed_facts(draft.text))
    for new, before, after in scene.ordered(options, lambda option: option[1], "changed_fact"):
        yield replace(draft, text=new), Slip("changed_fact", _WHOLE, before, after, changes=FindingKind.FACT_CHANGED)


_ELSEWHERE: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Thank you for your message.",
        "We have looked at your request and will take care of it.",
        "Please write to us again if something is not clear to you.",
        "Our team is happy to assist you with the next steps.",
    ),
    "de": (
        "Vielen Dank für Ihre Nachricht.",
        "Wir haben Ihr Anliegen geprüft und werden uns darum kümmern.",
        "Bitte schreiben Sie uns noch einmal, falls Ihnen etwas nicht klar ist.",
        "Unser Team hilft Ihnen gerne bei den nächsten Schritten.",
    ),
}


def language_switch(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """Answers in another language: English where the answer should not be, German where it should be English."""
    if draft.kind != "text" or draft.text is None or len(draft.text.split()) < 12:
        return
    own = language_of(draft.text)
    if own is None:
        return
    text = _in_language("de" if own == "en" else "en", draft.text)
    slip = Slip("language_switch", _WHOLE, draft.text[:200], text[:200], changes=FindingKind.LANGUAGE_CHANGED)
    yield replace(draft, text=text), slip


def _in_language(language: Language, text: str) -> str:
    """Return stock sentences of about the length of a text, with its numbers and links kept behind them."""
    words = len(text.split())
    sentences: list[str] = []
    stock = _ELSEWHERE[language]
    while sum(len(sentence.split()) for sentence in sentences) < words - 4:
        sentences.append(stock[len(sentences) % len(stock)])
    facts = re.findall(r"\[[^\[\]\s]{1,40}\]|https?://\S+[^\s.,;)]|\d{4}-\d{2}-\d{2}|\d+(?:[.,]\d+)*", text)
    return " ".join([*sentences, *([f"({', '.join(facts)})"] if facts else [])])


def markdown(_: Scene, draft: Draft) -> Iterator[Proposal]:
    """Other bullets, or a line of its own for every sentence."""
    if draft.kind != "text" or draft.text is None or "```" in draft.text:
        return
    tries = (
        re.sub(r"(?m)^- ", "* ", draft.text),
        re.sub(r"(?<=[a-zäöüßéèêñçã][.!?]) (?=[A-ZÄÖÜÉ])", "\n\n", draft.text),
    )
    for text in tries:
        if text != draft.text:
            slip = Slip("markdown", _WHOLE, draft.text[:200], text[:200], changes=FindingKind.WORDING_CHANGED)
            yield replace(draft, text=text), slip
