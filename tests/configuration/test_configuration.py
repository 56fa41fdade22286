"""Settings from the file, the environment and the command line."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.edges import configuration
from migrate.edges.configuration import is_configured, read_settings
from migrate.errors import ConfigurationProblem
from migrate.vocabulary import ProviderSettings, Settings

SCHEMA: Any = json.loads((Path(__file__).parents[2] / "migrate" / "schemas" / "config.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
OPENAI = ProviderSettings("openai", "openai", api_key_env="OPENAI_API_KEY")

EVERYTHING = """\
prompts = "questions/"
fixtures = "answers"
state = ".state"
reports = "out"
provider = "gateway"
samples = 3
as_of = 2026-01-15
concurrency = 10
timeout_s = 30
max_cost = 2.50
fail_on = ["breaking", "drift", "cost:+10%", "p95:+20.5%"]
ledger = "sqlite:///ledger.db"
time_scale = 0
simulation_seed = 9
prices = "prices.toml"
redact = false
candidates = ["gpt-4.1", "gpt-4.1@terse"]

[providers.gateway]
base_url = "https://gateway.example/v1"
api_key_env = "GATEWAY_KEY"
headers_env = { x-team = "TEAM_TOKEN" }

[providers.local]
base_url = "http://localhost:8000/v1"
models = ["llama*", "qwen*"]

[providers.azure]
base_url = "https://team.openai.azure.com"
api_version = "2026-01-01"
models = ["gpt-4.1-*"]
served_as = { "gpt-4.1" = ["team-gpt-41"] }

[providers.simulated]
"""


def project(folder: Path, text: str, name: str = "prompt-migrate.toml") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def told(folder: Path, environ: dict[str, str] | None = None, overrides: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(ConfigurationProblem) as caught:
        read_settings(folder, environ or {}, overrides)
    return [str(problem) for problem in caught.value.problems]


def test_without_a_word() -> None:
    """Nothing has to be configured: the defaults hold, and OpenAI answers."""
    assert Settings(root=Path("/"), providers={"openai": OPENAI}) == read_settings(Path("/"), {})


def test_everything(tmp_path: Path) -> None:
    """Every setting of a file arrives."""
    found = read_settings(project(tmp_path, EVERYTHING), {})
    expected = Settings(
        root=tmp_path.resolve(),
        prompts="questions",
        fixtures="answers",
        state=".state",
        reports="out",
        provider="gateway",
        providers={
            "gateway": ProviderSettings(
                "gateway",
                "openai",
                "https://gateway.example/v1",
                "GATEWAY_KEY",
                headers_env={"x-team": "TEAM_TOKEN"},
            ),
            "local": ProviderSettings("local", "openai", "http://localhost:8000/v1", None, models=("llama*", "qwen*")),
            "azure": ProviderSettings(
                "azure",
                "azure",
                "https://team.openai.azure.com",
                "AZURE_OPENAI_API_KEY",
                "2026-01-01",
                ("gpt-4.1-*",),
                {"gpt-4.1": ("team-gpt-41",)},
            ),
            "simulated": ProviderSettings("simulated", "simulated"),
        },
        samples=3,
        as_of="2026-01-15",
        concurrency=10,
        timeout_s=30.0,
        max_cost="2.5",
        fail_on=("breaking", "drift", "cost:+10%", "p95:+20.5%"),
        ledger="sqlite:///ledger.db",
        time_scale=0.0,
        simulation_seed=9,
        prices="prices.toml",
        redact=False,
        candidates=("gpt-4.1", "gpt-4.1@terse"),
    )
    assert expected == found
    names = ["gateway", "local", "azure", "gateway"]
    assert names == [found.provider_for(model).name for model in ("gpt-4o", "llama3:8b", "gpt-4.1-mini", "gpt-4.1")]


def test_the_key_of_one_host_is_not_sent_to_another(tmp_path: Path) -> None:
    """A server of one's own gets no key unless its table names the variable that holds it."""
    table = '[providers.openai]\nbase_url = "http://localhost:8000/v1"\n'
    assert read_settings(project(tmp_path, table), {}).providers["openai"].api_key_env is None


def test_later_ones_win(tmp_path: Path) -> None:
    """The environment comes before the file, the command line before both; what says nothing changes nothing."""
    folder = project(tmp_path, "samples = 2\nconcurrency = 2\ntimeout_s = 2\nredact = true\n")
    environ = {"PROMPT_MIGRATE_SAMPLES": "3", "PROMPT_MIGRATE_CONCURRENCY": "3", "PROMPT_MIGRATE_TIMEOUT_S": ""}
    environ |= {"PROMPT_MIGRATE_FAIL_ON": "drift, unstable", "PROMPT_MIGRATE_REDACT": "no", "HOME": "/"}
    found = read_settings(folder, environ, {"samples": 4, "concurrency": None, "max_cost": "5"})
    assert (4, 3, 2.0, ("drift", "unstable"), False, "5") == (
        found.samples,
        found.concurrency,
        found.timeout_s,
        found.fail_on,
        found.redact,
        found.max_cost,
    )


