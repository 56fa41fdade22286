"""Rung 6: how an answer differs from the baseline's, and what of that the baseline's own noise explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from migrate.canonical import canonical_json
from migrate.comparing.matching import best_pairs
from migrate.comparing.noise import Floor
from migrate.comparing.notes import Note
from migrate.comparing.paths import Keyed, Steps, brief, said
from migrate.comparing.patterns import matches
from migrate.comparing.prose import Prose
from migrate.comparing.rules import bound_of, options_of, pattern_of, tolerance_of
from migrate.comparing.shape import Difference, Spot, differences, equal, kind_of
from migrate.comparing.wording import (
    is_label,
    own_similarity,
    plain,
    similarity,
    unspaced,
)
from migrate.vocabulary import FindingKind, Json, Rule, Severity


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What weighing needs to know beside the noise floor."""

    is_enum: Callable[[Steps], bool]
    """Whether the schema lists the values of a place."""
    names: Callable[[], frozenset[str]]
    """Names in the input of the case; asked for only where prose differs."""


def weigh(difference: Difference, floor: Floor, around: Surroundings) -> Iterator[Note]:
    """Yield what one difference means: its severity, and whether the noise floor explains it."""
    rule = difference.spot.rules.here
    if rule is not None and rule.kind in ("one_of", "regex") and difference.what not in ("removed", "added"):
        yield _by_value_rule(difference, floor, rule)
        return
    match difference.what:
        case "removed":
            yield _removed(difference, floor)
        case "added":
            yield from _added(difference, floor, around)
        case "type":
            yield from _retyped(difference, floor, around)
        case "text":
            yield from _text(difference, floor, around)
        case "number":
            yield _number(difference, floor)
        case "flag":
            yield _value(difference, _is_seen(difference, floor))
        case "spelling":
            words = f"written {said(difference.after)}, was {said(difference.before)}"
            yield _value(difference, explained=False, severity=Severity.COSMETIC, message=words)
        case "length":
            yield from _length(difference, floor, around)
        case "order":
            yield _order(difference, floor)


def _shorten(difference: Difference) -> tuple[Json, Json]:
    return brief(difference.before), brief(difference.after)


def _value(
    difference: Difference,
    explained: bool,
    *,
    severity: Severity = Severity.DRIFT,
    message: str = "",
    rule: Rule | None = None,
) -> Note:
    words = message or f"{said(difference.after)}, was {said(difference.before)}"
    made_by = "golden" if rule is None else rule.path
    shown = difference.spot.shown
    return Note(FindingKind.VALUE_CHANGED, severity, shown, words, *_shorten(difference), made_by, explained)


def _is_seen(difference: Difference, floor: Floor) -> bool:
    return floor.holds(difference.spot.where, difference.after)


def _by_value_rule(difference: Difference, floor: Floor, rule: Rule) -> Note:
    after = difference.after
    if rule.kind == "one_of":
        allowed: bool | None = any(equal(option, after) for option in options_of(rule))
    else:
        allowed = isinstance(after, str) and matches(pattern_of(rule), after)
    if allowed:
        words = f"{said(after)}, was {said(difference.before)}: both are allowed by the rule"
        return _value(difference, explained=False, severity=Severity.COSMETIC, message=words, rule=rule)
    words = f"{said(after)} is not allowed by the rule {rule.kind}"
    return _value(difference, _is_seen(difference, floor), message=words, rule=rule)


# --- Structure ------------------------------------------------------------------------------------------------------


def _member_words(spot: Spot) -> str:
    step = spot.where[-1]
    if len(spot.where) == 1:
        return "the text of the answer"
    return f"item with {step.field} {said(step.value)}" if isinstance(step, Keyed) else f"key {said(step)}"


def _removed(difference: Difference, floor: Floor) -> Note:
    spot = difference.spot
    words = f"{_member_words(spot)} is gone"
    explained = floor.lacks(spot.where)
    shown = spot.shown
    return Note(
        FindingKind.KEY_REMOVED, Severity.DRIFT, shown, words, brief(difference.before), None, explained=explained
    )


def _added(difference: Difference, floor: Floor, around: Surroundings) -> Iterator[Note]:
    spot = difference.spot
    seen = floor.seen(spot.where)
    words = f"{_member_words(spot)} is new"
    actual = brief(difference.after)
    yield Note(FindingKind.KEY_ADDED, Severity.DRIFT, spot.shown, words, None, actual, explained=bool(seen))
    if seen:
        yield from _against_seen(difference, seen, floor, around)


def _retyped(difference: Difference, floor: Floor, around: Surroundings) -> Iterator[Note]:
    spot = difference.spot
    kind = kind_of(difference.after)
    seen = [value for value in floor.seen(spot.where) if kind_of(value) == kind]
    words = f"{kind}, was {kind_of(difference.before)}"
    values = _shorten(difference)
    yield Note(FindingKind.TYPE_CHANGED, Severity.DRIFT, spot.shown, words, *values, explained=bool(seen))
    if seen:
        yield from _against_seen(difference, seen, floor, around)


