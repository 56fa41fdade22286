"""The catalogue of models: its data, its dates, and which served name is the asked model."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate import catalogue
from migrate.catalogue import DATA, days_left, facts, flaws, is_served_as, known_models, retired

DEMO_DAY = dt.date(2026, 1, 15)
TODAY = dt.date(2026, 11, 22)
DOCUMENT: dict[str, Any] = tomllib.loads(DATA.read_text(encoding="utf-8"))


def test_the_data_has_the_form_it_promises() -> None:
    """Every key is known, typed and sourced, every family exists, no name is there twice."""
    assert [] == flaws(DOCUMENT)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "format is not 1"),
        ({"checked": "yesterday"}, "checked is no day"),
        ({"extra": 1}, "unknown key extra"),
        ({"model": [{"name": "m", "sources": ["sdk"], "context": 5}]}, "model m: unknown key context"),
        ({"model": [{"name": "m", "sources": ["sdk"], "max_output": 0}]}, "model m: max_output is no count"),
        ({"model": [{"name": "m", "sources": ["sdk"], "shutdown": "2026"}]}, "model m: shutdown is no day"),
        ({"model": [{"name": "m"}]}, "model m: no source"),
        ({"model": [{"name": "m", "sources": ["hearsay"]}]}, "model m: unknown source hearsay"),
        ({"model": [{"name": "m", "sources": ["sdk"], "family": "none"}]}, "model m: unknown family none"),
        ({"model": [{"name": "OpenAI/M", "sources": ["sdk"]}]}, "model OpenAI/M: OpenAI/M is not in its plain form"),
        (
            {"model": [{"name": "m", "sources": ["sdk"], "announced": TODAY}]},
            "model m: announced without a later shutdown",
        ),
        ({"model": [{"name": "m", "sources": ["sdk"]}, {"name": "m", "sources": ["sdk"]}]}, "m is there twice"),
    ],
)
def test_each_flaw_in_the_data_is_named(change: dict[str, Any], complaint: str) -> None:
    """The guard over the data can fail, and says where."""
    assert [complaint] == flaws({**DOCUMENT, **change})


@pytest.mark.parametrize(
    ("model", "window", "output", "shutdown"),
    [
        ("gpt-4.1", 1_047_576, 32_768, dt.date(2027, 1, 14)),
        ("gpt-4.1-mini", 1_047_576, 32_768, dt.date(2027, 1, 14)),
        ("gpt-4.1-nano", 1_047_576, 32_768, dt.date(2026, 10, 23)),
        ("gpt-4o", 128_000, 16_384, dt.date(2027, 1, 14)),
        ("gpt-4o-2024-05-13", 128_000, 4_096, dt.date(2026, 10, 23)),
        ("gpt-4o-mini", 128_000, 16_384, dt.date(2027, 1, 14)),
    ],
)
def test_facts_of_the_worked_example(model: str, window: int, output: int, shutdown: dt.date) -> None:
    """Context, longest output and last day of the models this product was made for."""
    known = facts(model)
    assert known is not None
    assert (window, output, shutdown) == (known.context_window, known.max_output, known.shutdown)


def test_a_snapshot_shares_the_facts_of_its_alias() -> None:
    """A dated name, a router's prefix and capitals lead to the same facts."""
    assert facts("gpt-4.1") is facts("OpenAI/GPT-4.1-2025-04-14")


def test_an_unknown_model_is_unknown() -> None:
    """Nothing is made up about a model that is not in the data."""
    assert (None, None, None) == (facts("house-llm"), retired("house-llm", TODAY), days_left("house-llm", TODAY))


def test_retirement_is_judged_against_the_given_day() -> None:
    """The same model is alive on the demo's day, and gone from its last day on."""
    last = dt.date(2026, 10, 23)
    found = [retired("gpt-4.1-nano", day) for day in (DEMO_DAY, last - dt.timedelta(days=1), last, TODAY)]
    assert [None, None, last, last] == found


def test_days_left_count_down_past_zero() -> None:
    """53 days for gpt-4.1 on the day the facts were checked, 0 on its last day, less after it."""
    days = [days_left("gpt-4.1", day) for day in (TODAY, dt.date(2027, 1, 14), dt.date(2027, 1, 15))]
    assert [53, 0, -1] == days


