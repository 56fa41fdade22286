"""An import: foreign files read, sampled, redacted, held against the strict loader, written where nothing is yet."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from migrate.canonical import digest_json, request_of
from migrate.comparing import contract_of
from migrate.documents.writing import comment, written
from migrate.drafting import SUFFIX, file_name
from migrate.edges.importers import (
    LINED,
    Drawn,
    Found,
    Harvest,
    Mapped,
    Refused,
    Row,
    Wanted,
    asked,
    drawn,
    harvest_of,
    source_of,
)
from migrate.edges.inventory import load_flow
from migrate.errors import InventoryProblem, PromptMigrateError, UsageProblem
from migrate.rendering import bind_checks, rehearse
from migrate.vocabulary import Call, Case, CaseId, Flow, FlowName, Golden, Json, Measurement, Reply, Request, Source
from migrate.wire.replies import NotAReply, read_answer
from migrate.wiring.world import World
from migrate.workflow.fold import measurements_of
from migrate.workflow.replay import baseline_request, judged_of

CASES: Final = ".cases.jsonl"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LATEST: Final = 253_402_300_800
"""Seconds since 1970 at which years stop having four digits."""
_NO_KEY: Final = "the prompt file renders another request than was logged: {what} differ{s}"


@dataclass(frozen=True, slots=True)
class Imported:
    """One flow that an import made."""

    found: Found
    flow: str
    path: str
    """Of the prompt file, as the user would type it."""
    cases_path: str
    what: str
    """`wrote`, or `kept`: one of the files was there."""
    cases: int
    near: int
    """Cases left out as near-duplicates of others."""
    over: int
    """Cases left out because their stratum was full."""
    goldens: int = 0
    """Cases whose logged answers became goldens."""
    samples: int = 0
    """Answers in them."""
    unused: int = 0
    """Further answers to the same requests that the goldens have no room for."""
    to_record: tuple[str, ...] = ()
    """Why other cases have no golden, each reason with its number of cases."""


@dataclass(frozen=True, slots=True)
class Import:
    """What came of some files."""

    flows: tuple[Imported, ...]
    refused: tuple[Refused, ...]
    formats: Mapping[str, str]
    lines: Mapping[str, int]
    """Log or table -> lines that were read.

    Of all of them together, each is a case, folded into one, an answer joined to one, left out as a near-duplicate or
    as over the sample, or refused.
    """


@dataclass(frozen=True, slots=True)
class Asked:
    """What an import was asked for."""

    files: tuple[Path, ...]
    mapped: Mapped | None = None
    wanted: Wanted = field(default_factory=Wanted)
    per: str = "flow"
    with_goldens: bool = True


def import_files(world: World, asked: Asked) -> Import:
    """Read the files and write what they hold; a file that is there stays as it is. Raises UsageProblem."""
    sources = [source_of(path, world.root) for path in asked.files]
    harvest = harvest_of(sources, asked.mapped, asked.per)
    taken: set[str] = set()
    flows = []
    for found in harvest.found:
        imported = _imported(world, asked, found, file_name(world.redactor.text(found.words), taken), harvest)
        if imported is not None:
            flows.append(imported)
    lines = {file: harvest.lines[file] for file, kind in harvest.formats.items() if kind in LINED}
    return Import(tuple(flows), tuple(harvest.refused), harvest.formats, lines)


def _imported(world: World, asked: Asked, found: Found, name: str, harvest: Harvest) -> Imported | None:
    """Write one flow, unless the strict loader does not take it or one of its files is there."""
    # What a person wrote on purpose is not thinned out for being alike.
    wanted = asked.wanted if found.production else replace(asked.wanted, near=0)
    choice = drawn(found.rows, wanted, world.redactor.text)
    redact = world.redactor.value
    rows = list(_named(choice.rows, redact))
    files = {f"{name}{SUFFIX}": _prompt_text(found, name, redact), f"{name}{CASES}": _cases_text(found, rows, redact)}
    try:
        flow = _held_against_the_loader(files, f"{name}{SUFFIX}")
    except InventoryProblem as problem:
        first, more = problem.problems[0], len(problem.problems) - 1
        others = f" (and {more} more)" if more else ""
        why = f"the strict loader would not take it: {first.message}{others}"
        harvest.refuse("prompt", found.place, why, found.lines if found.production else 0)
        return None
    what = _write(world.prompts, files)
    imported = _told(world, found, name, what, choice)
    return _with_goldens(world, imported, flow, rows) if what == "wrote" and asked.with_goldens else imported


def _told(world: World, found: Found, name: str, what: str, choice: Drawn) -> Imported:
    folder = Path(world.settings.prompts).as_posix()
    return Imported(
        found=found,
        flow=name,
        path=f"{folder}/{name}{SUFFIX}",
        cases_path=f"{folder}/{name}{CASES}",
        what=what,
        cases=len(choice.rows),
        near=choice.near,
        over=choice.over,
    )


# --- Files ----------------------------------------------------------------------------------------------------


def _named(rows: Iterable[Row], redact: Callable[[Json], Json]) -> Iterator[tuple[str, Row]]:
    """Yield rows with ids that no two of them share: their own where it can be a file's name, else made of content."""
    taken: set[str] = set()
    for row in rows:
        own = re.sub(r"[^A-Za-z0-9._-]+", "-", str(redact(row.id))).strip("-._")[:64].strip("-._")
        name = own if own == row.id or " " in row.id else ""
        if not _ID.fullmatch(name) or f"{name.casefold()}" in ("measurements", "con", "nul", "prn", "aux"):
            name = f"case-{digest_json(redact(dict(row.inputs)))[:10]}"
        unique, count = name, 1
        while unique.casefold() in taken:
            count += 1
            unique = f"{name}-{count}"
        taken.add(unique.casefold())
        yield unique, row


