"""What a run says of itself: the providers its models belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate import wiring

CONFIG = """\
[providers.local]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
models = ["small-*"]
"""
PROMPT = "model: {model}\nmessages: [{{role: user, content: 'Say hello.'}}]\ncases: [{{id: one, inputs: {{}}}}]\n"


@pytest.mark.parametrize(
    ("baseline", "candidates", "provider"),
    [
        ("small-a", [], "local"),
        ("small-a", ["small-b"], "local"),
        ("gpt-4o", ["small-b"], "local"),
        ("gpt-4o", ["small-b", "gpt-4.1"], "local, openai"),
        ("gpt-4o", [], "openai"),
    ],
)
def test_a_run_names_the_providers_that_are_asked(
    tmp_path: Path, baseline: str, candidates: list[str], provider: str
) -> None:
    """A recording names the baseline's provider, a replay those of its candidates, and no default that nobody asks."""
    (tmp_path / "prompt-migrate.toml").write_text(CONFIG, "utf-8")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "hello.prompt.yml").write_text(PROMPT.format(model=baseline), "utf-8")
    world = wiring.open_world(tmp_path, {}, {})
    flows, kind = world.load_flows(), "replay" if candidates else "record"
    run = world.new_run(kind, flows, wiring.candidates_of(candidates), command="", samples=None)
    assert provider == run.provider
    assert f"prompt-migrate: {provider} · judged as of {run.as_of}" == world.header_lines(run, flows, offline=False)[1]