def test_the_root_is_found_upwards(tmp_path: Path) -> None:
    """The nearest folder with a configuration is the root; a `pyproject.toml` that says nothing of it is passed by."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    project(tmp_path, "[project]\nname = 'x'\n[tool.prompt-migrate]\nsamples = 7\n", "pyproject.toml")
    project(tmp_path / "a", "[project]\nname = 'y'\n", "pyproject.toml")
    found = read_settings(inner, {})
    assert (tmp_path.resolve(), 7) == (found.root, found.samples)
    project(tmp_path / "a", "samples = 8\n")
    assert ((tmp_path / "a").resolve(), 8) == (read_settings(inner, {}).root, read_settings(inner, {}).samples)


def test_a_repository_is_not_left(tmp_path: Path) -> None:
    """Above the repository other people's configurations begin."""
    project(tmp_path, "samples = 7\n")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert 5 == read_settings(tmp_path / "repository", {}).samples
    assert (True, False) == (is_configured(tmp_path), is_configured(tmp_path / "repository"))


def test_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    """Each problem names file and line, or the variable or option it came from."""
    folder = project(
        tmp_path,
        """\
[tool.prompt-migrate]
samples = 0
sample = 3
as_of = "yesterday"
fail_on = ["breakin"]
redact = "maybe"
candidates = [1]
max_cost = "much"
provider = "opnai"
prompts = 3
state = 'a\\b'

[tool.prompt-migrate.providers.local]
base_url = "ftp://x"
models = 3
api_keyenv = "A"

[tool.prompt-migrate.providers]
odd = 3
cloud = { kind = "azur" }
mine.kind = "azure"
""",
        "pyproject.toml",
    )
    environ = {"PROMPT_MIGRATE_CONCURRENCY": "many", "PROMPT_MIGRATE_SAMPEL": "3", "PROMPT_MIGRATE_MODEL": "x"}
    gates = "breaking, drift, unstable, cost:+10% and p95:+20%"
    names = "cloud, local, mine, odd, openai, simulated, and those of [providers.*] tables"
    assert [
        'pyproject.toml:3: unknown key "sample" (did you mean "samples"?)',
        'pyproject.toml:2: "samples" must be a whole number between 1 and 1000',
        'pyproject.toml:4: "as_of" must be a date such as 2026-01-15',
        f'pyproject.toml:5: "fail_on" knows {gates}, not "breakin" (did you mean "breaking"?)',
        'pyproject.toml:6: "redact" must be true or false',
        'pyproject.toml:7: "candidates" must be a list of texts',
        'pyproject.toml:8: "max_cost" must be an amount of US dollars such as 5 or 2.50',
        'pyproject.toml:10: "prompts" must be a text',
        'pyproject.toml:11: "state" must be a path with forward slashes',
        'environment variable PROMPT_MIGRATE_SAMPEL is no setting (did you mean "PROMPT_MIGRATE_SAMPLES"?)',
        "environment variable PROMPT_MIGRATE_CONCURRENCY: must be a whole number between 1 and 10000",
        'unknown setting "smaples" (did you mean "samples"?)',
        "--time-scale: must be a number between 0 and 1000",
        'pyproject.toml:14: "base_url" of provider local must be an http or https address',
        'pyproject.toml:15: "models" of provider local must be a list of texts',
        'pyproject.toml:16: unknown key "api_keyenv" (did you mean "api_key_env"?)',
        'pyproject.toml:19: "providers.odd" must be a table',
        'pyproject.toml:20: "kind" of provider cloud must be openai, azure, simulated (did you mean "azure"?)',
        'pyproject.toml:21: provider mine needs "base_url": Azure has one a customer',
        f'pyproject.toml:9: there is no provider "opnai"; there are {names} (did you mean "openai"?)',
    ] == told(folder, environ, {"smaples": 3, "time_scale": -1})


