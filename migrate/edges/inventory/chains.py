"""The steps of a chain, as a prompt file lists them, with the local corpora they look things up in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

from migrate.documents.files import Unreadable
from migrate.documents.reading import read_json
from migrate.edges.inventory.files import Folder
from migrate.edges.inventory.prompts import SENT_KEYS, amended
from migrate.edges.inventory.sheets import Sheet, Source, kind_of
from migrate.errors import Problem, did_you_mean
from migrate.vocabulary import Chain, Chunks, Flow, Json, Parse, Passage, Place, Prompt, Retrieval, Step, Vectors, When

CHAIN_KEYS: Final = ("steps", "answer")
STEP_KEYS: Final = ("step", "model", *SENT_KEYS, "parse", "for_each", "retrieve", "when")
CHUNK_KEYS: Final = ("chunks_of", "tokens", "overlap")
RETRIEVE_KEYS: Final = ("query", "corpus", "top", "embeddings")
WHEN_KEYS: Final = ("failed", "if")
PASSAGE_KEYS: Final = ("id", "text", "title")
OF_STEPS: Final = ("api", "messages", "tools")
"""Keys that each step has of its own: the file of a chain has none of them."""
OF_THE_ANSWER: Final = ("responseFormat", "jsonSchema", "parse")
"""Keys of a chain's file that speak of the answer it makes, and not of a step."""
MOST_STEPS: Final = 50
FEWEST_TOKENS: Final = 50
MOST_PASSAGES: Final = 100

_STEP: Final = re.compile(r"[A-Za-z_]\w{0,79}", re.ASCII)
_CODE: Final = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_STEP_NAME: Final = re.compile(r"(?<![\w.])steps\.([A-Za-z_]\w*)", re.ASCII)
_WHOLE: Final = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)


def with_chunks(flow: Flow, tokens: int) -> Flow:
    """Return a flow whose chains cut texts into chunks of so many tokens, whatever its file says."""
    if flow.chain is None:
        return flow
    variants = tuple(
        replace(variant, chain=variant.chain and _with_chunks(variant.chain, tokens)) for variant in flow.variants
    )
    chains = (flow.chain, *(variant.chain for variant in flow.variants if variant.chain is not None))
    cut = {step.name for chain in chains for step in chain.steps if isinstance(step.for_each, Chunks)}
    # What cases expect of chunks is of chunks as the file has them.
    cases = tuple(
        replace(case, expected_steps={name: one for name, one in case.expected_steps.items() if name not in cut})
        for case in flow.cases
    )
    return replace(flow, chain=_with_chunks(flow.chain, tokens), variants=variants, cases=cases)


