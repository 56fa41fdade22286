"""What holds of every import, whatever the files say: it ends in words, writes over nothing, and loses no line."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from migrate.canonical import canonical_json, digest
from migrate.cli import main
from migrate.edges.importers import Row, Wanted, drawn
from migrate.edges.importers.likeness import LONG
from migrate.edges.inventory import load
from migrate.vocabulary import Place

PLACES = st.sampled_from(["de", "fr", None, 7, ["x"]])
TEXTS = st.sampled_from(["where is it", "where is it?", "my cup broke", "{{ x }}", "ann@example.com", "", "ж" * 50])
ANSWERS: list[Any] = [
    {"model": "gpt-4o", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "late"}}]},
    {"model": "other", "choices": [{"message": {}}]},
    {"error": {"message": "no"}},
    {"choices": 1, "created": 1e300},
    None,
    "late",
]
QUIET = settings(max_examples=60, deadline=None)


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """Draw the body of a request: mostly sound, and few enough that some are equal."""
    lead = draw(st.sampled_from([[], [{"role": "system", "content": "Sort it."}], [{"role": "tool"}], [3]]))
    body: dict[str, Any] = {"model": "gpt-4o", "messages": [*lead, {"role": "user", "content": draw(TEXTS)}]}
    extra = draw(st.sampled_from([{}, {}, {"user": "u"}, {"temperature": 0}, {"n": 2}, {"model": 3}, {"tools": "x"}]))
    return draw(st.sampled_from([{**body, **extra}] * 9 + [None]))


def logged() -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {"request": requests(), "response": st.sampled_from(ANSWERS)}, optional={"country": PLACES, "flow": TEXTS}
    )


IDS = st.sampled_from(["a", "b", "c", 4])


def asked_in_batch() -> st.SearchStrategy[Any]:
    url = st.sampled_from(["/v1/chat/completions"] * 3 + ["/v1/embeddings"])
    return st.fixed_dictionaries({"custom_id": IDS, "url": url, "body": requests()})


def answered_in_batch() -> st.SearchStrategy[Any]:
    response = st.fixed_dictionaries({"status_code": st.sampled_from([200, 500]), "body": st.sampled_from(ANSWERS)})
    return st.fixed_dictionaries({"custom_id": IDS, "response": response | st.none(), "error": st.none()})


def lines(first: str, *others: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Draw a file of lines: its first says which form it has; blank, broken and foreign ones are among the others."""
    broken = st.sampled_from(["{", "[1]", "7", '{"a": 1}', "", "   ", '{"request": 1}'])
    whole = st.one_of(*others).map(json.dumps)
    return st.lists(whole | whole | broken, max_size=12).map(lambda rows: "\n".join([first, *rows, ""]))


LOG = lines(json.dumps({"request": {"model": "gpt-4o", "messages": []}}), logged())
ASKED = lines(json.dumps({"custom_id": "z", "body": {}}), asked_in_batch())
ANSWERED = lines(json.dumps({"custom_id": "z", "response": None}), answered_in_batch())
TABLE = st.lists(st.lists(st.sampled_from(["a", "b", '"c\nd"', "", "1"]), max_size=4), max_size=8).map(
    lambda rows: "\n".join(["q,flow,when", *(",".join(row) for row in rows), ""])
)


