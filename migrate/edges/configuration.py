"""The configuration: a file at the project's root, the environment over it, the command line over both.

Read from `prompt-migrate.toml`, or from `[tool.prompt-migrate]` in `pyproject.toml`, in the first folder upwards that
has one; a git repository is not left. Every setting but the providers has an environment variable too, such as
`PROMPT_MIGRATE_SAMPLES`. Secrets are never read from a file: a provider names the variable that holds its key.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from migrate.errors import ConfigurationProblem, Problem, UsageProblem, did_you_mean
from migrate.vocabulary import Place, ProviderSettings, Settings

FILE: Final = "prompt-migrate.toml"
SHARED_FILE: Final = "pyproject.toml"
TABLE: Final = ("tool", "prompt-migrate")
PREFIX: Final = "PROMPT_MIGRATE_"

BUILT_IN: Final = {
    "openai": ProviderSettings("openai", "openai", api_key_env="OPENAI_API_KEY"),
    "azure": ProviderSettings("azure", "azure", api_key_env="AZURE_OPENAI_API_KEY"),
    "simulated": ProviderSettings("simulated", "simulated"),
}
"""Providers that need no table, and what a table of that kind starts from."""

_GATE: Final = re.compile(r"breaking|drift|unstable|(?:cost|p95):[-+]\d+(?:\.\d+)?%")
_SECRET: Final = re.compile(r"(?:^|_)(?:api_?key|key|token|secret|password|authorization|headers)$", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def read_settings(start: Path, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return what configuration file, environment and `overrides` say together; later ones win, None says nothing.

    Raises ConfigurationProblem with everything that is wrong, each with file and line, or the variable it came from.
    """
    root, found = _find(start.resolve())
    problems: list[Problem] = []
    settings: dict[str, Any] = {"root": root}
    table: Mapping[str, Any] = {}
    if found is not None:
        table = found.table
        settings |= _from_file(found, problems)
    settings |= _from_environment(environ, problems)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    settings |= _checked(given, lambda name: f"--{name.replace('_', '-')}", problems)
    _add_providers(settings, table, found, problems)
    if problems:
        raise ConfigurationProblem(problems)
    return Settings(**settings)


def is_configured(start: Path) -> bool:
    """Return True when a folder, or one above it, has a configuration."""
    return _find(start.resolve())[1] is not None


def refuse_nowhere(settings: Settings) -> None:
    """Raise UsageProblem in a folder that has nothing of a project: no configuration, prompts, goldens or state."""
    folders = (settings.prompts, settings.fixtures, settings.state)
    if settings.ledger is None and not is_configured(settings.root) and not _any_folder(settings.root, folders):
        raise UsageProblem(
            f"no project is here: no {settings.prompts}/ and no configuration",
            hint=f"looked in {settings.root}, and above it for {FILE} and {SHARED_FILE};\n"
            "if the project is in another folder: cd there",
            next_command="prompt-migrate init",
        )


def refuse_without_runs(settings: Settings) -> None:
    """Raise UsageProblem where nothing was ever run: what only reads makes no ledger, nor a folder for one."""
    if settings.ledger is None and not (settings.root / settings.state / "ledger.db").exists():
        refuse_nowhere(settings)
        raise UsageProblem("nothing was replayed here yet", next_command="pytest --model MODEL")


def _any_folder(root: Path, names: Iterable[str]) -> bool:
    return any((root / name).is_dir() for name in names)


# --- Finding the file ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The configuration as it was found."""

    name: str
    text: str
    table: Mapping[str, Any]
    prefix: tuple[str, ...] = field(default=())
    """Where the table stands in the file."""

    def place(self, *keys: str) -> Place:
        """Return the place of a key, or of the nearest table that holds it."""
        return Place(self.name, line_of(self.text, (*self.prefix, *keys)))


def _find(start: Path) -> tuple[Path, ConfigFile | None]:
    """Return the project's root and its configuration, if it has one."""
    home = start
    for folder in (start, *start.parents):
        own, shared = folder / FILE, folder / SHARED_FILE
        if own.is_file():
            text = own.read_text("utf-8-sig", errors="replace")
            return folder, ConfigFile(FILE, text, _parsed(FILE, text))
        if shared.is_file():
            text = shared.read_text("utf-8-sig", errors="replace")
            table = _parsed(SHARED_FILE, text).get("tool", {})
            if isinstance(table, dict) and "prompt-migrate" in table:
                return folder, ConfigFile(SHARED_FILE, text, _table(table["prompt-migrate"]), TABLE)
            home = folder if home == start else home
        if (folder / ".git").exists():
            break
    return home, None