def _with_chunks(chain: Chain, tokens: int) -> Chain:
    def cut(step: Step) -> Step:
        each = step.for_each
        if not isinstance(each, Chunks):
            return step
        return replace(step, for_each=replace(each, tokens=tokens, overlap=min(each.overlap, tokens // 2)))

    return replace(chain, steps=tuple(cut(step) for step in chain.steps))


def with_vectors(flow: Flow, vectors: Vectors) -> Flow:
    """Return a flow whose steps look passages up by these vectors, where they ask for embeddings."""
    if flow.chain is None:
        return flow
    variants = tuple(
        replace(variant, chain=variant.chain and _with_vectors(variant.chain, vectors)) for variant in flow.variants
    )
    return replace(flow, chain=_with_vectors(flow.chain, vectors), variants=variants)


def _with_vectors(chain: Chain, vectors: Vectors) -> Chain:
    def given(step: Step) -> Step:
        look = step.retrieve
        return step if look is None or not look.embeddings else replace(step, retrieve=replace(look, vectors=vectors))

    return replace(chain, steps=tuple(given(step) for step in chain.steps))


class Chains:
    """Reads the chains of one prompt file: the file's own and those of its variants; each corpus is read once."""

    def __init__(self, folder: Folder, prompt_file: Path) -> None:
        self._folder = folder
        self._prompt_file = prompt_file
        self._corpora: dict[str, tuple[Passage, ...]] = {}
        self._usual: Prompt | None = None
        """What every step begins with: the file's model and parameters."""

    def read(self, sheet: Sheet) -> Chain:
        """Return the chain of the file, which is read first, or of one of its variants."""
        if self._usual is None:
            self._usual = _usual(sheet)
        usual = self._usual
        steps: list[Step] = []
        for inner in sheet.sheets("steps", STEP_KEYS):
            steps.append(self._step(inner, usual, steps))
        if not steps:
            sheet.complain('"steps" is empty', "steps")
        elif len(steps) > MOST_STEPS:
            sheet.complain(f'"steps" has {len(steps)} steps, at most {MOST_STEPS} are read', "steps")
        answer = sheet.text("answer") or None
        _check_names(sheet, steps)
        if answer is None and steps and (steps[-1].for_each or steps[-1].when):
            key = "for_each" if steps[-1].for_each else "when"
            why = "is made once an item" if key == "for_each" else "may not be made"
            hint = "say in `answer` what the application makes of the steps, or add a last step"
            sheet.complain(f"the last step {why}, so there is no final answer", "steps", len(steps) - 1, key, hint=hint)
        return Chain(tuple(steps), answer)

    def _step(self, sheet: Sheet, usual: Prompt, earlier: list[Step]) -> Step:
        name = self._name(sheet, earlier)
        if not sheet.has("messages"):
            sheet.complain('"messages" is missing')
        model = sheet.text("model") or usual.model
        if not model:
            sheet.complain('"model" is missing: the model that is in production today, here or for the whole file')
        prompt = amended(replace(usual, model=model), sheet)
        promises_json = prompt.response_format != "text" or prompt.schema is not None
        return Step(
            name=name,
            prompt=prompt,
            parse=sheet.choice("parse", get_args(Parse), "json" if promises_json else "text"),  # type: ignore[arg-type]
            for_each=_for_each(sheet),
            retrieve=self._retrieval(sheet),
            when=_when(sheet, [step.name for step in earlier]),
            place=sheet.source.place(sheet.path),
        )

    @staticmethod
    def _name(sheet: Sheet, earlier: list[Step]) -> str:
        name = sheet.required("step", "its name, by which later steps and `--model step:model` know it")
        if name and not _STEP.fullmatch(name):
            words = 'must begin with a letter and may hold only letters, digits and "_": templates say steps.NAME'
            sheet.complain(f'the step\'s name "{name}" {words}', "step")
        if any(step.name == name for step in earlier):
            sheet.complain(f'two steps are called "{name}"', "step")
        return name

    # --- What a step looks up ---------------------------------------------------------------------------------

    def _retrieval(self, sheet: Sheet) -> Retrieval | None:
        if not sheet.has("retrieve"):
            return None
        inner = sheet.sheet("retrieve", RETRIEVE_KEYS)
        corpus = inner.required("corpus", "the JSONL file of passages, relative to this file")
        query = inner.required("query", "what is looked for, such as {{ question }}")
        embeddings = inner.text("embeddings")
        each = sheet.value.get("for_each")
        if embeddings and any(_STEP_NAME.search(text) for text in (query, each) if isinstance(text, str)):
            words = "a query with embeddings may not depend on an earlier step: its vector is made before the run"
            inner.complain(words, "query", hint="leave `embeddings` out: BM25 looks up any query")
        return Retrieval(
            query=query,
            passages=self._passages(inner, corpus) if corpus else (),
            top=inner.whole("top", 1, MOST_PASSAGES) or 5,
            corpus=corpus,
            embeddings=embeddings,
        )

    def _passages(self, sheet: Sheet, name: str) -> tuple[Passage, ...]:
        if name not in self._corpora:
            try:
                text = self._folder.document(self._prompt_file, name)
                shown = self._folder.shown(self._folder.beside(self._prompt_file, name))
                self._corpora[name] = _corpus(text, shown, sheet.source.problems)
            except Unreadable as problem:
                sheet.complain(problem.message, "corpus", hint=problem.hint)
                self._corpora[name] = ()
        return self._corpora[name]


def _corpus(text: str, shown: str, problems: list[Problem]) -> tuple[Passage, ...]:
    """Return the passages of a JSONL file, one a line."""
    found: dict[str, Passage] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = read_json(line)
        except Unreadable as problem:
            problems.append(Problem(problem.message, Place(shown, number), problem.hint))
            continue
        if not isinstance(row, dict):
            problems.append(Problem(f"a passage must be a mapping, not {kind_of(row)}", Place(shown, number)))
            continue
        sheet = Sheet(Source(shown, problems, row=number), (), row, PASSAGE_KEYS, extras=True)
        passage = Passage(sheet.required("id"), sheet.required("text"), sheet.text("title"))
        if passage.id in found:
            sheet.complain(f'the id "{passage.id}" is used twice', "id")
        found[passage.id] = passage
    if not found:
        problems.append(Problem("the corpus has no passages", Place(shown)))
    return tuple(found.values())


# --- Repeated and conditional steps ---------------------------------------------------------------------------


def _check_names(sheet: Sheet, steps: list[Step]) -> None:
    """Complain of `steps.NAME` in a template where no earlier step has that name."""
    names = [step.name for step in steps]
    for place, inner in enumerate(sheet.items("steps")):
        earlier = names[:place]
        for path, text in _texts(inner, ("steps", place)):
            _check_text(sheet, text, path, earlier)
    if isinstance(answer := sheet.value.get("answer"), str):
        _check_text(sheet, answer, ("answer",), names)


def _check_text(sheet: Sheet, text: str, path: tuple[str | int, ...], names: list[str]) -> None:
    used = (name for part in _CODE.findall(text) for name in _STEP_NAME.findall(part))
    for name in dict.fromkeys(used):
        if name not in names:
            sheet.complain(f'"steps.{name}" is no earlier step', *path, hint=did_you_mean(name, names))


def _texts(value: Json, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the texts of a step that are templates or expressions: everything but its schemas and tools."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("jsonSchema", "tools"):
                yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, place))


def _for_each(sheet: Sheet) -> Chunks | str | None:
    given = sheet.value.get("for_each")
    if given is None or isinstance(given, str):
        if given is not None and not _WHOLE.fullmatch(given):
            sheet.complain(
                '"for_each" must be one {{ expression }} that gives a list, or {chunks_of, tokens}', "for_each"
            )
        return given
    inner = sheet.sheet("for_each", CHUNK_KEYS)
    tokens = inner.whole("tokens", FEWEST_TOKENS)
    if tokens is None and not inner.has("tokens"):
        inner.complain('"tokens" is missing: the most tokens a chunk may have')
    overlap = inner.whole("overlap", 0) or 0
    if tokens is not None and overlap * 2 > tokens:
        inner.complain('"overlap" must be at most half of "tokens"', "overlap")
    return Chunks(inner.required("chunks_of", "the case's input that is cut"), tokens or FEWEST_TOKENS, overlap)


def _when(sheet: Sheet, earlier: list[str]) -> When | None:
    if not sheet.has("when"):
        return None
    inner = sheet.sheet("when", WHEN_KEYS)
    failed = inner.texts("failed")
    for name in failed:
        if name not in earlier:
            inner.complain(f'"{name}" is no earlier step', "failed", hint=did_you_mean(name, earlier))
    holds = inner.text("if")
    if holds and not _WHOLE.fullmatch(holds):
        inner.complain('"if" must be one {{ expression }}', "if")
    if not failed and not holds:
        inner.complain('"when" needs "failed" or "if"')
    return When(failed, holds)


# --- The file of a chain ----------------------------------------------------------------------------------------


def _usual(sheet: Sheet) -> Prompt:
    """Return what every step of a chain begins with: the file's model and parameters."""
    for key in OF_STEPS:
        if sheet.has(key):
            sheet.complain(f'"{key}" belongs to a step of "steps"', key)
    if not sheet.has("answer"):
        for key in OF_THE_ANSWER:
            if sheet.has(key):
                hint = 'or give the file an "answer", which it then speaks of'
                sheet.complain(f'"{key}" belongs to a step of "steps"', key, hint=hint)
    usual = Prompt(messages=(), model=sheet.text("model"))
    only = {key: value for key, value in sheet.value.items() if key == "modelParameters"}
    return amended(usual, Sheet(sheet.source, sheet.path, only, ("modelParameters",)))


def final_prompt(sheet: Sheet, chain: Chain) -> Prompt:
    """Return the prompt that stands for a chain: of its last step, or of the answer it makes."""
    model = sheet.text("model") or (chain.steps[-1].prompt.model if chain.steps else "")
    if chain.answer is None and chain.steps:
        return chain.steps[-1].prompt
    only = {key: value for key, value in sheet.value.items() if key in ("responseFormat", "jsonSchema")}
    return amended(Prompt(messages=(), model=model), Sheet(sheet.source, sheet.path, only, only))
