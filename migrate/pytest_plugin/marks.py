"""`@pytest.mark.flow`: what module, class and function say of a test together, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from migrate.comparing import check_schema, parse_path
from migrate.errors import Problem, UsageProblem, did_you_mean
from migrate.vocabulary import CaseId, Criticality, Flow, FlowName, JsonObject, Place
from migrate.workflow.applications import Marked, flow_of

KEYWORDS: Final = ("schema", "samples", "critical", "ignore")
CANDIDATE: Final = "_migrate_candidate"
"""Name of the parameter that a candidate is to a test."""


class MarkProblem(UsageProblem):
    """Everything wrong with the marks of a session, collected and said once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        head = f"{count} problem{'s' if count != 1 else ''} in @pytest.mark.flow:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in problems)]))


def flows_of(items: Sequence[pytest.Item], root: Path) -> dict[str, Flow]:
    """Return the flows of marked items by node id. Raises MarkProblem with all that is wrong with any of them."""
    problems: list[Problem] = []
    flows: dict[str, Flow] = {}
    first: dict[tuple[str, str], str] = {}
    for item in items:
        place = _place_of(item, root)
        marked = _read(item, place, root, problems)
        if marked is None:
            continue
        case = case_of(item)
        test = _test_of(item)
        other = first.setdefault((marked.flow.casefold(), case.casefold()), test)
        if other != test:
            words = f'the flow "{marked.flow}" has a case "{case}" already: {other}'
            problems.append(Problem(words, place, "give one of the tests another name, or its flow"))
        flows[item.nodeid] = flow_of(marked, case, place)
    if problems:
        raise MarkProblem(list(dict.fromkeys(problems)))
    return flows


def names_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the names that a marked test goes by in what is printed: its flow and its case."""
    named = [mark.args[0] for mark in item.iter_markers("flow") if mark.args and isinstance(mark.args[0], str)]
    return *named[:1], case_of(item)


def case_of(item: pytest.Item) -> CaseId:
    """Return the case that a test is: its name, its class, and its parameters without the candidate."""
    group = getattr(item, "cls", None)
    names = ["" if group is None else group.__name__, _own_name(item), _parameters(item)]
    return CaseId("-".join(filter(None, names)))


def name_without_candidate(item: pytest.Item) -> str:
    """Return the name that a test has in a bare run, which others file things under: cassettes, snapshots."""
    parameters = _parameters(item)
    return f"{_own_name(item)}[{parameters}]" if parameters else _own_name(item)


def _own_name(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", None) or item.name)


def _parameters(item: pytest.Item) -> str:
    """Return the parameters of a test as its id has them, without the candidate."""
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return ""
    whole = str(callspec.id)
    if CANDIDATE not in callspec.params:
        return whole
    candidate = callspec.params[CANDIDATE].text
    return "" if whole == candidate else whole.removesuffix(f"-{candidate}")


def _test_of(item: pytest.Item) -> str:
    """Return what two candidates of one test have in common."""
    return f"{item.nodeid.partition('::')[0]}::{case_of(item)}"


def _place_of(item: pytest.Item, root: Path) -> Place:
    path, line, _ = item.reportinfo()
    file = Path(path)
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    return Place(shown.as_posix(), None if line is None else line + 1)


def _read(item: pytest.Item, place: Place, root: Path, problems: list[Problem]) -> Marked | None:
    before = len(problems)
    marks = [*item.iter_markers("flow")]
    given: dict[str, Any] = {}
    ignored: list[Any] = []
    for mark in marks:  # the closest first
        problems += _badly_formed(mark, place)
        given = {**mark.kwargs, **given}
        ignored += _listed(mark.kwargs.get("ignore", ()))
    name = next((mark.args[0] for mark in marks if mark.args), None)
    if len(problems) == before and name is None:
        problems.append(Problem("a flow has a name", place, '@pytest.mark.flow("refund")'))
    schema = _schema(given.get("schema"), place, root, problems)
    problems += _bad_values(given, ignored, place)
    if len(problems) > before:
        return None
    ignore = tuple(dict.fromkeys(ignored))
    return Marked(FlowName(str(name)), schema, given.get("samples"), given.get("critical") or "medium", ignore)


def _badly_formed(mark: pytest.Mark, place: Place) -> Iterator[Problem]:
    if len(mark.args) > 1:
        yield Problem(f"it takes one name, not {len(mark.args)} arguments", place, "the rest goes by keyword")
    for name in mark.args[:1]:
        if not isinstance(name, str) or not name.strip():
            yield Problem(f"the name of a flow is a text, not {name!r}", place)
    for keyword in mark.kwargs:
        if keyword not in KEYWORDS:
            yield Problem(f'unknown keyword "{keyword}"', place, did_you_mean(keyword, KEYWORDS) or _known())


def _known() -> str:
    return f"known: {', '.join(KEYWORDS)}"


def _bad_values(given: Mapping[str, Any], ignored: Sequence[Any], place: Place) -> Iterator[Problem]:
    samples, critical = given.get("samples"), given.get("critical")
    if samples is not None and (not isinstance(samples, int) or isinstance(samples, bool) or samples < 1):
        yield Problem(f"samples is a whole number from 1, not {samples!r}", place)
    classes = get_args(Criticality)
    if critical is not None and critical not in classes:
        hint = did_you_mean(critical, classes) if isinstance(critical, str) else ""
        yield Problem(f"critical is one of {', '.join(classes)}, not {critical!r}", place, hint)
    for path in ignored:
        if not isinstance(path, str):
            yield Problem(f"ignore holds JSON paths, not {path!r}", place, '["$.id", "$.items[*].at"]')
            continue
        try:
            parse_path(path)
        except ValueError as problem:
            yield Problem(f"ignore: {problem}", place)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else [*value] if isinstance(value, list | tuple | set) else [value]


def _schema(given: Any, place: Place, root: Path, problems: list[Problem]) -> JsonObject | None:
    """Return a JSON Schema given as an object, as the path of a file, or as a class that can state its own."""
    if given is None:
        return None
    stated = getattr(given, "model_json_schema", None)
    try:
        if isinstance(given, str | Path):
            schema = json.loads((root / given).read_text("utf-8"))
        else:
            schema = stated() if callable(stated) else given
        if not isinstance(schema, dict):
            raise TypeError("a schema is an object, the path of a JSON file, or a pydantic model")
    except OSError as problem:
        problems.append(Problem(f"schema: {given} cannot be read: {problem.strerror}", place))
        return None
    except (ValueError, TypeError) as problem:
        problems.append(Problem(f"schema: {problem}", place))
        return None
    wrong = [found for found in check_schema(schema) if not found.lint]
    problems += (Problem(f"schema at {found.path}: {found.message}", place, found.hint) for found in wrong)
    return None if wrong else schema
