"""Case and prompt to request: templates filled in a sandbox, checks bound to the case, candidates understood."""

from migrate.rendering.binding import bind_checks
from migrate.rendering.candidates import parse_candidate, prompt_for
from migrate.rendering.rehearsal import rehearse
from migrate.rendering.requests import render, render_for
from migrate.rendering.steps import (
    baseline_of,
    chain_digest,
    chain_for,
    embedded_texts,
    first_request,
    looked_up_by,
    models_of,
    play_of,
)

__all__ = [
    "baseline_of",
    "bind_checks",
    "chain_digest",
    "chain_for",
    "embedded_texts",
    "first_request",
    "looked_up_by",
    "models_of",
    "parse_candidate",
    "play_of",
    "prompt_for",
    "rehearse",
    "render",
    "render_for",
]