def _table(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise ConfigurationProblem([Problem("[tool.prompt-migrate] must be a table", Place(SHARED_FILE))])


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        place = Place(name, int(line[1]) if line else None)
        raise ConfigurationProblem([Problem(f"not TOML: {error}", place)]) from None
    except RecursionError:
        raise ConfigurationProblem([Problem("not TOML: nested too deeply", Place(name))]) from None
    except ValueError:  # an integer of more digits than Python reads
        raise ConfigurationProblem([Problem("not TOML: a number is too long", Place(name))]) from None


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """Return the line a key of a TOML text stands at, from 1; that of the nearest table when it is not to be seen.

    Reads headers and keys at the start of lines, which is how people write them; it never has to be exact.
    """
    table: tuple[str, ...] = ()
    best, best_depth = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\[?([^\]]+)\]", line)
        key = re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
        if header:
            here = table = _dotted(header[1])
        elif key:
            here = (*table, *_dotted(key[1]))
        else:
            continue
        depth = min(len(here), len(path))
        if depth > best_depth and path[:depth] == here[:depth]:
            best, best_depth = number, depth
    return best


def _dotted(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


# --- Values ----------------------------------------------------------------------------------------------------


LONGEST_PATTERN: Final = 200
"""Characters of a pattern for names of models: what it takes to read one grows with the square of its length."""


class _Wrong(Exception):
    """A value is not what a setting takes."""


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise _Wrong("must be a text")


def _folder(value: Any) -> str:
    text = _text(value)
    if "\0" in text or "\\" in text:
        raise _Wrong("must be a path with forward slashes")
    return text.rstrip("/") or "/"


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _Wrong("must be a list of texts")


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = _texts(value)
    if any(len(pattern) > LONGEST_PATTERN for pattern in patterns):
        raise _Wrong(f"must be names or patterns of at most {LONGEST_PATTERN} characters")
    return patterns


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise _Wrong(f"must be a whole number between {low} and {high}")

    return read


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if low <= number <= high:
            return number
        raise _Wrong(f"must be a number between {low:g} and {high:g}")

    return read


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower())
    if isinstance(value, bool):
        return value
    raise _Wrong("must be true or false")


def _date(value: Any) -> str:
    try:
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value.isoformat()
        return dt.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise _Wrong("must be a date such as 2026-01-15") from None


def _money(value: Any) -> str:
    try:
        amount = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value).removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount.is_finite() and amount >= 0:
        return f"{amount:f}"
    raise _Wrong("must be an amount of US dollars such as 5 or 2.50")


def _gates(value: Any) -> tuple[str, ...]:
    gates = _texts(value)
    for gate in gates:
        if not _GATE.fullmatch(gate):
            near = did_you_mean(gate, ("breaking", "drift", "unstable", "cost:+10%", "p95:+20%"))
            raise _Wrong(f'knows breaking, drift, unstable, cost:+10% and p95:+20%, not "{gate}"' + _bracketed(near))
    return gates


def _bracketed(hint: str) -> str:
    return f" ({hint})" if hint else ""


READ: Final[dict[str, Callable[[Any], Any]]] = {
    "prompts": _folder,
    "fixtures": _folder,
    "state": _folder,
    "reports": _folder,
    "provider": _text,
    "samples": _whole(1, 1_000),
    "as_of": _date,
    "concurrency": _whole(1, 10_000),
    "timeout_s": _number(0.001, 86_400),
    "max_cost": _money,
    "fail_on": _gates,
    "ledger": _text,
    "time_scale": _number(0, 1_000),
    "simulation_seed": _whole(0, 2**63 - 1),
    "prices": _folder,
    "redact": _flag,
    "chunk_tokens": _whole(50, 10_000_000),
    "candidates": _texts,
}
"""Setting -> how its value is read, from a file, the environment or the command line alike."""

SETTINGS: Final = (*READ, "providers")


def _from_file(found: ConfigFile, problems: list[Problem]) -> dict[str, Any]:
    table = {name: value for name, value in found.table.items() if name != "providers"}
    unknown = [name for name in table if name not in READ]
    problems += [_unknown(name, SETTINGS, found.place(name)) for name in unknown]
    known = {name: value for name, value in table.items() if name in READ}
    settings = _checked(known, found.place, problems)
    if urlsplit(settings.get("ledger", "")).password is not None:
        hint = f"set {PREFIX}LEDGER in the environment"
        problems.append(Problem('"ledger" holds a password', found.place("ledger"), hint))
    return settings


def _unknown(name: str, known: Iterable[str], place: Place) -> Problem:
    if _SECRET.search(name):
        hint = 'put it into the environment and name the variable: api_key_env = "OPENAI_API_KEY"'
        return Problem(f'"{name}" is never read from a file', place, hint)
    return Problem(f'unknown key "{name}"', place, did_you_mean(name, known))


