"""Case and prompt to request: templates filled in a sandbox, checks bound to the case, candidates understood."""

from migrate.rendering.binding import bind_checks
from migrate.rendering.candidates import parse_candidate, prompt_for
from migrate.rendering.rehearsal import rehearse
from migrate.rendering.requests import render, render_for

__all__ = ["bind_checks", "parse_candidate", "prompt_for", "rehearse", "render", "render_for"]
