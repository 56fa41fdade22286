"""Templates filled: what they may say, what they cost, and what goes wrong in words."""

from __future__ import annotations

import sys
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.rendering.templates import MAX_RENDERED, MAX_TEMPLATE, Fault, Substitution, fill, template_of

PLAIN = jinja2.Environment(autoescape=False, keep_trailing_newline=True)
PIECES = ["{{ name }}", "{{name}}", "{{ n }}", " and ", "\n", "{", "}", "%", "#", "{ n }", "ä 😀", "}}", "$", "\\", "'"]
VARIABLES: dict[str, Any] = {"name": "Ann {{ n }}", "n": 3, "none_": None, "flag": True, "rows": [{"a": 1}, {"a": 2}]}


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_short_way_is_jinjas_way(text: str) -> None:
    """Text with nothing but names in it comes out exactly as Jinja2 itself makes it."""
    if isinstance(template_of_or_none(text), Substitution):
        assert PLAIN.from_string(text).render(VARIABLES) == fill(text, VARIABLES)


def template_of_or_none(text: str) -> object:
    try:
        return template_of(text)
    except Fault:
        return None


@pytest.mark.parametrize(
    "text",
    [
        "{{ name|upper }}, {{ n + 1 }}, {{ none_ or '(none)' }}",
        "{% for row in rows %}{{ loop.index }}/{{ loop.length }}: {{ row.a }}{{ ', ' if not loop.last }}{% endfor %}",
        "{% if flag and n > 2 %}yes{% else %}no{% endif %}\n",
        "{% set total = rows|sum(attribute='a') %}{{ 'Total %d: %.2f'|format(n, total) }}",
        "{{ rows|map(attribute='a')|join(' + ') }} {{ rows|tojson }} {{ name ~ n ~ [1, 2] }}",
        "{% macro line(x) %}<{{ x }}>{% endmacro %}{{ line(n) }}{{ line('b') }}",
        "{% set text %}a{{ n }}{% endset %}{{ text|replace('a', 'b') }} {# a note #} {{ '{:>5}'.format(n) }}",
        "{% raw %}{{ kept }}{% endraw %} {{- n -}} \n {{ rows[0].a }} {{ 'x' if missing is defined }}",
        "{{ rows.0.a if false else 'z' }}{{ (1, 2)|list }}{{ {'k': n} }}{{ name.split(' ')[0].lower() }}",
        "{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{{ v }}{% endfor %}{{ rows|length }}{{ 'ab' * 2 }}",
        "{{ none }}{{ true }}\r\n{{ n }}",
    ],
)
def test_prompts_render_as_in_plain_jinja(text: str) -> None:
    """The sandbox and its budget change nothing about what ordinary templates say."""
    assert PLAIN.from_string(text).render(VARIABLES) == fill(text, VARIABLES)


@pytest.mark.parametrize("text", ["", "{", "a } b %}", "{#anchor} and }}", "# {x} 100%", 'JSON: {"a": {"b": 1}}'])
def test_text_without_markers_is_sent_as_it_is(text: str) -> None:
    """A text with nothing to fill is returned itself, whatever else it looks like."""
    assert fill(text, {}) is text


def test_plain_prompts_never_load_jinja(pytester: pytest.Pytester) -> None:
    """Most inventories hold text and names only, and do not pay for a template engine."""
    script = (
        "import sys, migrate.rendering.templates as t; t.fill('a {{ b }}', {'b': 1}); print('jinja2' in sys.modules)"
    )
    assert "False" == pytester.run(sys.executable, "-c", script).outlines[0]


@pytest.mark.parametrize(
    ("text", "message", "line", "hint"),
    [
        ("Hi {{ nme }}", '"nme" is not among the inputs', 1, 'did you mean "name"?'),
        ("a\n\n{{ nme|upper }}", '"nme" is not among the inputs', 3, 'did you mean "name"?'),
        ("{% if nothing_like_it %}{% endif %}", '"nothing_like_it" is not among the inputs', 1, ""),
        ("{{ rows[0].b.c }}", 'there is no "b" in the mapping', 1, ""),
        ("{{ rows[7].a }}", "there is no item 7", 1, ""),
        ("a\n{{ name", "not a Jinja2 template: unexpected end of template, expected 'end of print statement'.", 2, ""),
        ("{% for x in rows %}", None, 1, ""),
        ("a\n{% include 'other' %}", None, 2, ""),
        ("{{ 1 / 0 }}", "the template fails: division by zero", 1, ""),
        ("{{ 'a' + 1 }}", 'the template fails: can only concatenate str (not "int") to str', 1, ""),
        ("{{ rows.items }}", None, 1, ""),
        ("{{ rows|map(attribute='a') }}", "this is a lazy list: add |list or |join", 1, ""),
        ("{{ name|random }}", "not a Jinja2 template: No filter named 'random'.", 1, ""),
    ],
)
def test_what_goes_wrong_is_said(text: str, message: str | None, line: int, hint: str) -> None:
    """Every fault names its line in the template and, for a name, the nearest one there is."""
    with pytest.raises(Fault) as caught:
        fill(text, VARIABLES)
    fault = caught.value
    assert (message or fault.message, line, hint) == (fault.message, fault.line, fault.hint)


@pytest.mark.parametrize("text", ["{{ d.items }}", "{{ name.upper }}", "{{ range }}", "{{ cycler('a') }}"])
def test_no_address_of_an_object_gets_into_a_request(text: str) -> None:
    """What prints as an address in memory is refused: the request would be another one each time."""
    with pytest.raises(Fault):
        fill(text, {"d": {"a": 1}, "name": "x"})


def test_long_texts() -> None:
    """Documents of megabytes are inputs and pass; templates and filled texts have a limit that says so."""
    document = "Zeile ä\n" * 500_000
    assert f"<{document}>" == fill("<{{ document }}>", {"document": document})
    assert document.strip() == fill("{{ document|trim }}", {"document": document})
    with pytest.raises(Fault, match="at most 1,048,576 are read"):
        fill("{{ x }}" + "a" * MAX_TEMPLATE, {"x": 1})
    with pytest.raises(Fault, match="more than 16,777,216 characters"):
        fill("{{ x }}{{ x }}", {"x": "a" * (MAX_RENDERED // 2 + 1)})
