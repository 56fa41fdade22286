"""Logs of requests and answers: OpenAI Batch files and lines of `{request, response}`, as cases of the prompts in them.

Requests that share API, model, parameters, schema, tools and leading instructions are one prompt. What follows the
instructions is the case: one message of the user, or the turns of a conversation, which are sent as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from migrate.canonical import canonical_json
from migrate.documents.files import Unreadable
from migrate.documents.reading import read_json
from migrate.drafting import escaped
from migrate.edges.importers.nouns import Format, Found, Harvest, Row
from migrate.edges.importers.parameters import ABOUT, ELSEWHERE, asked, keys_of
from migrate.edges.importers.sampling import stratum_of
from migrate.edges.importers.sources import Source, json_lines
from migrate.vocabulary import Api, Json, Place

URLS: Final[dict[str, Api]] = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
FIXED: Final = ("system", "developer")
NAMED: Final = 5
"""Words of the instructions that a flow is named after, where the log does not name it."""
_KEEP: Final = frozenset({"tools", "functions", "response_format", "text", "instructions"})


@dataclass(slots=True)
class Exchange:
    """One request of a log, and the answers to it."""

    place: Place
    api: Api
    body: Mapping[str, Any]
    id: str = ""
    flow: str = ""
    stratum: str = ""
    answers: list[Mapping[str, Json]] = field(default_factory=list)
    joined: int = 0
    """Lines of other places that hold its answers."""
    again: bool = False
    """True when another request of the batch has its custom_id."""


def format_of(line: Mapping[str, Json]) -> Format | None:
    """Return the form of a log by one of its lines; None when it is none."""
    if "custom_id" in line and ("body" in line or "response" in line or "error" in line):
        return "batch"
    return "log" if isinstance(_opened(line.get("request")), dict) else None


def _opened(value: Json) -> Json:
    """Return what a text of JSON holds, as which proxies and columns of databases keep a body; else the value."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return read_json(value)
    except Unreadable:
        return value


def read_logs(sources: Iterable[Source], per: str, harvest: Harvest) -> None:
    """Add the prompts of all logs, read together: a batch's answers stand in another file than its requests."""
    exchanges: list[Exchange] = []
    batch: dict[str, Exchange] = {}
    answers: list[tuple[Place, Mapping[str, Json]]] = []
    for source in sources:
        for number, line in json_lines(source, harvest):
            place = source.place(number)
            if format_of(line) == "batch" and "body" not in line:
                answers.append((place, line))
            elif (exchange := _exchange(line, place, per, harvest)) is not None:
                exchanges.append(exchange)
                if exchange.id and format_of(line) == "batch":
                    _add_to(batch, exchange, harvest)
    for place, line in answers:
        _answer(batch, place, line, harvest)
    harvest.found += _prompts(exchanges, harvest)


def _add_to(batch: dict[str, Exchange], exchange: Exchange, harvest: Harvest) -> None:
    first = batch.setdefault(exchange.id, exchange)
    if first is not exchange:
        first.again = True
        harvest.refuse("answer", exchange.place, f"the custom_id {exchange.id} is given twice: no answer to it is used")


def _answer(batch: Mapping[str, Exchange], place: Place, line: Mapping[str, Json], harvest: Harvest) -> None:
    response, name = line.get("response"), line.get("custom_id")
    exchange = batch.get(name) if isinstance(name, str) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    body = response.get("body") if isinstance(response, dict) else None
    if exchange is None:
        why = f"no request has the custom_id {name}: import the batch's input file with it"
    elif line.get("error") or status != 200 or not isinstance(body, dict):
        why = f"the request had no answer (status {status})"
    elif exchange.again:
        why = f"more than one request has the custom_id {name}"
    else:
        exchange.answers.append(body)
        exchange.joined += 1
        return
    harvest.refuse("answer", place, why, 1)


def _exchange(line: Mapping[str, Any], place: Place, per: str, harvest: Harvest) -> Exchange | None:
    is_batch = format_of(line) == "batch"
    body = line.get("body") if is_batch else _opened(line.get("request"))
    url = line.get("url") if is_batch else line.get("endpoint", line.get("url"))
    if isinstance(body, dict) and isinstance(body.get("body"), dict):
        url, body = body.get("url", url), body["body"]
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        harvest.refuse("line", place, "it holds no request: a body with a model and messages", 1)
        return None
    api = _api(url, body)
    if api is None:
        why = f"it is no request of chat completions or responses{f' ({url})' if url else ''}"
        harvest.refuse("line", place, why, 1)
        return None
    metadata = body.get("metadata")
    flow = line.get("flow") or (metadata.get("flow") if isinstance(metadata, dict) else None)
    exchange = Exchange(place, api, body, flow=flow if isinstance(flow, str) else "", stratum=stratum_of(line, per))
    name = line.get("custom_id") if is_batch else line.get("id")
    exchange.id = name if isinstance(name, str) else ""
    exchange.answers += [] if is_batch else list(_logged(line, place, harvest))
    return exchange


def _api(url: Json, body: Mapping[str, Json]) -> Api | None:
    path = re.sub(r"^https?://[^/]+", "", url) if isinstance(url, str) else ""
    if path:
        return next((api for end, api in URLS.items() if path.endswith(end.removeprefix("/v1"))), None)
    return "chat" if isinstance(body.get("messages"), list) else "responses" if "input" in body else None


