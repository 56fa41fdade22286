"""Blind ratings: drawn by the tool, given by keys or options, kept in git, shown beside the automatic verdicts."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result
from deciding_terminal import Terminal
from small_project import LATE, Project

from migrate import wiring
from migrate.cli import main
from migrate.edges.goldens.ratings import RatingFiles
from migrate.errors import StoreProblem, UsageProblem
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName, Rating
from migrate.wiring.rating import draw_sample
from migrate.wiring.rating_web import WebRating

SCHEMA = Path(__file__).parents[2] / "migrate" / "schemas" / "compare.schema.json"


def command(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def pairs(rater: str, *words: str) -> list[str]:
    """Return the ids of the pairs a rater has not rated yet, as they are listed without a terminal."""
    done = command("review", "--rate", "--reviewer", rater, *words)
    assert (2, True) == (done.exit_code, "ratings by keys need a terminal" in done.stderr)
    return re.findall(r"--pair (P[0-9a-f]{7})", done.stdout)


def rate(rater: str, pair: str, prefer: str, a: int, b: int, *words: str) -> Result:
    options = ("--prefer", prefer, "--correct-a", str(a), "--correct-b", str(b))
    done = command("review", "--rate", "--reviewer", rater, "--pair", pair, *options, *words)
    assert 0 == done.exit_code, done.stderr
    return done


def kept(project: Project, flow: str = "refund") -> list[dict[str, Any]]:
    path = project.root / "fixtures" / flow / "ratings.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_pairs_are_blind(replayed: Project) -> None:
    """What is shown names no model, no verdict and no case; both answers stand there as A and B."""
    done = command("review", "--rate", "--reviewer", "ada")
    assert 4 == len(pairs("ada"))
    for word in ("gpt-4o", "gpt-4.1", "baseline", "candidate", "drift", "breaking", "late-parcel"):
        assert word not in done.stdout
    assert [1, 1] == [done.stdout.count(f'      "amount": {amount},') for amount in (3, 4)]


def test_a_rating_is_kept_with_rater_time_order_and_hashes(replayed: Project) -> None:
    """One line in git beside the goldens, told in terms of baseline and candidate, whatever was shown first."""
    for pair in pairs("ada", "--flow", "refund"):
        rate("ada", pair, "a", 5, 2, "--flow", "refund")
    found = kept(replayed)
    assert 3 == len(found)
    for one in found:
        right = "baseline" if one["left"] == "candidate" else "candidate"
        assert (one["left"], 5, 2) == (one["preferred"], one["correct"][one["left"]], one["correct"][right])
        assert ("ada", "gpt-4.1", {"seed": 0, "drawn": 3, "of": 3}) == (one["rater"], one["candidate"], one["sample"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["at"])
    assert [] == pairs("ada", "--flow", "refund")
    assert 3 == len(pairs("bob", "--flow", "refund"))
    assert 0 == command("goldens", "check").exit_code


def test_compare_shows_people_beside_the_rules(replayed: Project) -> None:
    """With n, interval and agreement, in words and in the JSON that keeps its schema; without ratings there is null."""
    before = json.loads(command("compare", "--json").stdout)
    assert [None, None] == [flow["people"] for flow in before["flows"]]
    for rater in ("ada", "bob"):
        for pair in pairs(rater):
            rate(rater, pair, "tie", 4, 4)

    document = json.loads(command("compare", "--json").stdout)

    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text("utf-8")))
    schema.validate(document)
    people = next(flow["people"] for flow in document["flows"] if flow["flow"] == "refund")
    assert (3, 3, 6, ["ada", "bob"]) == (people["cases"], people["of"], people["ratings"], people["raters"])
    assert {"flagged": {"cases": 3, "no_worse_to_people": 3}, "passed": {"cases": 0, "worse_to_people": 0}} == people[
        "automatic"
    ]
    said = " ".join(command("compare").stdout.split())
    assert "people, beside the rules" in said
    assert "refund, gpt-4.1: 3 of 3 pairs rated by ada, bob, 6 ratings" in said
    assert "rules flag 3 of these, 3 of them no worse to people" in said


def test_what_git_does_not_know_yet_is_said(replayed: Project) -> None:
    """A file of ratings is new to git: it is said to be committed, and how."""
    first, *_ = pairs("ada")
    said = rate("ada", first, "tie", 4, 4).stdout.splitlines()
    assert "commit ratings.jsonl beside the goldens: compare and the report read it" in said
    assert "git add --all fixtures && git commit -m 'Ratings of a model migration: 1 pair by ada'" in "".join(said)


def test_ratings_of_other_answers_are_left_out(replayed: Project) -> None:
    """After another replay a rating of what is not there any more is in no figure, and counted apart."""
    for pair in pairs("ada", "--flow", "refund"):
        rate("ada", pair, "tie", 4, 4, "--flow", "refund")
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 99}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    people = next(flow["people"] for flow in replayed.compared()["flows"] if flow["flow"] == "refund")
    assert (2, 1) == (people["cases"], people["outdated"])


def test_the_report_has_what_people_said(replayed: Project) -> None:
    """In its index, beside the evidence of the flow."""
    for pair in pairs("ada", "--flow", "refund"):
        rate("ada", pair, "tie", 4, 4, "--flow", "refund")
    assert 0 == command("report", "-o", "page.html").exit_code
    found = re.search(r'id="index">([^<]*)<', (replayed.root / "page.html").read_text("utf-8"))
    assert found is not None
    index = json.loads(gzip.decompress(base64.b64decode(found[1])))
    assert [None, 3] == [one["people"] and one["people"]["cases"] for one in index["evidence"]]


def test_what_is_missing_is_said_at_once(replayed: Project) -> None:
    """A pair of another sample, half a rating, two doors at once: one sentence, exit code 2, nothing written."""
    pair = pairs("ada")[0]
    for words, said in [
        (("--pair", "P0000000"), "the sample has no pair"),
        (("--pair", pair, "--prefer", "a"), "a rating needs all of it"),
        (("--web", "--pair", pair), "do not go together"),
    ]:
        done = command("review", "--rate", "--reviewer", "ada", *words)
        assert (2, True) == (done.exit_code, said in done.stderr)
    assert not (replayed.root / "fixtures" / "refund" / "ratings.jsonl").exists()


@pytest.mark.parametrize("leaving", ["\x1b", "q"])
def test_keys_rate_pair_after_pair(replayed: Project, leaving: str) -> None:
    """A letter and two marks a pair, kept at once; `?` tells the keys, Escape and `q` leave, and it goes on there."""
    terminal = Terminal(replayed, "--rate", "--flow", "refund")
    for keys in ("a52", "t44"):
        for key, prompt in zip(keys, ("[q]uit [?]", "A is right", "B is right"), strict=True):
            terminal.wait(prompt)
            terminal.press(key)
    terminal.wait("3/3")
    terminal.wait("[q]uit [?]")
    terminal.press("?")
    terminal.wait("what was said is kept already")
    terminal.wait("3/3")
    terminal.wait("[q]uit [?]")
    terminal.press(leaving)
    terminal.wait("ada rated 2 of 3 pairs, drawn from 3 that differ")
    assert 0 == terminal.end()
    assert 2 == len(kept(replayed))
    assert 1 == len(pairs("ada", "--flow", "refund"))


def test_undo_takes_a_rating_back_and_asks_again(replayed: Project) -> None:
    """Its line stays and one that withdraws it follows: nobody counts it, and the pair is to be rated again."""
    terminal = Terminal(replayed, "--rate", "--flow", "refund")
    for key, prompt in zip("a52", ("[q]uit [?]", "A is right", "B is right"), strict=True):
        terminal.wait(prompt)
        terminal.press(key)
    terminal.wait("2/3")
    terminal.wait("[q]uit [?]")
    terminal.press("u")
    terminal.wait("taken back: what was said of P")
    terminal.wait("1/3")
    terminal.wait("[q]uit [?]")
    terminal.press("u")
    terminal.wait("nothing was said of it yet")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    terminal.wait("ada rated 0 of 3 pairs")
    assert 0 == terminal.end()
    assert [False, True] == [line.get("withdrawn", False) for line in kept(replayed)]
    assert 3 == len(pairs("ada", "--flow", "refund"))


def test_of_a_long_question_its_beginning_and_its_end_are_shown(replayed: Project) -> None:
    """The golden keeps it cut: it is put together again from the prompt file, and `w` shows all of it."""
    long = "\n".join(f"line {number}" for number in range(1000))
    prompt = replayed.root / "prompts" / "refund.prompt.yml"
    text = json.dumps(f"{long}\nWhere is it?")
    prompt.write_text(prompt.read_text("utf-8").replace("{text: my parcel is late}", f"{{text: {text}}}"), "utf-8")
    replayed.say("gpt-4o", {f"{long}\nWhere is it?": '{"label": "late", "amount": 3}'})
    replayed.say("gpt-4.1", {f"{long}\nWhere is it?": '{"label": "late", "amount": 4}'})
    replayed.run("-q", "--golden=rewrite", "-k", "late-parcel")
    replayed.run("-q", "--model", "gpt-4.1", "-k", "late-parcel")
    listed = command("review", "--rate", "--flow", "refund").stdout
    assert ["line 0", "987 lines left out", "Where is it?"] == [
        part for part in ("line 0", "line 500", "987 lines left out", "Where is it?") if part in listed
    ]
    terminal = Terminal(replayed, "--rate", "--flow", "refund")
    terminal.wait("lines left out")
    terminal.wait("[q]uit [?]")
    terminal.press("w")
    terminal.wait("line 500")
    terminal.wait("[q]uit [?]")
    terminal.press("q")
    assert 0 == terminal.end()


def test_a_damaged_line_is_named(replayed: Project) -> None:
    """File and line, and no traceback; a mark out of range is damage too."""
    rate("ada", pairs("ada", "--flow", "refund")[0], "tie", 4, 4, "--flow", "refund")
    path = replayed.root / "fixtures" / "refund" / "ratings.jsonl"
    whole = path.read_text("utf-8")
    for damage in ("{", "[]", whole.replace('"baseline": 4', '"baseline": 9').strip()):
        path.write_text(whole + damage + "\n", "utf-8")
        done = command("compare")
        assert (13, True) == (done.exit_code, "fixtures/refund/ratings.jsonl:2 is no rating" in done.stderr)


def test_what_is_written_is_redacted(replayed: Project) -> None:
    """The rater's name is said on purpose; a secret in a candidate's text would not be."""
    files = RatingFiles(replayed.root / "fixtures", Redactor())
    secret = "sk-proj-" + "a1B2" * 12
    files.add(
        [Rating(FlowName("refund"), CaseId("late-parcel"), secret, "ada", "tie", 4, 4, "baseline", "b", "c", 0, 1, 1)]
    )
    assert secret not in (replayed.root / "fixtures" / "refund" / "ratings.jsonl").read_text("utf-8")


def test_an_unreadable_file_is_no_traceback(replayed: Project) -> None:
    """What is no JSON Lines at all is told as a damaged store."""
    (replayed.root / "fixtures" / "refund" / "ratings.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(StoreProblem, match="is no rating"):
        RatingFiles(replayed.root / "fixtures", Redactor()).of_flow(FlowName("refund"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prefer": "candidate"}, "a rating needs all of it"),
        ({"prefer": ["a"]}, "a rating needs all of it"),
        ({"correct_a": 6}, "a rating needs all of it"),
        ({"correct_b": True}, "a rating needs all of it"),
        ({"correct_b": 4.0}, "a rating needs all of it"),
        ({"pair": "P0000000"}, "the sample has no pair P0000000"),
        ({"pair": 7}, 'what the page sent has no text as "pair"'),
        ({"rater": None}, 'what the page sent has no text as "rater"'),
    ],
)
def test_a_page_that_sends_anything_else_is_refused(replayed: Project, change: dict[str, Any], said: str) -> None:
    """Half a rating, a mark out of range, a pair nobody drew: one sentence, and nothing is written."""
    world = wiring.open_world(replayed.root, {}, {})
    web = WebRating(world, draw_sample(world, world.ledger.run(None), size=30, seed=0), "ada")
    try:
        acts = web.server.acts
        pair = str(acts["pairs"](b"{}")["pairs"][0]["id"])
        whole = {"rater": "bob", "pair": pair, "prefer": "tie", "correct_a": 4, "correct_b": 4}
        with pytest.raises(UsageProblem, match=re.escape(said)):
            acts["rate"](json.dumps({**whole, **change}).encode())
        for garbage in (b"", b"[]", b"\xff", b"[" * 100_000):
            with pytest.raises(UsageProblem, match="is no JSON object"):
                acts["rate"](garbage)
        assert [] == [*(replayed.root / "fixtures").glob("*/ratings.jsonl")]
        assert {"id": pair, "rated": 1} == acts["rate"](json.dumps(whole).encode())
    finally:
        web.server.serve(0.0)
        world.close()
