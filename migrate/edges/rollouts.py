"""Files of a rollout: the policy a team writes, and the plan it was turned into, both read strictly."""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from migrate.canary import CanaryPolicy, Plan, Terms, identity, plan_of
from migrate.canary.buckets import HASH_RULE
from migrate.canary.terms import METRICS, OWN_IN_A_POOL, Judge
from migrate.errors import ConfigurationProblem, Problem, UsageProblem, did_you_mean
from migrate.vocabulary import Json, Place

SCHEMAS: Final = Path(__file__).parents[1] / "schemas"
MOST_SAID: Final = 5
"""Problems of one file that are told of."""


# --- Plans ---


def read_plan(path: Path) -> Plan:
    """Return the plan of a file. Raises UsageProblem where it is none, has been edited, or is of a newer version."""
    document = _json(path)
    complaints = _complaints("canary-plan", document)
    if complaints:
        raise UsageProblem(
            f"{path} is no canary plan: {'; '.join(complaints)}", next_command="prompt-migrate canary plan -o plan.json"
        )
    if identity(document) != document["plan_id"]:
        raise UsageProblem(
            f"{path} was changed after it was made: its content is not that of plan {document['plan_id']}",
            hint="change the policy and plan again; what runs in production names the plan it belongs to",
            next_command=f"prompt-migrate canary plan --policy FILE -o {path}",
        )
    if document["hash_rule"] != HASH_RULE:
        raise UsageProblem(
            f"{path} assigns users by a rule that this version does not know: {document['hash_rule']}",
            hint=f"it knows {HASH_RULE}; finish the rollout with the version that planned it ({document['tool']})",
        )
    plan = plan_of(document)
    flows = Counter(member.flow for rollout in plan.rollouts for member in rollout.members)
    twice = [flow for flow, count in flows.items() if count > 1]
    if twice:
        raise UsageProblem(f"{path} is no canary plan: it has {', '.join(twice)} twice, so calls would count twice")
    return plan


