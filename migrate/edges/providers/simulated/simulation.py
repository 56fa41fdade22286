"""One simulated provider without its HTTP: requests understood, answered, counted, timed and noted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from migrate.canonical import request_of
from migrate.edges.providers.simulated import chat_api, responses_api
from migrate.edges.providers.simulated.book import AnswerBook, BookEntry
from migrate.edges.providers.simulated.complaints import bad_request, unknown_model
from migrate.edges.providers.simulated.draft import Performance
from migrate.edges.providers.simulated.latency import Delay, delay
from migrate.edges.providers.simulated.limiting import limited, output_tokens
from migrate.edges.providers.simulated.log import Entry, HabitLog
from migrate.edges.providers.simulated.models import Models, ServedModel
from migrate.edges.providers.simulated.performing import Troupe
from migrate.edges.providers.simulated.personas import persona_for
from migrate.edges.providers.simulated.question import Question
from migrate.edges.providers.simulated.served import Served
from migrate.edges.providers.simulated.tokens import Counted, Counter
from migrate.vocabulary import Api, Json, JsonObject

SAMPLE_HEADER: Final = "x-prompt-migrate-sample"
_RETRY_HEADER: Final = "x-stainless-retry-count"
_REMEMBERED_BODIES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that will be answered."""

    question: Question
    body: JsonObject
    prompt_key: str
    model: ServedModel
    entry: BookEntry | None
    sample: int

    @property
    def samples(self) -> list[int]:
        """The sample index of every choice: with `n: 2` the 3rd request gives samples 5 and 6."""
        n = self.question.choices
        return list(range((self.sample - 1) * n + 1, self.sample * n + 1))


@dataclass(slots=True)
class Simulation:
    """One simulated provider: who answers, from which book, how fast, and what is noted."""

    redact: Callable[[Json], Json]
    """As the product redacts: prompt keys are hashes of the redacted body."""
    book: AnswerBook = field(default_factory=AnswerBook)
    troupe: Troupe = field(default_factory=Troupe)
    models: Models = field(default_factory=Models)
    time_scale: float = 0.0
    """Real seconds waited per second of simulated latency."""
    log: HabitLog | None = None
    _counter: Counter = field(default_factory=Counter)
    _arrivals: Tally[tuple[str, str]] = field(default_factory=Tally)
    _keys: dict[bytes, str] = field(default_factory=dict)

    def understand(self, api: Api, raw: bytes, headers: Mapping[str, str]) -> Asked:
        """Return what a request asks. Raises Refused where the API would answer with an error."""
        body = parsed(raw)
        question = chat_api.read(body) if api == "chat" else responses_api.read(body)
        model = self.models.find(question.model)
        if model is None:
            raise unknown_model(question.model)
        _check_json_word(question)
        prompt_key = self._prompt_key(api, raw, body)
        sample = self._sample(headers, (model.alias, prompt_key))
        return Asked(question, body, prompt_key, model, self.book.find(prompt_key, question), sample)

    def count(self, text: str) -> int:
        """Return the number of o200k tokens of a text."""
        return self._counter.count(text)

    def _prompt_key(self, api: Api, raw: bytes, body: JsonObject) -> str:
        digest = hashlib.blake2b(raw, digest_size=16, person=api.encode()).digest()
        if (known := self._keys.get(digest)) is None:
            known = self._keys[digest] = request_of(api, body, self.redact).prompt_key
            if len(self._keys) > _REMEMBERED_BODIES:
                del self._keys[next(iter(self._keys))]
        return known

    def _sample(self, headers: Mapping[str, str], key: tuple[str, str]) -> int:
        """Return the sample index: as the header says, else by arrival; a retry of the SDK asks for the same again."""
        if (given := headers.get(SAMPLE_HEADER)) is not None:
            if not given.isdecimal() or int(given) < 1:
                raise bad_request(f"Invalid {SAMPLE_HEADER}: expected a whole number from 1, got {given!r}.")
            return int(given)
        if headers.get(_RETRY_HEADER, "0") == "0" or not self._arrivals[key]:
            self._arrivals[key] += 1
        return self._arrivals[key]

    def answer(self, asked: Asked) -> tuple[Served, Delay]:
        """Return the finished reply and its unscaled latency, and write the habit log."""
        question, model = asked.question, asked.model
        prompt, cached = self._counter.prompt(question)
        model.check(question, asked.body, prompt)
        token = hashlib.blake2b(
            f"{self.troupe.seed}\n{model.alias}\n{asked.prompt_key}\n{asked.sample}".encode(), digest_size=9
        ).hexdigest()
        performances = [self._perform(asked, sample) for sample in asked.samples]
        written = sum(output_tokens(performance.draft, self._counter) for performance in performances)
        counted = Counted(prompt, cached, written)
        drafts = tuple(performance.draft for performance in performances)
        served = Served(question, drafts, model.snapshot, counted, token)
        for sample, performance in zip(asked.samples, performances, strict=True):
            self._note(asked, served.request_id, sample, performance)
        pace = persona_for(model.alias, self.troupe.personas).pace
        return served, delay(pace, counted, self.troupe.chance, model.alias, asked.prompt_key, asked.sample)

    def _perform(self, asked: Asked, sample: int) -> Performance:
        performance = self.troupe.perform(asked.question, asked.model.alias, asked.prompt_key, asked.entry, sample)
        return limited(performance, asked.question.max_tokens, self._counter)

    def _note(self, asked: Asked, request_id: str, sample: int, performance: Performance) -> None:
        if self.log is None:
            return
        entry = asked.entry
        line = Entry(
            request_id=request_id,
            model=asked.question.model,
            prompt_key=asked.prompt_key,
            flow=None if entry is None else entry.flow,
            case=None if entry is None else entry.case,
            variant=None if entry is None else entry.variant,
            step=None if entry is None else entry.step,
            sample=sample,
            seed=self.troupe.seed,
        )
        self.log.write(line, performance)


def parsed(raw: bytes) -> JsonObject:
    """Return the JSON object of a request. Raises Refused."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise bad_request(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The API expects a JSON payload.)"
        )
    return body


def _check_json_word(question: Question) -> None:
    if question.response_format == "json_object" and not any("json" in turn.text.lower() for turn in question.turns):
        raise bad_request(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            param="messages",
        )