def test_a_model_without_a_date_has_none() -> None:
    """No announcement is no date, not a far one."""
    assert (None, None) == (retired("gpt-6.1-sol", TODAY), days_left("gpt-6.1-sol", TODAY))


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("gpt-4.1", "gpt-4.1-2025-04-14"),
        ("gpt-4.1", "GPT-4.1-2025-04-14"),
        ("openai/gpt-4.1", "gpt-4.1-2025-04-14"),
        ("gpt-4.1", "openai/gpt-4.1-2025-04-14"),
        ("gpt-4.1", "gpt-4.1-2026-02-01"),
        ("gpt-4o", "gpt-4o-2024-05-13"),
        ("gpt-4", "gpt-4-0613"),
        ("gpt-4-turbo-preview", "gpt-4-0125-preview"),
        ("house-llm", "house-llm-20260101"),
        ("house-llm", "house-llm@2026-01-01"),
        ("house-llm", "house-llm-2507"),
        ("ft:gpt-4.1-2025-04-14:acme::abc", "ft:gpt-4.1-2025-04-14:acme::abc"),
    ],
)
def test_names_of_the_asked_model(asked: str, served: str) -> None:
    """Equal names and dated snapshots answer for what was asked."""
    assert is_served_as(asked, served)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4.1", "gpt-4.1-mini-2025-04-14"),
        ("gpt-4.1", "gpt-4.1-mini"),
        ("gpt-4.1", "gpt-4o-2024-08-06"),
        ("gpt-4.1", "gpt-4.1-preview"),
        ("gpt-4.1", "gpt-4.1-2025-13-14"),
        ("gpt-4.1", "gpt-4.12025-04-14"),
        ("gpt-4", "gpt-4-1106-preview"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"),
        ("house-llm", "house-llm-4096"),
        ("house-llm", "house-llm-large"),
        ("gpt-4.1", ""),
        ("", "-2025-04-14"),
    ],
)
def test_foreign_names(asked: str, served: str) -> None:
    """Another size, another family, another snapshot or a look-alike is not the asked model."""
    assert not is_served_as(asked, served)


NAMES = st.from_regex(r"[a-z][a-z0-9.]{0,8}(-[a-z]{1,6})?", fullmatch=True)


@given(NAMES, st.dates(dt.date(2020, 1, 1), dt.date(2039, 12, 31)))
def test_any_model_may_be_served_as_its_snapshot(name: str, day: dt.date) -> None:
    """For every name and day the dated name, in both usual forms, is the model."""
    assert is_served_as(name, f"{name}-{day}")
    assert is_served_as(f"openai/{name}".upper(), f"{name}-{day:%Y%m%d}")


@given(st.sampled_from(known_models()), st.sampled_from(known_models()))
def test_known_names_are_never_mixed_up(asked: str, served: str) -> None:
    """Of two names in the catalogue one answers for the other only as its snapshot, and never both ways."""
    if asked != served and is_served_as(asked, served):
        assert not is_served_as(served, asked)
        assert catalogue._DATED.search(served) or served in (facts(asked) or catalogue.ModelFacts("")).snapshots


@pytest.mark.parametrize(
    ("model", "parameters", "refused"),
    [
        ("gpt-4.1", {"temperature": 0, "top_p": 1}, ()),
        ("o3", {"temperature": 0, "seed": 7, "reasoning_effort": "none"}, ("temperature",)),
        ("gpt-5-mini", {"temperature": 0, "presence_penalty": 1}, ("temperature", "presence_penalty")),
        ("gpt-5.4", {"temperature": 0}, ()),
        ("gpt-5.4", {"temperature": 0, "reasoning_effort": "low"}, ("temperature",)),
        ("gpt-6-luna", {"temperature": 0}, ("temperature",)),
        ("gpt-6-luna", {"temperature": 0, "reasoning_effort": "none"}, ()),
        ("gpt-6-luna", {"temperature": None}, ()),
    ],
)
def test_parameters_a_model_refuses(model: str, parameters: dict[str, Any], refused: tuple[str, ...]) -> None:
    """Sampling parameters are refused by what always reasons, and by the rest while it reasons."""
    known = facts(model)
    assert known is not None
    assert refused == known.family.refusals(parameters)


def test_a_renamed_parameter() -> None:
    """Reasoning models take the output limit under another name."""
    known = facts("gpt-5")
    assert known is not None
    assert {"max_tokens": "max_completion_tokens"} == dict(known.family.renamed)


def test_nothing_is_read_before_a_model_is_asked_about() -> None:
    """Importing the catalogue opens no file: it is on the path of every pytest run."""
    code = (
        "import migrate.catalogue as c; read = lambda: c._catalogue.cache_info().currsize; "
        "print(read()); c.facts('x'); print(read())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ["0", "1"] == done.stdout.split()
