"""A canary secret in sixteen places, each time in six forms: it is in no file, on no pipe and in no log of any run."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from scripted_server import Scripted, Seen, answer, error, events, ok
from small_project import Project, opened

from migrate import wiring
from migrate.edges.providers.openai import connect
from migrate.redaction import Redactor, secrets_of

CANARY = "C4nary/" + 'q"Z+7e' * 4 + "&end"
"""Of no known shape: what gives it away is that a variable with a telling name holds it."""
SHAPED = "s" + "k-proj-" + "C4naryB1rd" * 5
"""In no variable: what gives it away is its shape."""
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"key": secret}))[1:-1],
    "percent": lambda secret: quote(secret, safe=""),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 inside": lambda secret: base64.urlsafe_b64encode(f"user:{secret}:x".encode()).decode(),
}
LOOKED_FOR = {
    form
    for secret in (CANARY, SHAPED)
    for form in (
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode()[:24],
        base64.urlsafe_b64encode(b"user:" + secret.encode()).decode()[8:28],
        secret[:20],
    )
}
TEXT = " | ".join(form(secret) for form in FORMS.values() for secret in (CANARY, SHAPED))
PROMPTS = {
    "plain": 'model: gpt-4o\nparse: text\nmessages: [{role: user, content: "{{ place }}"}]\ncases:\n',
    "streamed": "model: gpt-4o\nparse: text\nmodelParameters: {stream: true}\n"
    'messages: [{role: user, content: "{{ place }}"}]\ncases:\n',
}


def chat(body: dict[str, Any], **message: Any) -> Scripted:
    return ok(answer(message.pop("content", None), model=body["model"], **message))


def call(name: str, arguments: str, known: str = "call_1") -> list[dict[str, Any]]:
    return [{"id": known, "type": "function", "function": {"name": name, "arguments": arguments}}]


def split(body: dict[str, Any]) -> Scripted:
    """Return a stream whose pieces cut every form in the middle."""
    pieces = [TEXT[at : at + 7] for at in range(0, len(TEXT), 7)]
    chunks = [{"model": body["model"], "choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    end = {"model": body["model"], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return events(*chunks, end)


PLACES: dict[str, Callable[[dict[str, Any]], Scripted]] = {
    "answer": lambda body: chat(body, content=TEXT),
    "value": lambda body: chat(body, content=json.dumps({"note": TEXT, "password": CANARY})),
    "key": lambda body: chat(body, content=json.dumps({TEXT: 1, CANARY: {SHAPED: 2}})),
    "fence": lambda body: chat(body, content=f"```json\n{json.dumps([TEXT])}\n```"),
    "arguments": lambda body: chat(body, tool_calls=call("note", json.dumps({"text": TEXT}))),
    "tool": lambda body: chat(body, tool_calls=call(SHAPED, "{}") + call(CANARY, "{}")),
    "call-id": lambda body: chat(body, tool_calls=call("note", "{}", SHAPED) + call("note", "{}", CANARY)),
    "refusal": lambda body: chat(body, refusal=TEXT),
    "tier": lambda body: ok(answer("ok", model=body["model"]) | {"service_tier": SHAPED, "system_fingerprint": CANARY}),
    "request-id": lambda body: ok(answer("ok", model=body["model"]), x_request_id=CANARY + SHAPED),
    "error": lambda body: error(400, message=f"bad key {TEXT}", code=SHAPED),
    "denied": lambda body: error(401, message=f"Incorrect API key provided: {CANARY} {SHAPED}"),
    "inner-error": lambda body: ok({"error": {"message": TEXT}}),
    "other-model": lambda body: ok(answer("ok", model=f"{SHAPED} {CANARY}")),
    "page": lambda body: ok([TEXT]),
    "stream": split,
}
"""Case -> what the candidate's server answers there."""
DUMP = '''
"""Writes down everything that would go to another process, and the environment of a worker."""
import json

def pytest_runtest_logreport(report):
    with open("pipe.log", "a") as log:
        print(json.dumps(report._to_json(), default=repr), file=log)

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        with open("pipe.log", "a") as log:
            print(json.dumps(config.workerinput, default=repr), file=log)
'''