def _from_environment(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    given = {name: environ[variable] for name in READ if environ.get(variable := PREFIX + name.upper())}
    for variable in sorted(environ):
        # Other variables with the prefix are options of commands; one that is nearly a setting is a mistake.
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in READ and difflib.get_close_matches(name, READ, cutoff=0.75):
            hint = did_you_mean(variable, [PREFIX + known.upper() for known in READ])
            problems.append(Problem(f"environment variable {variable} is no setting", None, hint))
    return _checked(given, lambda name: f"environment variable {PREFIX}{name.upper()}", problems)


def _checked(given: Mapping[str, Any], where: Callable[[str], Place | str], problems: list[Problem]) -> dict[str, Any]:
    """Return the values read; those that cannot be are added to `problems` with where they came from."""
    settings = {}
    for name, value in given.items():
        if name not in READ:
            problems.append(Problem(f'unknown setting "{name}"', None, did_you_mean(name, READ)))
            continue
        try:
            settings[name] = READ[name](value)
        except _Wrong as wrong:
            place = where(name)
            said = f'"{name}" {wrong}' if isinstance(place, Place) else f"{place}: {wrong}"
            problems.append(Problem(said, place if isinstance(place, Place) else None))
    return settings


# --- Providers -------------------------------------------------------------------------------------------------


def _add_providers(
    settings: dict[str, Any], table: Mapping[str, Any], found: ConfigFile | None, problems: list[Problem]
) -> None:
    """Add the providers of the file, and the default one, which may be built in."""
    providers: dict[str, ProviderSettings] = {}
    if found is not None:
        for name, given in _tables(table, found, problems).items():
            providers[name] = _provider(name, given, found, problems)
    wanted = settings.get("provider", "openai")
    if wanted not in providers and wanted in BUILT_IN and wanted != "azure":
        providers[wanted] = BUILT_IN[wanted]
    elif wanted not in providers:
        names = sorted({"openai", "simulated", *providers})
        place = found.place("provider") if found is not None and "provider" in table else None
        words = f'there is no provider "{wanted}"; there are {", ".join(names)}, and those of [providers.*] tables'
        problems.append(Problem(words, place, did_you_mean(wanted, names)))
    settings["providers"] = providers


def _tables(table: Mapping[str, Any], found: ConfigFile, problems: list[Problem]) -> Mapping[str, Any]:
    tables = table.get("providers", {})
    if isinstance(tables, dict):
        return tables
    problems.append(Problem('"providers" must be a table', found.place("providers")))
    return {}


def _provider(name: str, given: Any, found: ConfigFile, problems: list[Problem]) -> ProviderSettings:
    """Return one provider; `kind` is its own name where that is a kind, else `openai`."""
    where = ("providers", name)
    if not isinstance(given, dict):
        problems.append(Problem(f'"providers.{name}" must be a table', found.place(*where)))
        given = {}
    values: dict[str, Any] = {}
    for key, value in given.items():
        try:
            values[key] = PROVIDER[key](value)
        except KeyError:
            problems.append(_unknown(key, PROVIDER, found.place(*where, key)))
        except _Wrong as wrong:
            problems.append(Problem(f'"{key}" of provider {name} {wrong}', found.place(*where, key)))
    kind = values.pop("kind", name if name in BUILT_IN else "openai")
    if kind == "azure" and "base_url" not in given:
        problems.append(Problem(f'provider {name} needs "base_url": Azure has one a customer', found.place(*where)))
    # The key of one host is never sent to another without being asked for.
    usual = BUILT_IN[kind].api_key_env if kind == "azure" or "base_url" not in values else None
    return ProviderSettings(**{"name": name, "kind": kind, "api_key_env": usual, **values})


def _kind(value: Any) -> str:
    if value in BUILT_IN:
        return str(value)
    raise _Wrong(f"must be {', '.join(BUILT_IN)}" + _bracketed(did_you_mean(str(value), BUILT_IN)))


def _url(value: Any) -> str:
    try:
        parts = urlsplit(_text(value))
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        raise _Wrong("must be an http or https address")
    if parts.username is not None or parts.password is not None:
        raise _Wrong("must not hold a name or password: keys come from the environment")
    return str(value)


def _variable(value: Any) -> str:
    # The value is not repeated: it may be the key itself.
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    raise _Wrong("must be the name of an environment variable, not the secret itself")


def _headers(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {name: _variable(variable) for name, variable in value.items()}
    raise _Wrong("must be a table of header = environment variable")


def _served_as(value: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return {asked: _texts(names) for asked, names in value.items()}
    raise _Wrong("must be a table of asked model = names it may be served under")


PROVIDER: Final[dict[str, Callable[[Any], Any]]] = {
    "kind": _kind,
    "base_url": _url,
    "api_key_env": _variable,
    "api_version": _text,
    "models": _patterns,
    "served_as": _served_as,
    "headers_env": _headers,
}
"""Key of a provider's table -> how its value is read."""