def _logged(line: Mapping[str, Any], place: Place, harvest: Harvest) -> Iterator[Mapping[str, Json]]:
    response = _opened(line.get("response"))
    if isinstance(response, dict) and isinstance(response.get("body"), dict):
        status = response.get("status_code", 200)
        response = response["body"] if status == 200 else None
    if isinstance(response, dict) and not response.get("error"):
        yield response
    else:
        harvest.refuse("answer", place, "the line has no whole answer: its request becomes a case without one")


# --- Prompts --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Split:
    fixed: list[dict[str, Json]]
    rest: list[dict[str, Json]]


def _prompts(exchanges: Iterable[Exchange], harvest: Harvest) -> Iterator[Found]:
    groups: dict[str, list[tuple[Exchange, _Split]]] = {}
    for exchange in exchanges:
        split = _split(exchange)
        if split is None:
            why = "its input has items or content that messages of a prompt file cannot say"
            harvest.refuse("line", exchange.place, why, 1 + exchange.joined)
            continue
        groups.setdefault(_key(exchange, split), []).append((exchange, split))
    for members in groups.values():
        yield _prompt(members)


def _split(exchange: Exchange) -> _Split | None:
    given = exchange.body.get("messages" if exchange.api == "chat" else "input")
    if exchange.api == "responses" and isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given or not all(_is_message(item) for item in given):
        return None
    lead = next((at for at, item in enumerate(given) if not _is_fixed(item)), len(given))
    fixed, rest = given[:lead], given[lead:]
    instructions = exchange.body.get("instructions")
    if isinstance(instructions, str):
        fixed = [{"role": "system", "content": instructions}, *fixed]
    return _Split(fixed, rest)


def _is_message(item: Json) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("role"), str)
        and isinstance(item.get("content"), str | list | None)
    )


def _is_fixed(item: Mapping[str, Json]) -> bool:
    return item["role"] in FIXED and set(item) == {"role", "content"} and isinstance(item["content"], str)


def _key(exchange: Exchange, split: _Split) -> str:
    """Return what requests of one prompt share."""
    kept = {
        name: value
        for name, value in exchange.body.items()
        if name in _KEEP or (name not in ELSEWHERE and name not in ABOUT)
    }
    shape = "message" if _is_one(split) else "turns"
    same = [exchange.flow, exchange.api, exchange.body["model"], split.fixed, kept, shape if split.rest else ""]
    return canonical_json(same)


def _is_one(split: _Split) -> bool:
    match split.rest:
        case [{"role": "user", "content": str(), **others}]:
            return not others
    return False


def _prompt(members: list[tuple[Exchange, _Split]]) -> Found:
    exchange, split = members[0]
    open_: list[str] = []
    instructions = exchange.body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        open_.append("the instructions are no text and are not carried over")
    elif instructions is not None:
        open_.append("instructions are the first message of the system, as which the API gives them to the model")
    document: dict[str, Any] = {"name": _words(exchange, split), "model": exchange.body["model"]}
    if exchange.api != "chat":
        document["api"] = exchange.api
    if left := sorted({name for one, _ in members for name in one.body if name in ABOUT}):
        open_.append(f"left out of the requests: {', '.join(left)} (who asks and how it is kept, not what is asked)")
    document |= keys_of(asked(exchange.body), exchange.api, open_)
    messages: list[Json] = [
        {"role": turn["role"], "content": escaped(str(turn["content"]), before_hole=False)} for turn in split.fixed
    ]
    if _is_one(split):
        messages.append({"role": "user", "content": "{{ message }}"})
    elif split.rest:
        messages.append({"turns": "turns"})
    document["messages"] = messages
    rows = _gathered(_row(one, part) for one, part in members)
    return Found(
        str(document["name"]),
        exchange.place,
        document,
        rows,
        tuple(open_),
        exchange.api,
        production=True,
        folded=len(members) - len(rows),
        joined=sum(one.joined for one, _ in members),
    )


def _words(exchange: Exchange, split: _Split) -> str:
    if exchange.flow:
        return exchange.flow
    text = str(split.fixed[0]["content"]) if split.fixed else ""
    words = re.findall(r"\w+", text)[:NAMED]
    return " ".join(words) or exchange.place.file.rpartition("/")[2].partition(".")[0]


def _row(exchange: Exchange, split: _Split) -> Row:
    inputs: dict[str, Json] = {}
    if split.rest:
        inputs = {"message": split.rest[0]["content"]} if _is_one(split) else {"turns": split.rest}
    answers = tuple(exchange.answers)
    request = asked(exchange.body)
    return Row(exchange.place, inputs, exchange.id, stratum=exchange.stratum, request=request, answers=answers)


def _gathered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return one row for each input: the answers to one and the same request are samples of one case.

    Requests of one prompt with the same input are the same request. One that several strata sent counts in the first of
    them by name, so that the order of the log does not matter.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(canonical_json(row.inputs), []).append(row)
    return tuple(
        replace(
            same[0],
            answers=tuple(answer for row in same for answer in row.answers),
            stratum=min(row.stratum for row in same),
        )
        for same in found.values()
    )
