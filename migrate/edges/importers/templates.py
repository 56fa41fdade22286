"""Templates of other tools: what means the same in Jinja2 is taken as it is, everything else is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from migrate.documents.files import Unreadable
from migrate.rendering.templates import Fault, fill, is_static, template_of
from migrate.vocabulary import Json

_SECTION: Final = re.compile(r"\{\{\{|\{\{\s*[#^/&>!]")
MISSING: Final = "is empty in cases that do not give it, as it was before"


def template(text: str) -> str:
    """Return a Nunjucks or Jinja2 template; raises Unreadable, with the reason, when it is not one of prompt files."""
    try:
        template_of(text)
    except Fault as fault:
        raise Unreadable(f"its template is not Jinja2 as prompt files take it ({fault.message})") from None
    if "env" in variables_of(text):
        raise Unreadable("its template reads the environment")
    return text


def mustache(text: str) -> str:
    """Return a Mustache template of plain `{{name}}` only; raises Unreadable for sections and the like."""
    if _SECTION.search(text):
        raise Unreadable("its template has sections of Mustache, which Jinja2 does not know")
    return template(text)


def variables_of(content: Json) -> set[str]:
    """Return the names that the templates in a value ask for."""
    if isinstance(content, Mapping):
        return {name for item in content.values() for name in variables_of(item)}
    if isinstance(content, list):
        return {name for item in content for name in variables_of(item)}
    if not isinstance(content, str) or is_static(content):
        return set()
    from jinja2 import Environment, TemplateSyntaxError, meta

    try:
        # Parsed and looked at, never rendered: autoescape has no part in it.
        return meta.find_undeclared_variables(Environment().parse(content))  # noqa: S701
    except TemplateSyntaxError:
        return set()


def filled(value: Any, variables: Mapping[str, Json]) -> Any:
    """Return a value with the templates in it filled; raises Unreadable when one cannot be."""
    if isinstance(value, str):
        try:
            return fill(value, variables)
        except Fault as fault:
            raise Unreadable(f"its template cannot be filled ({fault.message})") from None
    if isinstance(value, Mapping):
        return {key: filled(item, variables) for key, item in value.items()}
    return [filled(item, variables) for item in value] if isinstance(value, list) else value