def _against_seen(difference: Difference, seen: Sequence[Json], floor: Floor, around: Surroundings) -> Iterator[Note]:
    """Weigh a value whose presence or type is explained against the nearest value seen in its place."""
    compared = [(differences(value, difference.after, difference.spot, best_pairs), value) for value in seen]
    nearest, _ = min(compared, key=lambda pair: (len(pair[0]), canonical_json(pair[1])))
    for inner in nearest:
        yield from weigh(inner, floor, around)


def _length(difference: Difference, floor: Floor, around: Surroundings) -> Iterator[Note]:
    before, after = len(difference.before), len(difference.after)
    spot = difference.spot
    seen = [value for value in floor.seen(spot.where) if isinstance(value, list) and len(value) == after]
    words = f"{after} item{'s' if after != 1 else ''}, was {before}"
    yield Note(FindingKind.LIST_LENGTH, Severity.DRIFT, spot.shown, words, before, after, explained=bool(seen))
    if seen:  # the items that the shorter list has not are held against a list that has them
        yield from _against_seen(difference, seen, floor, around)


def _order(difference: Difference, floor: Floor) -> Note:
    spot = difference.spot
    items = enumerate(difference.after)
    explained = floor.reordered(spot.where, difference.after) or all(
        floor.holds((*spot.where, index), item) for index, item in items
    )
    words = "the same items in another order"
    return Note(FindingKind.LIST_ORDER, Severity.DRIFT, spot.shown, words, *_shorten(difference), explained=explained)


# --- Numbers --------------------------------------------------------------------------------------------------------


def _number(difference: Difference, floor: Floor) -> Note:
    rule = difference.spot.rules.rule
    where, after = difference.spot.where, difference.after
    tolerance = rule if rule is not None and rule.kind == "tolerance" else None
    if tolerance is not None and _within(tolerance, [difference.before, *floor.seen(where)], after):
        words = f"{said(after)}, was {said(difference.before)}: within the tolerance"
        return _value(difference, explained=False, severity=Severity.COSMETIC, message=words, rule=tolerance)
    explained = _is_seen(difference, floor)
    if not explained and (rule is None or rule.kind != "exact"):
        noise = floor.range(where, tolerant=tolerance is not None)
        explained = noise is not None and noise.holds(after)
    return _value(difference, explained, rule=tolerance)


def _within(rule: Rule, numbers: Sequence[Json], after: float) -> bool:
    absolute, relative = tolerance_of(rule)
    return any(
        abs(after - number) <= max(absolute, relative * abs(number)) * (1 + 1e-9)
        for number in numbers
        if isinstance(number, int | float) and not isinstance(number, bool)
    )


# --- Text -----------------------------------------------------------------------------------------------------------


def _text(difference: Difference, floor: Floor, around: Surroundings) -> Iterator[Note]:
    spot, before, after = difference.spot, difference.before, difference.after
    rule = spot.rules.rule
    kind = "" if rule is None else rule.kind
    here = [value for value in floor.at(spot.where) if isinstance(value, str)] if None not in spot.where else []
    texts = here or [before]
    if rule is not None and kind == "similarity":
        yield _similar(difference, texts, floor, rule)
    elif unspaced(before) == unspaced(after) and kind != "exact":
        yield _cosmetic(difference, "differs in white space only")
    elif kind == "exact" or _is_scalar(difference, floor, around):
        yield _value(difference, _is_seen(difference, floor), rule=rule if kind == "exact" else None)
    elif any(plain(text) == plain(after) for text in texts):
        yield _cosmetic(difference, "differs in white space or markup only")
    else:
        others = [value for value in floor.seen(spot.where) if isinstance(value, str)]
        yield from Prose(difference, texts, others, around.names).notes()


def _is_scalar(difference: Difference, floor: Floor, around: Surroundings) -> bool:
    """Return whether a string is a label rather than prose: an enum, or short in every sample and sibling."""
    where = difference.spot.where
    if around.is_enum(where):
        return True
    if not is_label(difference.before):
        return False
    return all(is_label(value) for value in floor.siblings(where) if isinstance(value, str))


def _cosmetic(difference: Difference, words: str, rule: str = "golden") -> Note:
    shown = difference.spot.shown
    return Note(FindingKind.WORDING_CHANGED, Severity.COSMETIC, shown, words, *_shorten(difference), rule)


def _similar(difference: Difference, texts: Sequence[str], floor: Floor, rule: Rule) -> Note:
    bound, metric = bound_of(rule), rule.metric
    best = max(similarity(text, difference.after, metric) for text in texts)
    if best >= bound:
        words = f"other words, alike enough: similarity {best:.2f}, the rule asks for {bound:.2f}"
        return _cosmetic(difference, words, rule.path)
    counts = floor.counts if len(floor.counts) == len(texts) else (1,) * len(texts)
    own = own_similarity([text for text, count in zip(texts, counts, strict=True) for _ in range(count)], metric)
    words = f"other words: similarity {best:.2f}, below the {bound:.2f} the rule asks for"
    explained = own is not None and best >= own
    shown = difference.spot.shown
    kind, severity = FindingKind.WORDING_CHANGED, Severity.DRIFT
    return Note(kind, severity, shown, words, *_shorten(difference), rule.path, explained)
