"""`prompt-migrate record`: the same promises as `pytest --golden`, and a run that can be finished."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from scripted_server import answer, ok
from small_project import CALL, LATE, LOST, MILK, TODAY, Project, fresh

from migrate.cli import main
from migrate.workflow.background import Background

__all__ = ["fresh"]


def record(project: Project, *args: str) -> pytest.RunResult:
    return project.command("-m", "migrate", "record", *args)


def test_goldens_are_recorded_and_nothing_else_is_left(fresh: Project) -> None:
    """One golden a case; the plan, which a stopped run would need, is gone."""
    done = record(fresh)
    assert 0 == done.ret
    done.stdout.fnmatch_lines(["5 goldens written, 0 unchanged, 0 not recorded"])
    assert [] == list((fresh.root / ".prompt-migrate" / "journals").iterdir())


def test_the_cap_stops_a_recording_and_another_one_finishes_it(fresh: Project) -> None:
    """It ends with 11, says what was kept and the command to go on, which asks nothing twice."""
    # An answer of 1,000 tokens costs a cent; without max_tokens 16 cents are set aside for it.
    usage = {"prompt_tokens": 10, "completion_tokens": 1_000}
    for model in ("gpt-4o", "gpt-4o-mini"):
        for question in (LATE, LOST, CALL, MILK):
            fresh.say(model, {question: ok({**answer(TODAY[question], model=model), "usage": usage})})
    stopped = record(fresh, "--max-cost", "0.18")
    assert 11 == stopped.ret
    words = stopped.stderr.str()
    assert "prompt-migrate: budget: the cost cap of the run does not hold another call" in words
    assert "kept: every answer that was paid for" in words
    assert "next: prompt-migrate resume 2" in words
    assert 0 < fresh.models.calls < 10

    resumed = fresh.command("-m", "migrate", "resume", "--max-cost", "9", "-q")

    assert 0 == resumed.ret, resumed.stdout.str()
    assert 10 == fresh.models.calls
    assert 5 == len(list((fresh.root / "fixtures").glob("*/[!m]*.json")))


@pytest.mark.parametrize("amount", ["0", "lots"])
def test_a_cap_is_an_amount_of_money(fresh: Project, amount: str) -> None:
    """Anything else is a usage error, and nothing is asked."""
    done = record(fresh, "--max-cost", amount)
    assert 2 == done.ret
    assert "takes US dollars" in done.stderr.str()
    assert 0 == fresh.models.calls


def test_a_recording_that_is_interrupted_names_the_command_that_finishes_it(
    fresh: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends it with 130; what was answered is kept, and there is a run to resume."""

    def interrupted(_background: Background, _ticket: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(fresh.root)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(Background, "collect", interrupted)
    done = CliRunner().invoke(main, ["record"], env=fresh.environ)
    (plan,) = (fresh.root / ".prompt-migrate" / "journals").glob("*.plan.json")
    assert 130 == done.exit_code
    run = plan.name.removesuffix(".plan.json")
    said = ["prompt-migrate: interrupted", "kept: what was answered", f"next: prompt-migrate resume {run}"]
    assert said == done.stderr.splitlines()[-3:]


def test_stale_goldens_are_not_recorded_over_and_the_command_that_does_is_named(fresh: Project) -> None:
    """The prompt was edited: nothing is asked, there is nothing to resume, and `--rewrite` takes new answers."""
    assert 0 == record(fresh).ret
    path = fresh.root / "prompts" / "refund.prompt.yml"
    path.write_text(path.read_text("utf-8").replace("temperature: 0", "temperature: 1"), "utf-8")
    asked = fresh.models.calls
    done = record(fresh, "--flow", "refund")
    assert (12, asked) == (done.ret, fresh.models.calls)
    words = done.stderr.str()
    assert "3 goldens of refund no longer fit what is asked now" in words
    assert "next: prompt-migrate record --flow=refund --rewrite" in words
    assert "resume" not in words
    assert 0 == record(fresh, "--flow=refund", "--rewrite").ret


def test_a_mistyped_flow_is_guessed(fresh: Project) -> None:
    """Nothing matches: the nearest flow is named, and the command that lists them."""
    done = record(fresh, "--flow", "refnd")
    assert (2, True) == (done.ret, 'did you mean "refund"?' in done.stderr.str())
