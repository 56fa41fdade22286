"""Write the generated pages of the documentation from the code: `python docs/generate.py`; safe to repeat.

`--check` writes nothing and ends with 1 when a page is not what the code says.
"""

from __future__ import annotations

import ast
import enum
import inspect
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from click.testing import CliRunner

from migrate import errors, pytest_plugin
from migrate.cli import INTERRUPTED, main
from migrate.cli.compare import GATE_CLOSED
from migrate.cli.route import INCONCLUSIVE
from migrate.edges.configuration import BUILT_IN, PREFIX, READ
from migrate.edges.inventory.checks import SHAPES
from migrate.edges.inventory.rules import PLAIN, WITH_VALUE
from migrate.edges.ledger.describing import describe
from migrate.evidence.gates import GRAMMAR
from migrate.vocabulary import CaseVerdict, FindingKind, NoReplyKind, Rung, Severity

DOCS: Final = Path(__file__).parent
SCHEMAS: Final = Path(errors.__file__).parent / "schemas"
WIDTH: Final = 80

NOTE: Final = "<!-- Made by `python docs/generate.py`; change the code, its docstrings or that file. -->"

Lines = Iterator[str]


def reference() -> str:
    """Return the reference page."""
    parts: dict[str, Callable[[], Lines]] = {
        "Commands": commands,
        "Options of pytest": pytest_options,
        "Configuration": configuration,
        "Environment variables": environment,
        "Prompt files": prompt_files,
        "Check kinds": check_kinds,
        "Rule kinds": rule_kinds,
        "The ladder": ladder,
        "Finding kinds": finding_kinds,
        "Case verdicts": case_verdicts,
        "No-reply kinds": no_reply_kinds,
        "Gates": gates,
        "Exit codes": exit_codes,
        "JSON documents": json_documents,
        "Files": files,
    }
    lines = ["# Reference", "", NOTE, ""]
    lines += ["Every name the product knows, from the code. For how to use them, see the [how-to guides](how-to.md)."]
    lines += ["", " · ".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in parts)]
    for title, part in parts.items():
        lines += ["", f"## {title}", "", *part()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


# --- Forms -----------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Lines:
    """Yield a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def prose(text: str) -> Lines:
    """Yield a paragraph and the empty line after it."""
    yield from (*inspect.cleandoc(text).splitlines(), "")


def code(text: object) -> str:
    return f"`{text}`"


def sentence(text: str) -> str:
    """Return a help text as a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def said_of(owner: type) -> dict[str, str]:
    """Return the docstrings under the members of a class: member -> sentence."""
    tree = ast.parse(inspect.getsource(owner))
    body = tree.body[0].body  # type: ignore[attr-defined]
    found = {}
    for member, after in itertools.pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[member.targets[0].id] = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
    return found


def members(owner: type[enum.StrEnum]) -> list[tuple[str, str]]:
    """Return value and sentence of every member of an enumeration, in its order."""
    sentences = said_of(owner)
    return [(member.value, sentences[member.name]) for member in owner]


def schema_of(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


# --- Commands and options ------------------------------------------------------------------------------------------


def commands() -> Lines:
    yield from prose("""
        `python -m migrate` is the same as `prompt-migrate`. `prompt-migrate record` is `pytest --golden`, without
        pytest. Options may stand in the environment too: `PROMPT_MIGRATE_<COMMAND>_<OPTION>`.
    """)
    for path in [(), *command_paths(main)]:
        title = " ".join(("prompt-migrate", *path))
        yield from ("", f"### {title}", "", "```text", *help_of(path), "```")


def command_paths(group: click.Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command as the words after `prompt-migrate`."""
    if not isinstance(group, click.Group):
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{name} is listed and not there"
        yield (*above, name)
        yield from command_paths(command, (*above, name))


def help_of(path: tuple[str, ...]) -> list[str]:
    done = CliRunner().invoke(
        main, [*path, "--help"], prog_name="prompt-migrate", terminal_width=WIDTH, catch_exceptions=False
    )
    return [line.rstrip() for line in done.output.rstrip().splitlines()]


class PytestParser:
    """Stands in for pytest's parser and notes what the plugin registers."""

    def __init__(self) -> None:
        self.options: dict[str, Mapping[str, Any]] = {}
        self.ini: dict[str, str] = {}

    def getgroup(self, *_: str) -> PytestParser:
        return self

    def addoption(self, name: str, **how: Any) -> None:
        self.options[name] = how

    def addini(self, name: str, help: str, **_: Any) -> None:  # noqa: A002 - pytest's name
        self.ini[name] = help


def registered() -> PytestParser:
    """Return what the plugin registers with pytest."""
    parser = PytestParser()
    pytest_plugin.pytest_addoption(parser)  # type: ignore[arg-type]
    return parser


def pytest_options() -> Lines:
    parser = registered()
    short = {option: name for name, option in pytest_plugin.SHORT.items()}
    rows = []
    for name, how in parser.options.items():
        alias = short.get(str(how["dest"]).removeprefix("migrate_"), "")
        value = how.get("metavar", "") if "choices" not in how else " ".join(how["choices"])
        rows.append((code(name), code(alias) if alias else "", code(value) if value else "", _help(how["help"])))
    yield from prose("""
        The plugin does nothing until `--model` or `--golden` is given. A short name is left out where the suite's own
        `conftest.py` or another plugin has an option of that name.
    """)
    yield from table(("option", "short", "value", "meaning"), rows)
    yield ""
    yield from table(("ini key", "meaning"), [(code(name), sentence(text)) for name, text in parser.ini.items()])
    yield ""
    yield from prose("""
        One item is one case against one candidate: `prompts/refund.prompt.yml::late-parcel[gpt-4.1]`. It carries the
        marker `migrate`, and as keywords for `-k` the flow, the case's tags and `critical_<level>`. Its JUnit
        properties are `flow`, `candidate` and `verdict`, of one that failed `case` and `finding` too.
    """)


def _help(text: str) -> str:
    return sentence(text.replace("%%", "%"))


# --- Configuration ---------------------------------------------------------------------------------------------------


def configuration() -> Lines:
    schema = schema_of("config")
    yield sentence(schema["description"].replace(": PROMPT_MIGRATE_SAMPLES", ", such as `PROMPT_MIGRATE_SAMPLES`"))
    yield from prose("""
        The command line wins over the environment, the environment over the file.
    """)
    rows = [
        (code(name), kind_of(part, schema), default_of(part), said(part)) for name, part in schema["properties"].items()
    ]
    yield from table(("key", "value", "default", "meaning"), rows)
    yield ""
    built_in = ", ".join(code(name) for name in BUILT_IN if name != "azure")
    yield f"A provider is a table `[providers.<name>]`. {built_in} need none."
    yield ""
    provider = schema["$defs"]["provider"]["properties"]
    keys = [(code(name), kind_of(part, schema), said(part)) for name, part in provider.items()]
    yield from table(("key of a provider", "value", "meaning"), keys)


ENVIRONMENT: Final = {
    "OPENAI_API_KEY": "Key of the built-in provider `openai`.",
    "AZURE_OPENAI_API_KEY": "Key of a provider of kind `azure`, unless its table names another variable.",
    "OPENAI_BASE_URL": "Address that OpenAI's SDK uses where a provider has no `base_url`.",
    "PROMPT_MIGRATE_ALLOWED_HOSTS": "Hosts that a `base_url` or `ledger` in a file may lead to, beside this machine "
    "and OpenAI's API: `gateway.example.com, *.example.org`.",
    "XDG_CONFIG_HOME": "Folder in which `prompt-migrate/allowed-hosts` may list the same, one a line.",
    "HOME": "The same in `~/.config`, where `XDG_CONFIG_HOME` is not set.",
    "CI": "Where it is set (to anything but `0` or `false`), `--golden` and `record` refuse to record.",
    "NO_COLOR": "No colours, whatever the terminal.",
    "COLUMNS": "How wide lines for people are, also where the output is no terminal.",
    "FORCE_COLOR": "Colours, whatever the terminal.",
    "TERM": "`dumb`: no colours.",
}


def environment() -> Lines:
    rows = [(code(f"{PREFIX}{name.upper()}"), f"Setting `{name}`.") for name in READ]
    rows += [(code(name), text) for name, text in ENVIRONMENT.items()]
    yield from table(("variable", "meaning"), rows)
    yield ""
    yield from prose("""
        A provider's table names further variables (`api_key_env`, `headers_env`). Values of variables whose names sound
        secret (`KEY`, `TOKEN`, `SECRET`, `PASSWORD` ...) are taken out of everything that is written.
    """)


# --- Prompt files ----------------------------------------------------------------------------------------------------


def prompt_files() -> Lines:
    schema = schema_of("prompt")
    yield (
        sentence(schema["description"]) + " Unknown keys are refused. `model` and `messages` are required, or `steps`."
    )
    yield ""
    # A key that two forms of one value have is told once.
    known = {name: (kind, default, text) for name, kind, default, text in reversed([*_keys(schema, schema, "")])}
    rows = [(code(name), *about) for name, about in reversed(known.items())]
    yield from table(("key", "value", "default", "meaning"), rows)
    yield ""
    yield from prose("""
        An editor completes and checks these keys by the [published schema](how-to.md#let-an-editor-complete-the-keys).
    """)


def _keys(part: Mapping[str, Any], schema: Mapping[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield every key under a part of the schema, with its path."""
    for name, written in {**part.get("properties", {}), **part.get("patternProperties", {})}.items():
        shown = f"{above}{'x-*' if name == '^x-' else name}"
        inner = resolved(written, schema)
        if "not" not in inner:
            yield shown, kind_of(inner, schema), default_of(inner), said(inner)
            yield from _inner_keys(inner, schema, shown)


def _inner_keys(part: Mapping[str, Any], schema: Mapping[str, Any], shown: str) -> Iterator[tuple[str, str, str, str]]:
    name = shown.rsplit(".", 1)[-1]
    if shown.startswith("steps[].") and shown != f"steps[].{name}":
        return
    if name == "for_each":
        yield from _keys(part["anyOf"][1], schema, f"{shown}.")
    of_prompts = shown.startswith("steps[].") and name in schema["properties"]
    if name in ("checks", "rules") or of_prompts or (shown.startswith("variants.") and name != "default_for"):
        return
    yield from _keys(part, schema, f"{shown}.")
    for form in (part, *part.get("anyOf", ())):
        if isinstance(form.get("items"), dict):
            items = resolved(form["items"], schema)
            for one in [items, *items.get("anyOf", ())]:
                yield from _keys(one, schema, f"{shown}[].")
    more = part.get("additionalProperties")
    if isinstance(more, dict):
        yield from _keys(resolved(more, schema), schema, f"{shown}.<name>.")


def _first_form(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((form for form in part.get("anyOf", ()) if "properties" in form), part)


def resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of a schema with its reference followed."""
    found: Any = part
    while "$ref" in found:
        target: Any = schema
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return dict(found)


TYPES: Final = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "",
}


def kind_of(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return in words what a value may be."""
    part = resolved(part, schema)
    if "const" in part:
        return code(json.dumps(part["const"]))
    if "enum" in part:
        return ", ".join(code(value) for value in part["enum"])
    forms = part.get("anyOf") or part.get("oneOf")
    if forms and "type" not in part:
        return _joined([kind_of(form, schema) for form in forms])
    types = part.get("type", [])
    words = _joined([TYPES[name] for name in ([types] if isinstance(types, str) else types)])
    return words + _bounds(part)


def _joined(words: Sequence[str]) -> str:
    kept = [word for word in dict.fromkeys(words) if word]
    if kept[:1] == ["text"] and set(kept) <= {"text", "number", "true or false"}:
        return "text"  # A number where text is wanted is taken as it was written.
    return ", ".join(kept) or "any"


def _bounds(part: Mapping[str, Any]) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low}"
    return f", {low} to {high}"


def default_of(part: Mapping[str, Any]) -> str:
    value = part.get("default")
    if value is None:
        return ""
    return code(value if isinstance(value, str) else json.dumps(value))


def said(part: Mapping[str, Any]) -> str:
    return sentence(str(part.get("description", ""))) if part.get("description") else ""


def check_kinds() -> Lines:
    schema = schema_of("prompt")
    check = schema["$defs"]["check"]["properties"]
    yield from prose("""
        A check has exactly one kind, and may have a `path` and a `name`. The key under **short** is what a plain value
        stands for. Any value may be one whole `{{ expression }}`, bound to each case: its inputs, and `expected`.
    """)
    rows = []
    for kind, shape in SHAPES.items():
        rows.append((code(kind), code(shape.bare) if shape.bare else "", said(check[kind])))
        long = check[kind] if "properties" in check[kind] else _first_form(check[kind])
        rows += [(code(f"{kind}.{key}"), "", said(part)) for key, part in long.get("properties", {}).items()]
    rows += [(code(key), "", said(check[key])) for key in ("path", "name")]
    yield from table(("key", "short", "meaning"), rows)


def rule_kinds() -> Lines:
    schema = schema_of("prompt")
    rule = schema["$defs"]["rule"]["anyOf"][1]["properties"]
    yield from prose("""
        A rule is a word (`$.id: ignore`) or a mapping of one kind, beside which `reason` and `expires` may stand. Rules
        are read by agreement alone; `ignore`, `exact`, `tolerance`, `similarity` and `present` hold for everything
        below their path too. A concrete step wins over `[*]`, a longer path over a shorter one.
    """)
    values = dict.fromkeys(PLAIN, "") | {kind: kind_of(rule[kind], schema) for kind in WITH_VALUE}
    rows = [(code(kind), value, said(rule[kind])) for kind, value in values.items()]
    rows += [(code(key), kind_of(rule[key], schema), said(rule[key])) for key in ("metric", "reason", "expires")]
    yield from table(("key", "value", "meaning"), rows)


# --- Judgement -------------------------------------------------------------------------------------------------------


def ladder() -> Lines:
    yield from prose("""
        Every sample of baseline and candidate climbs the same rungs. The first five are the contract, the last is
        agreement.
    """)
    yield from table(("rung", "passed when"), [(code(value), text) for value, text in members(Rung)])
    yield ""
    yield from table(("severity", "meaning"), [(code(value), text) for value, text in members(Severity)])


_B, _D, _C = Severity.BREAKING, Severity.DRIFT, Severity.COSMETIC
SEVERITIES: Final[dict[FindingKind, tuple[Severity, ...]]] = {
    FindingKind.REFUSED: (_B, _D),
    FindingKind.FILTERED: (_B,),
    FindingKind.TRUNCATED: (_B,),
    FindingKind.EMPTY: (_B,),
    FindingKind.FENCED_JSON: (_B,),
    FindingKind.CHATTY_JSON: (_B,),
    FindingKind.INVALID_JSON: (_B, _C),
    FindingKind.MISSING_REQUIRED: (_B,),
    FindingKind.WRONG_TYPE: (_B,),
    FindingKind.NULL_NOT_ALLOWED: (_B,),
    FindingKind.NOT_IN_ENUM: (_B,),
    FindingKind.EXTRA_KEY: (_B,),
    FindingKind.SCHEMA_VIOLATION: (_B,),
    FindingKind.MISSING_TOOL_CALL: (_B, _D),
    FindingKind.UNEXPECTED_TOOL_CALL: (_B, _D),
    FindingKind.WRONG_TOOL: (_B,),
    FindingKind.UNKNOWN_TOOL: (_B,),
    FindingKind.WRONG_CALL_COUNT: (_B,),
    FindingKind.INVALID_ARGUMENTS: (_B,),
    FindingKind.NULL_ARGUMENT: (_B,),
    FindingKind.CHECK_FAILED: (_B,),
    FindingKind.TYPE_CHANGED: (_D,),
    FindingKind.KEY_ADDED: (_D,),
    FindingKind.KEY_REMOVED: (_D,),
    FindingKind.VALUE_CHANGED: (_D, _C),
    FindingKind.LIST_LENGTH: (_D,),
    FindingKind.LIST_ORDER: (_D,),
    FindingKind.FACT_CHANGED: (_D,),
    FindingKind.LANGUAGE_CHANGED: (_D,),
    FindingKind.LENGTH_CHANGED: (_D,),
    FindingKind.WORDING_CHANGED: (_C, _D),
    FindingKind.TOOL_ARGUMENTS_CHANGED: (_D,),
    FindingKind.CALL_COUNT_CHANGED: (_D,),
    FindingKind.REQUEST_CHANGED: (_C,),
}
"""Which severities a kind of finding has, the usual one first; held against the judge's own examples by a test."""


def finding_kinds() -> Lines:
    yield from prose("""
        A finding has a kind, a JSON path (`$` is the answer, `$tool_calls` its calls), what was expected, what there
        was, a severity and the rule that made it. Where two severities stand, the first is the usual one.
    """)
    sentences = said_of(FindingKind)
    rows = [
        (code(kind.value), ", ".join(severity.value for severity in SEVERITIES[kind]), sentences[kind.name])
        for kind in FindingKind
    ]
    yield from table(("kind", "severity", "meaning"), rows)


def case_verdicts() -> Lines:
    yield from prose("""
        The first that holds, in this order. `breaking`, `no_golden` and `stale_golden` fail the pytest item, and
        `drift` where `--fail-on` names it; `no_reply` is an error of it; every other verdict passes.
    """)
    yield from table(("verdict", "when"), [(code(value), text) for value, text in members(CaseVerdict)])


def no_reply_kinds() -> Lines:
    yield from prose("""
        A planned answer that is missing, and why. Never a regression, and never a pass.
    """)
    yield from table(("kind", "meaning"), [(code(value), text) for value, text in members(NoReplyKind)])


def gates() -> Lines:
    yield f"`--fail-on` and the setting `fail_on` take a list of these: {GRAMMAR}."
    yield ""
    yield from table(
        ("gate", "closed when a flow has"),
        [
            (code("breaking"), "a case with the verdict `breaking`; the default"),
            (code("drift"), "a case with the verdict `drift`"),
            (code("unstable"), "a case with the verdict `unstable_baseline`"),
            (code("cost:+10%"), "answers that cost over 10 % more than the baseline's, or whose cost is unknown"),
            (code("p95:+20%"), "a 95th percentile of latency over 20 % higher, or one that cannot be compared"),
        ],
    )


# --- Ends and files --------------------------------------------------------------------------------------------------


def codes() -> dict[int, str]:
    """Return every exit code of `prompt-migrate` with its meaning."""
    found = {0: "Fine.", GATE_CLOSED: "A gate is closed: regressions, or figures past their limit."}
    family = (errors.UsageProblem, errors.IncompleteRun, errors.BudgetStop, errors.StaleGoldens, errors.StoreProblem)
    for owner in family:
        found[owner.exit_code] = (inspect.getdoc(owner) or "").splitlines()[0]
    found[INCONCLUSIVE] = "Inconclusive: the evidence is insufficient."
    found[INTERRUPTED] = "Interrupted with Ctrl-C."
    return dict(sorted(found.items()))


def exit_codes() -> Lines:
    yield from prose("""
        Of `prompt-migrate`:
    """)
    yield from table(("code", "meaning"), [(code(number), text) for number, text in codes().items()])
    yield ""
    yield from prose("""
        Under pytest its own codes hold: 0 all passed, 1 a failed item, a closed gate, an incomplete run or a stale
        golden, 2 interrupted, 4 a usage or configuration error, 5 nothing collected. A run with a case missing is never
        0.
    """)


def json_documents() -> Lines:
    yield from prose("""
        Each schema is in the package, in `migrate/schemas/`. `format` is the version of a document's form; a new one is
        a new number, and keys are only added within one.
    """)
    rows = []
    for path in sorted(SCHEMAS.glob("*.schema.json")):
        schema = schema_of(path.name.removesuffix(".schema.json"))
        rows.append((code(path.name), schema["title"], schema["description"]))
    yield from table(("schema", "describes", "where"), rows)


FILES: Final = {
    "prompts/<flow>.prompt.yml": "A prompt file. Yours; only `init` writes an example.",
    "prompt-migrate.toml": "The configuration. Yours; only `init` writes a first one.",
    "fixtures/<flow>/<case>.json": "The golden of a case, written by recording. In git.",
    "fixtures/<flow>/measurements.json": "Tokens, latency, served model and day of every recorded answer. In git.",
    "fixtures/<flow>/decisions.jsonl": "What reviewers decided, one line a decision ([review](review.md)). In git.",
    "fixtures/<flow>/ratings.jsonl": "What people said of answers, one line a rating ([review](review.md)). In git.",
    ".prompt-migrate/ledger.db": "The ledger: every run, case and figure ([tables](ledger-schema.md)). Not in git.",
    ".prompt-migrate/recordings.db": "Answers of replays, redacted: what is here is not asked again. Not in git.",
    ".prompt-migrate/journals/<run>.<worker>.jsonl": "A run while it goes on; folded into the stores at its end.",
    ".prompt-migrate/journals/<run>.plan.json": "What a run set out to do; resuming starts from it.",
    ".prompt-migrate/journals/<run>.state": "What the processes of a run share: money reserved and spent, pauses.",
    ".prompt-migrate/deciding.lock": "Whose turn it is to decide. Empty; may be deleted.",
    ".prompt-migrate/prices.json": "Prices already looked up. May be deleted.",
}
"""What the product reads and writes, in a project with the default folders."""


def files() -> Lines:
    yield from prose("""
        In a project with the default folders. Everything under `.prompt-migrate/` is private to its owner, and what is
        written is redacted first. Goldens are replaced whole or not at all. SQLite keeps a `-journal` file beside each
        database.
    """)
    yield from table(("file", "holds"), [(code(name), text) for name, text in FILES.items()])


# --- Writing ---------------------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Return every generated page by its name."""
    return {"reference.md": reference(), "ledger-schema.md": describe()}


def run(arguments: Sequence[str]) -> int:
    """Write the pages that are not current, or with `--check` only name them."""
    stale = [name for name, text in pages().items() if _differs(DOCS / name, text)]
    for name in stale:
        if "--check" not in arguments:
            (DOCS / name).write_text(pages()[name], encoding="utf-8")
        print(f"docs/{name}: {'not what the code says' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