def said(seen: Seen) -> Scripted:
    body = seen.json
    place = body["messages"][-1]["content"].split()[0]
    if body["model"] != "gpt-4o" or place in ("answer", "value", "key", "fence", "arguments", "refusal", "tool"):
        return PLACES[place](body)
    if body.get("stream"):
        end = {"model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]}
        return events(end)
    return ok(answer("ok", model="gpt-4o"))


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project that was recorded, replayed alone and with workers, and looked at; what all of that printed."""
    prompts = dict(PROMPTS)
    for place in PLACES:
        secret = f" {json.dumps(TEXT)[1:-1]}" if place == "answer" else ""
        row = f'  - {{id: {place}, inputs: {{place: "{place}{secret}"}}}}\n'
        prompts["streamed" if place == "stream" else "plain"] += row
    with opened(tmp_path_factory.mktemp("canary") / "project", prompts) as project:
        project.configure(samples=1)
        with (project.root / "prompt-migrate.toml").open("a", encoding="utf-8") as config:
            config.write('api_key_env = "ACME_API_KEY"\n')
        (project.root / "conftest.py").write_text(DUMP, "utf-8")
        project.environ["ACME_API_KEY"] = CANARY
        project.patience_s = 900.0
        project.models.script = said
        shown = ("-vv", "-rA", "--showlocals", "--junitxml=junit.xml", "--log-level=DEBUG", "--log-file=log.txt")
        runs = [
            project.run("--golden=new", *shown),
            project.run("--model", "gpt-4.1", "-k", f"not {SHAPED}", *shown),
            project.run("--model", "gpt-4.1-mini", "-n", "2", *shown),
            project.run("--model", "gpt-4.1", "--migrate-offline", *shown),
            *(project.command("-m", "migrate", *words) for words in COMMANDS),
        ]
        yield project, "\n".join(run.stdout.str() + run.stderr.str() for run in runs)


COMMANDS = (
    ("compare",),
    ("compare", "--json"),
    ("history", "plain", "--json"),
    ("doctor", "--json"),
    ("goldens", "check", "--json"),
)


def hits(text: str) -> list[str]:
    return sorted(form[:12] for form in LOOKED_FOR if form in text)


def test_no_file_of_a_run_holds_it(used: tuple[Project, str]) -> None:
    """Goldens, measurements, recordings, ledger, journals, plans, JUnit, logs and the reports of workers: nothing."""
    project, _ = used
    own = ("prompts/", "prompt-migrate.toml")  # what the user wrote
    found = {}
    for name, content in project.files(".").items():
        text = content.decode("latin-1")
        if not name.startswith(own) and "__pycache__" not in name and hits(text):
            found[name] = hits(text)
    assert {} == found


def test_nothing_printed_holds_it(used: tuple[Project, str]) -> None:
    """Terminal of pytest and of every command, tracebacks with local variables included."""
    assert [] == hits(used[1])


def test_the_places_were_reached(used: tuple[Project, str]) -> None:
    """The secret did come: marks stand in its place, in goldens, databases, reports and on the terminal."""
    project, printed = used
    files = project.files(".")
    pipe = files["pipe.log"].decode()
    for text in (
        printed,
        pipe,
        *(files[f"fixtures/plain/{place}.json"].decode() for place in ("answer", "key", "tool")),
    ):
        assert "<secret:acme_api_key>" in text
        assert "<openai_key:" in text
    assert b"<secret:acme_api_key>" in files[".prompt-migrate/recordings.db"]
    assert b"<secret:acme_api_key>" in files[".prompt-migrate/ledger.db"]
    assert {*PLACES} == {path.stem for path in (project.root / "fixtures").rglob("*.json")} - {"measurements"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["{}", "a {} b", '{{"a": "{}"}}', "x{}", "({})", "k={}&b"])
def test_every_form_of_a_known_secret_goes(form: str, place: str) -> None:
    """The value of a secret variable is taken out in each form, wherever it stands."""
    redactor = Redactor(secrets_of({"ACME_API_KEY": CANARY}))
    assert [] == hits(redactor.text(place.format(FORMS[form](CANARY))))


def test_no_repr_shows_a_key(tmp_path: Path) -> None:
    """Settings, world, provider and redactor print no secret, in no field of theirs."""
    environ = {"OPENAI_API_KEY": CANARY, "ACME_TOKEN": SHAPED}
    world = wiring.open_world(tmp_path, environ, {})
    provider = connect(name="test", api_key=CANARY, base_url="http://127.0.0.1:9/v1", headers={"x-team": SHAPED})
    shown = [world, world.settings, dataclasses.asdict(world.settings), provider, provider.__dict__, world.redactor]
    shown += [world.provider(1), world.redactor.find(f"key {CANARY}"), vars(world).get("redactor")]
    assert [] == hits(" ".join(map(repr, shown)) + " ".join(map(str, shown)))