def test_a_pattern_is_no_longer_than_a_name_can_be(tmp_path: Path) -> None:
    """What takes minutes to read as a pattern is refused: the file may be somebody else's."""
    text = f'[tool.prompt-migrate.providers.local]\nbase_url = "http://127.0.0.1:1"\nmodels = ["{"[" * 40_000}"]\n'
    folder = project(tmp_path, text, "pyproject.toml")
    words = "must be names or patterns of at most 200 characters"
    assert [f'pyproject.toml:3: "models" of provider local {words}'] == told(folder, {}, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('api_key = "sk-123"', '"api_key" is never read from a file'),
        ('OPENAI_API_KEY = "sk-123"', '"OPENAI_API_KEY" is never read from a file'),
        ('[providers.a]\napi_key = "sk-123"', '"api_key" is never read from a file'),
        ('[providers.a]\ntoken = "sk-123"', '"token" is never read from a file'),
        ('[providers.a]\nheaders = {a = "sk-123"}', '"headers" is never read from a file'),
        ('[providers.a]\napi_key_env = "sk-123"', "must be the name of an environment variable, not the secret itself"),
        ('[providers.a]\nheaders_env = {a = "Bearer sk-123"}', "not the secret itself"),
        ('[providers.a]\nbase_url = "https://me:sk-123@x"', "must not hold a name or password"),
        ('ledger = "postgresql://me:sk-123@host/db"', '"ledger" holds a password (set PROMPT_MIGRATE_LEDGER in the'),
    ],
)
def test_secrets_are_refused_and_not_repeated(tmp_path: Path, text: str, message: str) -> None:
    """A secret in a file is a problem that says where it belongs, and does not print it."""
    (problem,) = told(project(tmp_path, text))
    assert message in problem
    assert "sk-123" not in problem


def test_a_secret_in_the_environment_is_where_it_belongs(tmp_path: Path) -> None:
    """A ledger with a password may be named by its variable."""
    url = "postgresql://me:secret@host/db"
    assert url == read_settings(tmp_path, {"PROMPT_MIGRATE_LEDGER": url}).ledger


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("samples = \n", "prompt-migrate.toml:1: not TOML: Invalid value (at line 1, column 11)"),
        ("a = 1\na = 2\n", "prompt-migrate.toml:2: not TOML: Cannot overwrite a value (at line 2, column 6)"),
        ("a = " + "[" * 100_000, "prompt-migrate.toml: not TOML: nested too deeply"),
        ("providers = 3", 'prompt-migrate.toml:1: "providers" must be a table'),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, text: str, message: str) -> None:
    """A file that cannot be read is told with its line."""
    assert [message] == told(project(tmp_path, text))


def test_schema_and_reader_know_the_same_keys() -> None:
    """Settings, their reader and the published schema have the same keys."""
    assert {*SCHEMA["properties"]} == {*configuration.SETTINGS}
    assert {field.name for field in fields(Settings)} - {"root"} == {*configuration.SETTINGS}
    assert {*SCHEMA["$defs"]["provider"]["properties"]} == {*configuration.PROVIDER}
    assert {field.name for field in fields(ProviderSettings)} - {"name"} == {*configuration.PROVIDER}


def test_schema_and_settings_have_the_same_defaults() -> None:
    """What the schema tells editors about defaults is what holds."""
    settings = Settings(root=Path())
    told = {key: schema["default"] for key, schema in SCHEMA["properties"].items() if "default" in schema}
    assert {**told, "fail_on": ("breaking",)} == {key: getattr(settings, key) for key in told}


def test_the_schema_takes_what_the_reader_takes() -> None:
    """The example with every key is valid by the schema editors use."""
    jsonschema_rs.meta.validate(SCHEMA)
    value = tomllib.loads(EVERYTHING)
    value["as_of"] = value["as_of"].isoformat()
    assert [] == [error.message for error in VALIDATOR.iter_errors(value)]


@pytest.mark.parametrize("gate", ["cost:-50%", "p95:-12.5%"])
def test_a_gate_may_ask_for_a_saving(tmp_path: Path, gate: str) -> None:
    """A limit below the baseline's figure is a gate like one above it, for the reader and for the schema."""
    assert (gate,) == read_settings(tmp_path, {}, {"fail_on": gate}).fail_on
    VALIDATOR.validate({"fail_on": [gate]})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.text(max_size=5))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*configuration.READ]), VALUES), st.text(max_size=20))
def test_any_value_from_anywhere(tmp_path: Path, overrides: dict[str, Any], variable: str) -> None:
    """Whatever a setting is given, the answer is settings or problems."""
    environ = {f"PROMPT_MIGRATE_{name.upper()}": variable for name in configuration.READ}
    try:
        found = read_settings(tmp_path, environ, overrides)
    except ConfigurationProblem as error:
        assert error.problems  # noqa: PT017 (either way is right)
    else:
        assert found.provider in found.providers


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(EVERYTHING)), st.integers(0, 15), st.text(max_size=4) | st.sampled_from(list("[]{}=\"'.\n#,"))
)
def test_any_text_in_the_file(tmp_path: Path, at: int, length: int, new: str) -> None:
    """Some characters of a sound file replaced by others never end in a traceback."""
    text = EVERYTHING[:at] + new + EVERYTHING[at + length :]
    (tmp_path / "prompt-migrate.toml").write_text(text, "utf-8", "replace")
    try:
        read_settings(tmp_path, {})
    except ConfigurationProblem as error:
        assert error.problems  # noqa: PT017 (either way is right)