def _prompt_text(found: Found, name: str, redact: Callable[[Json], Json]) -> str:
    document: dict[str, Any] = {**found.document, "cases": f"{name}{CASES}"}
    if found.production:
        document["x-golden-source"] = "production_sample"
    head = [comment(f"Imported by prompt-migrate from {found.place}.")]
    head += [comment(f"Open: {text}") for text in found.open]
    clean: Any = redact(document)
    return "\n".join([*head, written(clean)])


def _cases_text(found: Found, rows: Iterable[tuple[str, Row]], redact: Callable[[Json], Json]) -> str:
    return "".join(json.dumps(redact(_case(found, name, row)), ensure_ascii=False) + "\n" for name, row in rows)


def _case(found: Found, name: str, row: Row) -> dict[str, Any]:
    case: dict[str, Any] = {"id": name, "inputs": dict(row.inputs)}
    if row.expected is not None:
        case["expected"] = row.expected
    if row.checks:
        case["checks"] = [dict(check) for check in row.checks]
    if row.tags:
        case["tags"] = list(row.tags)
    if found.production:
        case["x-golden-source"] = "production_sample"
    case["x-imported-from"] = str(row.place)
    return case


def _held_against_the_loader(files: Mapping[str, str], prompt: str) -> Flow:
    """Return the flow that the files will be; raises InventoryProblem before anything is written for users."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="\n")
        flow = load_flow(Path(folder) / prompt, root=Path(folder))
    if problems := rehearse(flow):
        raise InventoryProblem(problems)
    return flow


def _write(folder: Path, files: Mapping[str, str]) -> str:
    """Write all of the files or, where one of them is there, none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any((folder / name).exists() for name in files):
            return "kept"
        # The cases first: a prompt file whose cases are missing would be a problem of the inventory.
        for name, text in reversed([*files.items()]):
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except FileExistsError:
        return "kept"
    except OSError as error:
        raise UsageProblem(f"{error.filename}: cannot be written: {error.strerror}") from None
    return "wrote"