def write_document(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageProblem(f"{path} cannot be written: {error.strerror or error}") from None


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines to a file as they come; return how many."""
    count = 0
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror or error}") from None
    return count


def _json(path: Path) -> Json:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{path} is not JSON: {error}") from None


def _complaints(schema: str, document: Json) -> list[str]:
    """Return what a document lacks of a published schema, the first few places of it."""
    errors = sorted(_validator(schema).iter_errors(document), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors[:MOST_SAID]]


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))


# --- Policies ---

Reader = Callable[[Any], Any]


def read_policy(path: Path) -> CanaryPolicy:
    """Return the policy of a TOML file. Raises ConfigurationProblem with everything that is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # ValueError: not TOML, not UTF-8, or a number that is too long
        raise ConfigurationProblem([Problem(f"not TOML: {error}", Place(str(path)))]) from None
    sheet = _Sheet(str(path))
    flows, pools = table.pop("flows", {}), sheet.pools(table.pop("pools", {}))
    whole = sheet.read(table, {**_WHOLE, **_TERMS}, "", ("flows", "pools"))
    default = Terms(**{key: value for key, value in whole.items() if key in _TERMS})
    own = {}
    for name, inner in flows.items() if isinstance(flows, dict) else ():
        own[name] = replace(default, **sheet.read(inner, _TERMS, f"flows.{name}."))
        sheet.hold_apart(name, inner, pools)
    if not isinstance(flows, dict):
        sheet.complain('"flows" must be a table of tables')
    if sheet.problems:
        raise ConfigurationProblem(sheet.problems)
    return CanaryPolicy(default, own, pools, **{key: value for key, value in whole.items() if key in _WHOLE})


class _Sheet:
    """One policy file being read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []

    def complain(self, message: str, hint: str = "") -> None:
        self.problems.append(Problem(message, Place(self.name), hint))

    def pools(self, table: Any) -> dict[str, tuple[str, ...]]:
        """Return the pools by name; a flow is in one at most."""
        if not isinstance(table, dict):
            self.complain('"pools" must be a table of lists of flows')
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for name, flows in table.items():
            if not isinstance(flows, list) or not flows or not all(flow and isinstance(flow, str) for flow in flows):
                self.complain(f'"pools.{name}" must be a list of flows, such as ["refund", "triage"], not {flows!r}')
                continue
            for flow in dict.fromkeys(flows):
                where = next((other for other, members in found.items() if flow in members), None)
                if where is not None or flows.count(flow) > 1:
                    place = f'"pools.{where}" too' if where is not None else "twice"
                    self.complain(f'"pools.{name}" has "{flow}", which is there {place}: a flow is in one pool, once')
            found[name] = tuple(dict.fromkeys(flows))
        for name in found:
            if any(name in members for members in found.values()):
                self.complain(f'"pools.{name}" is called like a flow in a pool: call it otherwise')
        return found

    def hold_apart(self, name: str, table: Any, pools: Mapping[str, Sequence[str]]) -> None:
        """Complain of what a pool's own table says of single flows, and a member's of the pool."""
        pool = next((one for one, members in pools.items() if name in members), None)
        for key in table if isinstance(table, dict) else ():
            if name in pools and key in OWN_IN_A_POOL:
                self.complain(f'"flows.{name}.{key}" is added up from the members of pool "{name}": say it of them')
            if pool is not None and key in _TERMS and key not in OWN_IN_A_POOL:
                self.complain(
                    f'"flows.{name}.{key}" is the pool\'s, and {name} is in "{pool}"', f"write it under [flows.{pool}]"
                )

    def read(self, table: Any, readers: Mapping[str, Reader], where: str, tables: Sequence[str] = ()) -> dict[str, Any]:
        """Return what a table says, key by key; what is wrong is complained of and left out."""
        if not isinstance(table, dict):
            self.complain(f'"{where.rstrip(".")}" must be a table')
            return {}
        found = {}
        for key, value in table.items():
            if key not in readers:
                self.complain(f'unknown key "{where}{key}"', did_you_mean(key, (*readers, *tables)))
                continue
            try:
                found[key] = readers[key](value)
            except (TypeError, ValueError) as error:
                self.complain(f'"{where}{key}" {error}')
        return found


def _number(low: float, high: float, *, above: bool = False) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"must be a number, not {value!r}")
        if not low <= value <= high or (above and value == low):
            raise ValueError(f"must lie between {low:g} and {high:g}, not {value:g}")
        return float(value)

    return read


def _whole(low: int, high: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number between {low} and {high}, not {value!r}")
        return value

    return read


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"must be true or false, not {value!r}")
    return value


def _choice(*words: str) -> Reader:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {value!r}")
        return str(value)

    return read


def _ladder(value: Any) -> tuple[float, ...]:
    steps = value if isinstance(value, list) else []
    good = all(isinstance(step, int | float) and not isinstance(step, bool) and 0 < step <= 1 for step in steps)
    if not good or len(steps) < 2 or sorted(set(steps)) != steps or steps[-1] != 1:
        raise ValueError(f"must rise from above 0 to 1, such as [0.1, 0.25, 0.5, 1], not {value!r}")
    return tuple(float(step) for step in steps)


def _metrics(value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        raise TypeError(f"must be a list of metrics, not {value!r}")
    for name in names:
        if name not in METRICS[:7]:
            raise ValueError(f"knows no metric {name!r} {did_you_mean(str(name), METRICS[:7])}".rstrip())
    return tuple(names)


def _rates(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError(f"must be a table of shares, not {value!r}")
    return {
        name: _number(0, 0.5, above=True)(rate) for name, rate in zip(_metrics([*value]), value.values(), strict=True)
    }


def _judge(value: Any) -> Judge:
    known = {field.name for field in fields(Judge)}
    if not isinstance(value, dict) or not {"sensitivity", "specificity"} <= value.keys() <= known:
        raise ValueError(f"must be a table of {', '.join(sorted(known))}")
    judge = Judge(**{key: _number(0, 1, above=True)(share) for key, share in value.items()})
    if judge.sensitivity + judge.specificity <= 1:
        raise ValueError("is no better than chance: sensitivity and specificity add up to 1 or less")
    return judge


_WHOLE: Final[Mapping[str, Reader]] = {
    "newly_exposed": _number(0, 1, above=True),
    "rollouts": _whole(100, 100_000),
    "seed": _whole(0, 2**31),
}
_TERMS: Final[Mapping[str, Reader]] = {
    "cases": _choice("production_sample", "hand_written"),
    "ladder": _ladder,
    "first_share": _number(0, 1, above=True),
    "hold_back": _number(0, 0.5),
    "hold_back_days": _whole(0, 90),
    "budget": _number(0, 1e9, above=True),
    "budget_per_day": _number(0, 1e9, above=True),
    "min_days": _whole(1, 90),
    "last_gate_days": _whole(1, 90),
    "max_days": _whole(1, 366),
    "latency_ratio": _number(1, 100),
    "looks": _choice("bonferroni", "obrien_fleming"),
    "early": _yes_or_no,
    "hard": _metrics,
    "rates": _rates,
    "judge": _judge,
    "requests_per_day": _number(0, 1e12, above=True),
    "users_per_day": _number(0, 1e12, above=True),
    "cached_share": _number(0, 1),
}
