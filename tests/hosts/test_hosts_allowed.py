"""A repository may name an address; only the user may allow its host. Nothing is sent before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import Scripted, ScriptedServer, Seen, answer, error, ok
from small_project import LATE, LATE_ID, Project, opened

from migrate import wiring
from migrate.edges.hosts import VARIABLE, foreign_host, refuse_foreign
from migrate.errors import UsageProblem

KEY = "hunter2-" * 5


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com:443/v1",
        "http://127.0.0.1:8000/v1",
        "http://127.9.9.9/v1",
        "http://localhost:11434/v1",
        "http://model.localhost/v1",
        "http://[::1]:8000/v1",
        "sqlite:///state/ledger.db",
        "postgresql://user@localhost/ledger",
        "postgresql:///ledger?host=/var/run/postgresql",
    ],
)
def test_this_machine_and_the_usual_hosts_need_no_word(url: str) -> None:
    """Loopback, files, sockets and the host the SDK goes to by itself are allowed."""
    assert foreign_host(url, {}) is None


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://gateway.example/v1", "gateway.example"),
        ("https://gateway.example:8443/v1", "gateway.example:8443"),
        ("http://gateway.example/v1", "http://gateway.example"),
        ("http://api.openai.com/v1", "http://api.openai.com"),
        ("https://api.openai.com.evil.example/v1", "api.openai.com.evil.example"),
        ("https://api.openai.com:8443/v1", "api.openai.com:8443"),
        ("https://evil.openai.azure.com", "evil.openai.azure.com"),
        ("https://127.0.0.1.evil.example/v1", "127.0.0.1.evil.example"),
        ("https://localhost.evil.example/v1", "localhost.evil.example"),
        ("http://10.0.0.1/v1", "http://10.0.0.1"),
        ("http://0.0.0.0/v1", "http://0.0.0.0"),
        ("http://169.254.169.254/latest", "http://169.254.169.254"),
        ("https://[2001:db8::1]:8443/v1", "[2001:db8::1]:8443"),
        ("HTTPS://EVIL.example/v1", "evil.example"),
        ("postgresql+psycopg://user@db.evil.example/ledger", "db.evil.example"),
        ("postgresql:///ledger?host=db.evil.example", "db.evil.example"),
        ("postgresql:///ledger?host=/tmp,db.evil.example", "db.evil.example"),
        ("postgresql://localhost/ledger?hostaddr=10.0.0.1", "10.0.0.1"),
    ],
)
def test_any_other_host_is_foreign(url: str, entry: str) -> None:
    """What is foreign comes with the entry that would allow it, and that entry does."""
    assert entry == foreign_host(url, {})
    assert foreign_host(url, {VARIABLE: f"other.example, {entry}"}) is None


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("*.example.com", "https://a.example.com/v1", True),
        ("*.example.com", "https://example.com/v1", False),
        ("*.example.com", "https://a.example.com.evil.example/v1", False),
        ("a.example.com", "https://b.example.com/v1", False),
        ("a.example.com", "http://a.example.com/v1", False),
        ("http://a.example.com", "http://a.example.com/v1", True),
        ("https://a.example.com/", "https://a.example.com/v1", True),
        ("a.example.com:8443", "https://a.example.com/v1", False),
        ("A.Example.COM", "https://a.example.com/v1", True),
        ("a.example.com:x", "https://a.example.com/v1", False),
        ("", "https://a.example.com/v1", False),
    ],
)
def test_an_entry_allows_what_it_says(entry: str, url: str, allowed: bool) -> None:
    """A name allows itself, a star what is below it, a port itself, and only a written `http://` plain text."""
    assert allowed == (foreign_host(url, {VARIABLE: entry}) is None)


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "HOME"])
def test_the_list_may_be_a_file_of_the_users(variable: str, tmp_path: Path) -> None:
    """One host a line, with remarks, in the user's own configuration folder."""
    folder = tmp_path if variable == "XDG_CONFIG_HOME" else tmp_path / ".config"
    path = folder / "prompt-migrate" / "allowed-hosts"
    path.parent.mkdir(parents=True)
    path.write_text("# ours\ngateway.example  # since May\n\n", "utf-8")
    assert foreign_host("https://gateway.example/v1", {variable: str(tmp_path)}) is None
    assert "evil.example" == foreign_host("https://evil.example/v1", {variable: str(tmp_path)})