# --- Goldens --------------------------------------------------------------------------------------------------


def _with_goldens(world: World, imported: Imported, flow: Flow, rows: Iterable[tuple[str, Row]]) -> Imported:
    """Make goldens of logged answers, case by case, wherever the prompt file renders the very request that was sent."""
    flow = replace(flow, name=FlowName(imported.flow))
    cases = {case.id: case for case in flow.cases}
    goldens: list[Golden] = []
    unused = 0
    reasons: Counter[str] = Counter()
    for name, row in rows:
        if row.request is None:
            continue
        try:
            golden = _golden(world, flow, cases[CaseId(name)], row)
            world.goldens.write(golden)
            goldens.append(golden)
            unused += len(row.answers) - len(golden.samples)
        except (_NoGolden, PromptMigrateError) as problem:
            reasons[str(problem)] += 1
    world.goldens.write_measurements(flow.name, [row for golden in goldens for row in _measured(golden)])
    told = tuple(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
    samples = sum(len(golden.samples) for golden in goldens)
    return replace(imported, goldens=len(goldens), samples=samples, unused=unused, to_record=told)


class _NoGolden(Exception):
    """The logged answers of a case cannot be its golden."""


def _golden(world: World, flow: Flow, case: Case, row: Row) -> Golden:
    assert row.request is not None
    if not row.answers:
        raise _NoGolden("no answer was logged")
    if world.goldens.read(flow.name, case.id) is not None:
        raise _NoGolden("a golden is there")
    request = baseline_request(flow, case, world.redactor)
    ours, logged = (request_of(request.api, asked(body), world.redactor.value) for body in (request.body, row.request))
    if logged.request_key != ours.request_key:
        raise _NoGolden(_difference(ours, logged, world.redactor.value))
    contract = contract_of(flow, flow.prompt, bind_checks(flow, case))
    bodies = _spread(row.answers, world.settings.samples)
    calls = [Call(request, _reply(request, body), source=Source.GOLDEN, at=_time(body)) for body in bodies]
    return Golden(
        flow=flow.name,
        case=case.id,
        baseline=flow.prompt.model,
        requests=(request,),
        samples=tuple(judged_of(contract, index, call, world.redactor) for index, call in enumerate(calls, 1)),
        contract_digest=contract.digest,
    )


def _spread(answers: Sequence[Mapping[str, Json]], most: int) -> list[Mapping[str, Json]]:
    """Return as many answers as are recorded for a case, from the whole length of the log.

    A candidate answers as often as the golden does: it would be asked a thousand times what was logged as often.
    """
    if len(answers) <= most:
        return list(answers)
    return [answers[at * len(answers) // most] for at in range(most)]


def _measured(golden: Golden) -> Iterator[Measurement]:
    """Yield the usage that the logged answers tell; how long they took is not in them."""
    for judged in golden.samples:
        yield from measurements_of(golden.flow, golden.case, judged.sample)


def _time(body: Mapping[str, Json]) -> str:
    """Return when an answer was made, as it says itself; empty when it does not."""
    made = body.get("created", body.get("created_at"))
    if isinstance(made, bool) or not isinstance(made, int | float) or not 0 < made < LATEST:
        return ""
    return datetime.fromtimestamp(int(made), UTC).isoformat()


def _reply(request: Request, body: Mapping[str, Json]) -> Reply:
    try:
        return read_answer(request.api, dict(body), request.model, None)
    except NotAReply as problem:
        raise _NoGolden(f"a logged answer is no reply: {problem.no_reply.message}") from None


def _difference(request: Request, logged: Request, redact: Callable[[Json], Json]) -> str:
    """Return which members of two requests differ."""
    one, other = redact(dict(request.body)), redact(dict(logged.body))
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return _NO_KEY.format(what=", ".join(names) or "the key", s="s" if len(names) < 2 else "")
