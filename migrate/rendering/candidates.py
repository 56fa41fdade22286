"""What one `--model` value means, and which wording of a flow it gets.

    gpt-4.1                                   every call goes to this model
    gpt-4.1@terse                             ... with the prompt variant `terse`
    gpt-4o=gpt-4.1,gpt-4o-mini=gpt-4.1-mini   by the model that is used today; others stay
    answer:gpt-4.1,notes:gpt-4.1-mini         by the step of a chain; other steps stay
    ft:gpt-4o-mini:org::id                    a fine-tune: `ft:` always begins a model, never a step
    =llama3:8b                                a leading `=` takes the rest as it is, `:` and `@` included

A part is cut at its first `=`, or else at its first `:`; what follows is the model's name and may hold colons.
"""

from __future__ import annotations

import re
from typing import Final

from migrate.errors import UsageProblem, did_you_mean
from migrate.vocabulary import Candidate, Flow, Prompt

MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
STEP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
VARIANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FINE_TUNE: Final = "ft:"
FORMS: Final = "write a model, model@variant, today=candidate[,...] or step:model[,...]"


def parse_candidate(text: str) -> Candidate:
    """Return the candidate that one `--model` value names; raises UsageProblem with the offending part."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise _refusal(text, "a part is empty")
    forms = {_form(part) for part in parts}
    if forms == {"model"} and len(parts) == 1:
        return _model(parts[0])
    if forms == {"mapping"}:
        return Candidate(text=",".join(parts), mapping=_pairs(parts, "=", MODEL))
    if forms == {"steps"}:
        return Candidate(text=",".join(parts), steps=_pairs(parts, ":", STEP))
    why = "several models in one value: repeat the option, once a candidate"
    raise _refusal(text, why if forms == {"model"} else "models, mappings and steps cannot be mixed in one value")


def _form(part: str) -> str:
    if part.startswith("="):
        return "model"
    if "=" in part:
        return "mapping"
    if ":" in part and not part.startswith(FINE_TUNE):
        return "steps"
    return "model"


def _model(part: str) -> Candidate:
    if part.startswith("="):
        return Candidate(text=part, model=_checked(part, part[1:], MODEL, "model"))
    model, at, variant = part.partition("@")
    if at:
        _checked(part, variant, VARIANT, "variant")
    return Candidate(text=part, model=_checked(part, model, MODEL, "model"), variant=variant if at else None)


def _pairs(parts: list[str], cut: str, left_pattern: re.Pattern[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in parts:
        left, _, right = (piece.strip() for piece in part.partition(cut))
        _checked(part, left, left_pattern, "model" if cut == "=" else "step")
        if "@" in right:
            raise _refusal(part, "a variant goes with a single model, not with a mapping or a step")
        if left in pairs:
            raise _refusal(part, f'"{left}" is named twice')
        pairs[left] = _checked(part, right, MODEL, "model")
    return pairs


def _checked(part: str, name: str, pattern: re.Pattern[str], what: str) -> str:
    if not name:
        raise _refusal(part, f"the {what} is missing")
    if not pattern.fullmatch(name):
        raise _refusal(part, f'"{name}" is no name of a {what}')
    return name


def _refusal(text: str, why: str) -> UsageProblem:
    return UsageProblem(f'candidate "{text}": {why}', hint=FORMS)


def prompt_for(flow: Flow, candidate: Candidate) -> Prompt:
    """Return the wording a candidate gets: the variant it names, else the one that is default for its model, else
    the prompt itself. Raises UsageProblem when the flow has no variant of that name.
    """
    if candidate.variant is not None:
        return _named(flow, candidate.variant)
    model = candidate.model_for(flow.prompt.model)
    for variant in flow.variants:
        if model in variant.default_for:
            return variant.prompt
    return flow.prompt


def _named(flow: Flow, name: str) -> Prompt:
    for variant in flow.variants:
        if variant.name == name:
            return variant.prompt
    names = [variant.name for variant in flow.variants]
    has = f"it has {', '.join(names)}" if names else "it has none"
    raise UsageProblem(f'flow {flow.name} has no variant "{name}": {has}', hint=did_you_mean(name, names))
