"""One prompt file as a flow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from migrate.documents.files import Unreadable
from migrate.documents.reading import Document, read_yaml
from migrate.edges.inventory.cases import Cases, name_trouble
from migrate.edges.inventory.chains import CHAIN_KEYS, Chains, final_prompt
from migrate.edges.inventory.checks import read_checks, read_evaluators
from migrate.edges.inventory.files import SUFFIXES, Folder
from migrate.edges.inventory.prompts import SENT_KEYS, amended, read_prompt
from migrate.edges.inventory.rules import read_rules
from migrate.edges.inventory.sheets import Sheet, Source, kind_of
from migrate.edges.inventory.tolerated import read_tolerated
from migrate.errors import Problem, did_you_mean
from migrate.vocabulary import Case, Chain, Criticality, Flow, FlowName, Parse, Place, Prompt, Traffic, Variant

FLOW_KEYS: Final = (
    *("flow", "name", "description", "owner", "critical", "model", *SENT_KEYS, "parse", "cases", "testData"),
    *("checks", "evaluators", "rules", "tolerated", "variants", "traffic", "tolerances", "samples", *CHAIN_KEYS),
)
VARIANT_KEYS: Final = (*SENT_KEYS, "default_for")
CHAIN_VARIANT_KEYS: Final = (*CHAIN_KEYS, "default_for")
TRAFFIC_KEYS: Final = ("requests_per_day", "users_per_day", "cached_share")
TOLERANCE_KEYS: Final = ("margin", "cost", "p95")
MAX_SAMPLES: Final = 1_000
_SAID: Final = re.compile(r"""^flow:[ \t]*["']?([A-Za-z0-9._-]{1,80})""", re.MULTILINE)
"""The line that names a flow, in a file that is no YAML."""


def read_flow(folder: Folder, path: Path, problems: list[Problem]) -> Flow | None:
    """Return the flow of a prompt file; what is wrong is added to `problems`, and None when there is no flow to see."""
    source = Source(folder.shown(path), [])
    try:
        source.document = read_yaml(folder.text(path), lambda why, line: source.complain((), why, line=line))
        if isinstance(source.document.value, dict):
            return _flow(folder, path, source, source.document)
        source.complain((), f"a prompt file is a mapping of keys, not {kind_of(source.document.value)}", line=1)
    except Unreadable as problem:
        source.problems.append(Problem(problem.message, Place(source.file, problem.line), problem.hint))
    finally:
        problems += sorted(source.problems, key=lambda problem: _order(source.file, problem))
    return None


def _order(file: str, problem: Problem) -> tuple[bool, str, int]:
    """Return where a problem is told: the prompt file's first, then those of its case files, line by line."""
    assert problem.place is not None
    return problem.place.file != file, problem.place.file, problem.place.line or 0


def _flow(folder: Folder, path: Path, source: Source, document: Document) -> Flow:
    sheet = Sheet(source, (), document.value, FLOW_KEYS, extras=True)
    chains = Chains(folder, path)
    chain = chains.read(sheet) if "steps" in sheet.value else None
    if chain is None and sheet.has("answer"):
        sheet.complain('"answer" goes with "steps": it is what the application makes of them', "answer")
    prompt = read_prompt(sheet) if chain is None else final_prompt(sheet, chain)
    cases = Cases(folder, path).read(sheet)
    variants = _variants(sheet, prompt, chain, chains)
    _check_expected(sheet.source, [chain, *(variant.chain for variant in variants)], cases)
    return Flow(
        name=FlowName(_name(sheet, path)),
        prompt=prompt,
        cases=cases,
        title=sheet.text("name"),
        description=sheet.text("description"),
        owner=sheet.text("owner"),
        critical=sheet.choice("critical", get_args(Criticality), "medium"),  # type: ignore[arg-type]
        parse=_parse(sheet, prompt, chain),
        rules=read_rules(sheet),
        tolerated=read_tolerated(sheet),
        checks=(*read_checks(sheet), *read_evaluators(sheet)),
        variants=variants,
        traffic=_traffic(sheet),
        tolerances=_tolerances(sheet),
        samples=sheet.whole("samples", 1, MAX_SAMPLES),
        place=Place(source.file, document.mark.line),
        cases_place=_cases_place(sheet),
        extras={key: value for key, value in sheet.value.items() if key.startswith("x-")},
        chain=chain,
    )


