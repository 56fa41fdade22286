"""Decisions change a prompt file in lines of their own: what stood there stays, comments, quotes and line ends too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from migrate.edges.inventory.amending import PromptTexts, with_model, with_tolerated, without_tolerated
from migrate.errors import UsageProblem
from migrate.vocabulary import CaseId, FindingKind, Flow, FlowName, JsonPath, Place, Prompt, Toleration

ONE = Toleration(
    FindingKind.FENCED_JSON, JsonPath("$"), 'a "known" fault: #1', "2026-02-01", (CaseId("late"),), "gpt-4.1"
)
ENTRY = [
    '- kind: "fenced_json"',
    '  path: "$"',
    '  cases: ["late"]',
    '  candidate: "gpt-4.1"',
    '  reason: "a \\"known\\" fault: #1"',
    '  expires: "2026-02-01"',
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_first_toleration_is_a_new_key_at_the_end(newline: str) -> None:
    """Every line before it is as it was, with the file's own line ends."""
    text = newline.join(["model: gpt-4o  # today", "parse: json", ""])
    lines = ["tolerated:", *(f"  {line}" for line in ENTRY), ""]
    assert text + newline.join(lines) == with_tolerated(text, [ONE])


def test_a_further_one_stands_at_the_head_of_the_list() -> None:
    """It is indented as the list is, and the comment above the first item stays with that item."""
    text = "tolerated:  # for now\n- kind: empty\n  path: $\n  reason: x\n  expires: 2026-01-31\nparse: json\n"
    new = "".join(f"{line}\n" for line in ENTRY)
    assert text.replace("# for now\n", f"# for now\n{new}") == with_tolerated(text, [ONE])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_taking_a_toleration_out_leaves_the_file_as_it_was(newline: str) -> None:
    """Byte for byte, whether it was the only one or stood at the head of others."""
    for text in ("model: gpt-4o  # today\n", "tolerated:  # known\n# why\n- kind: empty\n  path: $\n  reason: x\n"):
        before = (text + ("  expires: 2026-01-31\n" if "kind" in text else "")).replace("\n", newline)
        assert before == without_tolerated(with_tolerated(before, [ONE]), [ONE])


def test_one_of_several_cases_is_taken_out_of_their_entry() -> None:
    """The entry stays for the others; what is not there, or was changed by hand, is not touched."""
    both = replace(ONE, cases=(CaseId("late"), CaseId("lost")))
    text = with_tolerated("model: gpt-4o\n", [both])
    assert text.replace('["late", "lost"]', '["lost"]') == without_tolerated(text, [ONE])
    assert without_tolerated(text, [replace(ONE, reason="another")]) is None
    assert without_tolerated(text.replace("  path", "  # here\n    path"), [ONE]) is None


def test_a_model_is_renamed_in_its_line_alone() -> None:
    """Quotes and comments stay, and no other key that ends in `model` is touched."""
    text = "x-model: gpt-4o\nmodel: 'gpt-4o'  # today\nsteps:\n  - model: gpt-4o\n"
    assert text.replace("'gpt-4o'", "'gpt-4.1'") == with_model(text, "gpt-4.1")


@pytest.mark.parametrize("text", ["{model: gpt-4o}\n", "model: gpt-4o\ntolerated: []\n"])
def test_a_file_without_a_place_for_it_is_refused_untouched(tmp_path: Path, text: str) -> None:
    """The refusal shows what to write by hand."""
    path = tmp_path / "a.prompt.yml"
    path.write_text(text, "utf-8")
    flow = Flow(FlowName("a"), Prompt((), "gpt-4o"), (), place=Place("a.prompt.yml", 1))
    with pytest.raises(UsageProblem, match="no line at which"):
        PromptTexts(tmp_path).tolerate(flow, [ONE], write=True)
    assert text == path.read_text("utf-8")


def test_of_two_who_add_something_both_are_there(tmp_path: Path) -> None:
    """Writers take turns: nobody writes over what another one added after reading."""
    path = tmp_path / "a.prompt.yml"
    path.write_text("model: gpt-4o\n", "utf-8")
    flow = Flow(FlowName("a"), Prompt((), "gpt-4o"), (), place=Place("a.prompt.yml", 1))
    others = [replace(ONE, reason=f"fault {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: PromptTexts(tmp_path).tolerate(flow, [one], write=True), others))
    text = path.read_text("utf-8")
    assert [True] * 8 == [f'"fault {number}"' in text for number in range(8)]


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    """The next change takes the temporary file of a dead writer away, and no other file."""
    path = tmp_path / "a.prompt.yml"
    path.write_text("model: gpt-4o\n", "utf-8")
    for name in (".b.prompt.yml.4711.tmp", ".mine.tmp"):
        (tmp_path / name).write_text("half a wri", "utf-8")
    flow = Flow(FlowName("a"), Prompt((), "gpt-4o"), (), place=Place("a.prompt.yml", 1))
    PromptTexts(tmp_path).rename_model(flow, "gpt-4.1", write=True)
    assert [".mine.tmp", "a.prompt.yml"] == sorted(entry.name for entry in tmp_path.iterdir())