@contextmanager
def project(files: dict[str, str]) -> Iterator[Path]:
    """Work in a folder with these files."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name, text in files.items():
            Path(name).write_text(text, "utf-8", newline="")
        yield Path(folder).resolve()


def imported(*arguments: str) -> dict[str, Any]:
    """Return the document of an import."""
    result = CliRunner().invoke(main, ["import", "--json", *arguments], catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def accounted(document: dict[str, Any]) -> int:
    """Return how many lines are told to be a case, folded, joined, left out or refused."""
    parts = ("cases", "folded", "joined", "near_duplicates", "over_sample")
    taken = sum(flow[part] for flow in document["flows"] for part in parts)
    return int(taken + sum(one["lines"] for one in document["refused"]))


@QUIET
@given(LOG, ASKED, ANSWERED, st.sampled_from(["1", "2", "100"]), st.sampled_from(["flow", "country", "request.user"]))
def test_every_line_of_a_log_is_accounted_for(log: str, asked: str, answered: str, sample: str, per: str) -> None:
    """Cases, folded and joined lines, near-duplicates, lines over the sample and refused ones add up to all lines."""
    with project({"log.jsonl": log, "in.jsonl": asked, "out.jsonl": answered}) as root:
        document = imported("log.jsonl", "out.jsonl", "in.jsonl", "--sample", sample, "--per", per)
        read = {one["file"]: one["lines"] for one in document["files"]}
        texts = {"log.jsonl": log, "in.jsonl": asked, "out.jsonl": answered}
        assert {name: sum(bool(line.strip()) for line in text.split("\n")) for name, text in texts.items()} == read
        assert sum(read.values()) == accounted(document)
        if document["flows"]:
            assert sum(flow["cases"] for flow in document["flows"]) == sum(
                len(flow.cases) for flow in load(root / "prompts", root)
            )


@QUIET
@given(TABLE, st.sampled_from(["1", "100"]))
def test_every_row_of_a_table_is_accounted_for(table: str, sample: str) -> None:
    """A row is a case, over the sample or refused; none is both, and none is neither."""
    with project({"rows.csv": table}):
        mapping = ("--map", "vars.q=q", "--map", "flow=flow")
        document = imported("rows.csv", *mapping, "--sample", sample, "--per", "when")
        told = [one["lines"] for one in document["files"]]
        assert sum(told) == accounted(document)


CONFIG_TEXT = st.sampled_from(
    ["{{ q }}", "Say {{ q }}", "file://p.txt", "file://p.json", "file://../x", "exec:sh", "a.py"]
)
ASSERTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["equals", "contains", "is-json", "javascript", "similar", "word-count", "x", 3])},
    optional={"value": st.sampled_from(["a", 3, None, ["a", "b"], {"type": "object"}, "{{ q }}", "{% if %}"])},
)
TESTS = st.fixed_dictionaries(
    {},
    optional={
        "vars": st.fixed_dictionaries({"q": st.sampled_from(["a", ["a", "b"], 3, None, "file://p.txt", "file://no"])}),
        "assert": st.lists(ASSERTS, max_size=2),
        "prompts": st.sampled_from(["p", ["p", "no"], ["no"], [], 3]),
        "threshold": st.sampled_from([0.5, 1]),
        "options": st.sampled_from([{}, {"prefix": "x"}, {"transform": "y"}, None]),
    },
)


@QUIET
@given(
    st.lists(CONFIG_TEXT | st.integers() | st.none(), max_size=3),
    st.lists(TESTS | st.just("file://no.yaml") | st.just(7), max_size=4),
    st.sampled_from(["openai:gpt-4o", "anthropic:x", "exec:sh", 3]),
)
def test_every_prompt_and_test_of_a_configuration_is_a_flow_a_case_or_refused(
    prompts: list[Any], tests: list[Any], provider: Any
) -> None:
    """Each is named, by its line, in what was imported or in what was not."""
    files = {"p.txt": "From {{ q }}", "p.json": '[{"role": "user", "content": "{{ q }}"}]'}
    text = json.dumps({"providers": [provider], "prompts": prompts or ["x"]})[:-1] + ', "tests": [\n'
    text += ",\n".join(json.dumps(test) for test in tests) + "\n]}\n"
    with project({**files, "promptfooconfig.yaml": text}):
        document = imported("promptfooconfig.yaml")
        named = {one["line"] for one in document["refused"]}
        for path in Path().glob("prompts/*.cases.jsonl"):
            named |= {
                int(json.loads(row)["x-imported-from"].rpartition(":")[2]) for row in path.read_text().splitlines()
            }
        assert set() == set(range(2, len(tests) + 2)) - named
        flows = [flow for flow in document["flows"] if flow["model"]]
        told = [one for one in document["refused"] if one["what"] == "prompt"]
        assert len(prompts or ["x"]) <= len(flows) + len(told)


@QUIET
@given(LOG, st.sets(st.sampled_from(["sort-it.prompt.yml", "log.cases.jsonl", "log.prompt.yml"])))
def test_nothing_that_is_there_is_written_over(log: str, there: set[str]) -> None:
    """Files of the same name keep every byte, also those that the import made itself the time before."""
    with project({"log.jsonl": log}) as root:
        (root / "prompts").mkdir()
        for name in there:
            (root / "prompts" / name).write_text("mine")
        first = imported("log.jsonl")
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        assert there <= {path.name for path, data in before.items() if data == b"mine"}
        again = imported("log.jsonl")
        assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        assert {"kept"} >= {flow["what"] for flow in again["flows"]}
        assert [flow["flow"] for flow in first["flows"]] == [flow["flow"] for flow in again["flows"]]


@st.composite
def alike(draw: st.DrawFn) -> list[str]:
    """Draw texts of which many are another one with a few signs changed: short and long, of few signs and of many."""
    signs = draw(st.sampled_from(["ab", "e 0123456789", "abcdefghijklmnopqrstuvwxyz ,.", "жёß漢😀\ud800\x00"]))
    longest = draw(st.sampled_from([30, 120, 700, LONG + 40]))
    texts = draw(
        st.lists(st.text(signs, max_size=20).map(lambda text: (text or "a") * longest), min_size=1, max_size=4)
    )
    texts = [text[: draw(st.integers(1, longest))] for text in texts]
    for _ in range(draw(st.integers(0, 30))):
        text = list(draw(st.sampled_from(texts)))
        for _ in range(draw(st.sampled_from([1, 2, 6, len(text) // 20 + 1, len(text) // 5 + 1]))):
            at = draw(st.integers(0, len(text)))
            text[at : at + draw(st.integers(0, 1))] = draw(st.sampled_from(["", *signs]))
        texts.append("".join(text))
    return texts


@QUIET
@given(alike(), st.sampled_from([1.0, 50.0, 80.0, 90.0, 95.0, 99.0, 99.99, 100.0]), st.sampled_from([None, 3]))
def test_likeness_is_what_comparing_all_pairs_says(texts: list[str], bound: float, sample: int | None) -> None:
    """Nothing is lost or found by looking at counts of signs first: the same cases as one by one are taken."""
    rows = [Row(Place("log", at), {"message": text}) for at, text in enumerate(dict.fromkeys(texts))]
    told = {canonical_json(row.inputs): row for row in rows}
    taken: list[str] = []
    near = 0
    for text in sorted(told, key=lambda text: digest(f"0\n{text}")):
        if len(taken) == sample:
            break
        likes = [one for one in taken if one == text or (len(text) <= LONG and fuzz.ratio(text, one) >= bound)]
        near += bool(likes)
        taken += [] if likes else [text]
    result = drawn(rows, Wanted(sample, near=bound), str)
    assert sorted(told[text].place.line for text in taken) == [row.place.line for row in result.rows]
    assert near == result.near


def test_many_texts_are_held_against_each_other_in_bundles() -> None:
    """What is near is found on every shelf, full or not: of five thousand texts and a copy of each, half is taken."""
    texts = [f"{digest(str(at))} {sign}" for at in range(5_000) for sign in "ab"]
    rows = [Row(Place("log", at), {"message": text}) for at, text in enumerate(texts)]
    result = drawn(rows, Wanted(near=97), str)
    assert (5_000, 5_000) == (len(result.rows), result.near)


@QUIET
@given(st.lists(st.text("ab ", min_size=1, max_size=40), max_size=25), st.sampled_from([50.0, 80.0, 95.0, 100.0]))
def test_no_case_that_was_taken_is_like_another(texts: list[str], bound: float) -> None:
    """Of all pairs of cases none is as similar as the bound, and each case that was left is like one that was taken."""
    rows = [Row(Place("log", at), {"message": text}) for at, text in enumerate(texts)]
    result = drawn(rows, Wanted(near=bound), str)
    taken = [canonical_json(row.inputs) for row in result.rows]
    alike = [fuzz.ratio(one, other) >= bound for one, other in itertools.combinations(taken, 2)]
    assert not any(alike)
    left = [canonical_json(row.inputs) for row in rows if row not in result.rows]
    assert all(any(fuzz.ratio(one, other) >= bound for other in taken) for one in left)
    assert len(left) == result.near