# --- Chains ---------------------------------------------------------------------------------------------------


def _check_expected(source: Source, chains: Sequence[Chain | None], cases: tuple[Case, ...]) -> None:
    """Complain of steps that cases speak of and no chain of the file has."""
    names = [step.name for chain in chains if chain is not None for step in chain.steps]
    for case in cases:
        for name in case.expected_steps:
            if name not in names:
                words = f'case {case.id}: "expected_steps" names "{name}", which is no step'
                source.problems.append(Problem(words, case.place, did_you_mean(name, names)))


def presumed_name(folder: Folder, path: Path) -> FlowName:
    """Return what the flow of a file that cannot be read is called, as far as its text or its name tell."""
    try:
        said = _SAID.search(folder.text(path))
    except Unreadable:
        said = None
    return FlowName(said[1] if said else _named_by_file(path))


def _named_by_file(path: Path) -> str:
    stem = next(path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:80]


def _name(sheet: Sheet, path: Path) -> str:
    if sheet.has("flow"):
        name = sheet.text("flow")
        trouble = name_trouble(name)
        if trouble:
            sheet.complain(f'the flow\'s name "{name}" {trouble}', "flow")
        return name
    name = _named_by_file(path)
    trouble = name_trouble(name)
    if trouble:
        sheet.complain(f'no flow can be called after the file "{path.name}"', hint='give it a name: "flow: ..."')
    return name


def _parse(sheet: Sheet, prompt: Prompt, chain: Chain | None) -> Parse:
    if chain is not None and chain.answer is None and chain.steps:
        return chain.steps[-1].parse
    promises_json = prompt.response_format != "text" or prompt.schema is not None
    return sheet.choice("parse", get_args(Parse), "json" if promises_json else "text")  # type: ignore[return-value]


def _cases_place(sheet: Sheet) -> Place | None:
    for key in ("cases", "testData"):
        if key in sheet.value:
            return sheet.source.place((key,))
    return None


def _variants(sheet: Sheet, prompt: Prompt, chain: Chain | None, chains: Chains) -> tuple[Variant, ...]:
    variants: list[Variant] = []
    claimed: dict[str, str] = {}
    given = sheet.mapping("variants")
    named = Sheet(sheet.source, ("variants",), given, given)
    for name in given:
        trouble = name_trouble(name)
        if trouble:
            named.complain(f'the variant\'s name "{name}" {trouble}', name)
        inner = named.sheet(name, VARIANT_KEYS if chain is None else CHAIN_VARIANT_KEYS)
        default_for = inner.texts("default_for")
        for model in default_for:
            if claimed.setdefault(model, name) != name:
                inner.complain(f'"{model}" already gets the variant "{claimed[model]}"', "default_for")
        if chain is None:
            variants.append(Variant(name, amended(prompt, inner), default_for))
            continue
        if not inner.has("steps"):
            inner.complain('a variant of a chain needs "steps": the whole chain in its other wording')
        own = chains.read(inner) if inner.has("steps") else chain
        own_prompt = prompt if own.answer or not own.steps else own.steps[-1].prompt
        variants.append(Variant(name, own_prompt, default_for, own))
    return tuple(variants)


def _traffic(sheet: Sheet) -> Traffic:
    inner = sheet.sheet("traffic", TRAFFIC_KEYS)
    return Traffic(
        requests_per_day=inner.number("requests_per_day", 0),
        users_per_day=inner.number("users_per_day", 0),
        cached_share=inner.number("cached_share", 0, 1),
    )


def _tolerances(sheet: Sheet) -> dict[str, float]:
    inner = sheet.sheet("tolerances", TOLERANCE_KEYS)
    read = {
        "margin": inner.number("margin", 0, 1),
        "cost": inner.number("cost", 0),
        "p95": inner.number("p95", 0),
    }
    return {name: value for name, value in read.items() if value is not None}
