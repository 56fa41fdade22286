"""The noise floor in use: a source held against itself raises few alarms, and a changed one is caught."""

from __future__ import annotations

import json
import random
import time

from comparing_cases import Trial, flow_of, trial

from migrate.comparing import leave_one_out
from migrate.vocabulary import CaseVerdict, Flow, Json, JsonPath, Rule

SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["billing", "bug", "praise"]}, "confidence": {"type": "number"}},
    "required": ["label", "confidence", "reason"],
}
FLOW = flow_of("json", schema=SCHEMA, rules=[Rule(JsonPath("$.confidence"), "tolerance", {"abs": 0.05})])
OPENINGS = ("The customer says that", "The customer writes that", "According to the customer,", "It is said that")
VERBS = ("is late", "has not come yet", "is still on its way", "did not arrive in time")
ENDINGS = ("and asks for help.", "and wants to know why.", "and would like an answer.")
DRIFTS = (CaseVerdict.DRIFT, CaseVerdict.BREAKING)


class Source:
    """One case of a noisy model: mostly steady, in other words every time, sometimes of two minds."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._label = chance.choice(["billing", "bug", "praise"])
        # One case in fifty is a toss-up between two labels; in the others the model knows its mind.
        self._other = chance.choice(["billing", "bug"]) if chance.random() < 0.02 else self._label
        self._confidence = chance.uniform(0.7, 0.95)
        self._order = f"ORD-{chance.randint(100, 999)}"
        self._days = chance.randint(2, 9)
        self._noted = chance.choice([0.0, 0.0, 0.0, 0.0, 1.0, 0.5])
        self._tags = chance.sample(["late", "parcel", "refund", "angry"], 2)

    def answer(self) -> dict[str, Json]:
        chance = self._chance
        sentence = f"{chance.choice(OPENINGS)} parcel {self._order} {chance.choice(VERBS)} after {self._days} days"
        answer = {
            "label": chance.choice([self._label, self._other]),
            "confidence": round(self._confidence + chance.gauss(0, 0.01), 2),
            "reason": f"{sentence} {chance.choice(ENDINGS)}",
            "tags": self._tags,
        }
        return answer | ({"note": "check the address"} if chance.random() < self._noted else {})


def _trial(source: Source, flow: Flow = FLOW) -> Trial:
    baseline = [json.dumps(source.answer()) for _ in range(5)]
    return trial(flow, baseline, [json.dumps(source.answer()) for _ in range(5)])


def test_a_source_against_itself_raises_few_alarms() -> None:
    """Of cases answered twice by one noisy source at most 5 % are called drift."""
    chance = random.Random(20260115)
    verdicts = [_trial(Source(chance)).compare().verdict for _ in range(400)]
    alarms = sum(verdict in DRIFTS for verdict in verdicts)

    assert alarms <= 0.05 * len(verdicts)
    assert verdicts.count(CaseVerdict.WITHIN_NOISE) > 300


def test_a_changed_source_is_caught() -> None:
    """Through the same noise another fact, label, key or number is caught in every case."""
    chance = random.Random(7)
    changes: tuple[dict[str, Json], ...] = (
        {"reason": "The customer writes that parcel ORD-1 is late after 99 days and asks for help."},
        {"label": "other"},
        {"confidence": 0.2},
        {"extra": True},
        {"tags": ["late"]},
    )
    for change in changes:
        for _ in range(20):
            source = Source(chance)
            baseline = [json.dumps(source.answer()) for _ in range(5)]
            changed = [json.dumps(source.answer() | change) for _ in range(5)]
            assert trial(FLOW, baseline, changed).compare().verdict in DRIFTS, change


def test_the_baseline_disagrees_with_itself_as_often_as_a_candidate_like_it() -> None:
    """Leave-one-out agreement is the rate that a candidate of the same source reaches."""
    chance = random.Random(3)
    own, candidate = [], []
    for _ in range(200):
        made = _trial(Source(chance))
        assert made.golden is not None
        own += leave_one_out(made.contract, made.golden)
        rates = made.compare().rungs[list(made.compare().rungs)[-1]]
        assert rates is not None
        candidate.append(rates.candidate.share)
    shares = sum(own) / len(own), sum(share for share in candidate if share is not None) / len(candidate)

    assert abs(shares[0] - shares[1]) < 0.05


def test_noise_stays_cheap() -> None:
    """Five samples against five, all worded differently, take CPU time in the order of a millisecond."""
    made = _trial(Source(random.Random(1)))
    made.compare()
    started = time.process_time()
    for _ in range(20):
        made.compare()

    assert (time.process_time() - started) / 20 < 0.02