def test_the_refusal_says_what_where_and_how() -> None:
    """One sentence with the setting, the host, and the line that would allow it."""
    with pytest.raises(UsageProblem) as caught:
        refuse_foreign("https://evil.example/v1", 'the base_url of provider "p"', {})
    message = 'the base_url of provider "p" leads to evil.example, which you have not allowed: nothing was sent'
    hint = (
        "it may be allowed if you trust it with keys and prompts, "
        "here or by a line in ~/.config/prompt-migrate/allowed-hosts"
    )
    assert (message, hint, 2) == (caught.value.message, caught.value.hint, caught.value.exit_code)
    assert "export PROMPT_MIGRATE_ALLOWED_HOSTS=evil.example" == caught.value.next_command


CONFIG = """\
provider = "far"
[providers.far]
kind = "openai"
base_url = "{url}"
api_key_env = "FAR_KEY"
"""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Project]:
    """A project whose configuration leads to a host that nobody allowed."""
    with opened(tmp_path / "project") as project:
        (project.root / "prompt-migrate.toml").write_text(CONFIG.format(url="https://evil.example/v1"), "utf-8")
        project.environ |= {"FAR_KEY": KEY, "HOME": str(tmp_path)}
        project.guard()
        yield project


@pytest.mark.parametrize("arguments", [["--model", "gpt-4.1"], ["--golden=new"], ["--model", "gpt-4.1", "-n", "2"]])
def test_pytest_refuses_before_anything_is_collected(far: Project, arguments: list[str]) -> None:
    """A run that would ask a foreign host ends with the usage code; no name was looked up, and no key is printed."""
    result = far.run(*arguments)

    assert 4 == result.ret
    result.stderr.fnmatch_lines('*base_url of provider "far" leads to evil.example, which you have not allowed*')
    assert "" == far.reached_out()
    assert KEY not in result.stdout.str() + result.stderr.str()


def test_the_command_line_refuses_too(far: Project) -> None:
    """`record` says the same and ends with 2; `doctor` warns."""
    recorded = far.command("-m", "migrate", "record")
    looked = far.command("-m", "migrate", "doctor")

    assert (2, 0) == (recorded.ret, looked.ret)
    assert "evil.example, which you have not allowed" in " ".join(recorded.stderr.str().split())
    assert "next: export PROMPT_MIGRATE_ALLOWED_HOSTS=evil.example" in recorded.stderr.str()
    assert "far at evil.example: you have not allowed this host" in looked.stdout.str()


def test_an_option_in_the_repositorys_own_files_allows_nothing(far: Project) -> None:
    """The list has no option and no setting: a repository could set those itself."""
    refused = far.run("--model", "gpt-4.1", addopts="--migrate-allowed-hosts=evil.example")
    text = (far.root / "prompt-migrate.toml").read_text("utf-8")
    (far.root / "prompt-migrate.toml").write_text('allowed_hosts = "evil.example"\n' + text, "utf-8")
    unknown = far.run("--model", "gpt-4.1")

    assert (4, 4) == (refused.ret, unknown.ret)
    assert 'unknown key "allowed_hosts"' in unknown.stderr.str()


def test_a_ledger_on_a_foreign_host_is_refused(tmp_path: Path) -> None:
    """What a file says of the ledger needs the same word; the user's own variable is that word."""
    url = "postgresql://user@db.evil.example/ledger"
    (tmp_path / "prompt-migrate.toml").write_text(f'ledger = "{url}"\n', "utf-8")
    world = wiring.open_world(tmp_path, {}, {})
    with pytest.raises(UsageProblem, match=r"the setting `ledger` leads to db\.evil\.example"):
        _ = world.ledger
    allowed = wiring.open_world(tmp_path, {"PROMPT_MIGRATE_LEDGER": "sqlite:///mine.db"}, {})
    assert allowed.ledger.name
    allowed.close()


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    """A server that sends the prompt on to another host gets a no-reply; the other host sees nothing, key or prompt."""

    def elsewhere(seen: Seen) -> Scripted:
        return ok(answer("stolen", model="gpt-4.1"))

    with opened(tmp_path / "project") as project, ScriptedServer(elsewhere) as other:
        project.environ["FAR_KEY"] = KEY
        with (project.root / "prompt-migrate.toml").open("a", encoding="utf-8") as config:
            config.write('api_key_env = "FAR_KEY"\n')
        project.run("--golden=new", "-q").assert_outcomes(passed=5)
        location = other.url + "/chat/completions"
        project.say("gpt-4.1", {LATE: error(307, location=location)})
        result = project.run("--model", "gpt-4.1", LATE_ID)

    assert 1 == result.ret
    assert [] == other.seen
    assert "redirect" in result.stdout.str()
