"""What a hostile template may not do: reach Python, read files, take all memory or all time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.rendering.templates import Fault, fill

BIG = "x" * 1_000_000
INPUTS: dict[str, Any] = {"text": "abc", "big": BIG, "rows": [{"a": 1}], "d": {"a": 1}}

REACHING_OUT = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ text|attr('__class__') }}",
    "{{ rows|map(attribute='__class__')|list }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ '{0.__class__}'.format(text) }}",
    "{{ '{0.__class__}'.format_map({'0': text}) }}",
    "{{ ('{0.__cl' ~ 'ass__}')|format(text) ~ ('{0.__class__}').format(text) }}",
    "{{ namespace.__init__ }}",
    "{{ joiner.__init__.__func__ }}",
    "{{ rows.append(1) }}",
    "{{ d.update({'b': 2}) }}",
    "{{ rows.__getitem__ }}",
    "{% set x = rows.clear %}{{ x() }}",
    "{{ (1).__class__ }}",
    "{{ range.__self__ }}",
    "{% include '/etc/passwd' %}",
    "{% import '/etc/passwd' as p %}",
    "{% from '/etc/passwd' import p %}",
    "{% extends '/etc/passwd' %}",
    "{{ text.encode().decode }}",
    "{{ text.format.__self__ }}",
    "{{ (rows|groupby('a'))[0].__class__ }}",
    "{{ text|map('attr', '__class__')|list }}",
    "{% macro m() %}{% endmacro %}{{ m.__func__ }}{{ m._func }}",
    "{% for x in rows %}{{ loop.__class__ }}{% endfor %}",
]

TAKING_ALL = [
    "{{ 'a' * 10**10 }}",
    "{{ 10**10 * 'a' }}",
    "{{ [1] * 10**9 }}",
    "{{ ('a' * 10**7) * 10**3 }}",
    "{{ 10**100000 }}",
    "{{ 9**9**9**9**9 }}",
    "{{ range(10**9)|list }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for a in range(9999) recursive %}{% if loop.depth < 5 %}{{ loop(range(9999)) }}{% endif %}{% endfor %}",
    "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=9) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x={}) %}{% for i in range(99) %}{% set ns.x = {1: ns.x, 2: ns.x} %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x={}) %}{% for i in range(99) %}{% set ns.x = dict(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=1) %}{% for i in range(99) %}{% set ns.x = namespace(a=ns.x) %}{% endfor %}{{ ns }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = ns.l + [big ~ i] %}{% endfor %}{{ ns.l }}",
    "{% for i in range(99999) %}{% set x %}{{ big }}{% endset %}{% endfor %}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% for i in range(99) %}{{ big }}{% endfor %}",
    "{{ [big] * 1000 }}",
    "{{ [[big] * 10] * 10 }}",
    "{{ 'a'|center(10**9) }}",
    "{{ 'a'|indent(10**9, true) }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a'.zfill(10**9) }}",
    "{{ '\t'.expandtabs(10**9) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%*d'|format(10**9, 1) }}",
    "{{ '%.1000000000f' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 10**9) }}",
    "{{ ('{0}' * 100000).format(big) }}",
    "{{ ('%(a)s' * 100000)|format(a=big) }}",
    "{{ big|replace('x', big) }}",
    "{{ big.replace('', big) }}",
    "{{ rows|tojson(indent=10**9) }}",
    "{{ 1|round(10**9) }}",
    "{{ 'a'|batch(10**9, 'x')|list }}",
    "{{ 'a'|slice(10**9)|list }}",
    "{{ ([[1]] * 99999)|sum(start=[]) }}",
    "{{ big|list|join(big) }}",
    "{{ (1).to_bytes(10**9, 'big') }}",
    "{{ lipsum(10**6) }}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ 1" + "|abs" * 3000 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{% for x in rows %}" * 40 + "{% endfor %}" * 40,
    "{{ 1 }}{{ 2|abs }}" * 6000,
]


@pytest.mark.parametrize("text", REACHING_OUT)
def test_nothing_of_python_is_reached(text: str) -> None:
    """Every known way out of a template ends in a fault, never in a value."""
    with pytest.raises(Fault):
        fill(text, INPUTS)


@pytest.mark.parametrize("text", TAKING_ALL)
def test_no_template_takes_all_memory_or_time(text: str) -> None:
    """A bomb is refused after seconds of work at most, and without making the text it was after."""
    started = time.thread_time()
    with pytest.raises(Fault):
        fill(text, INPUTS)
    assert time.thread_time() - started < 8


def test_inputs_are_never_templates() -> None:
    """A template in a variable is text."""
    assert "{{ 7 * 7 }} {% raw %}" == fill("{{ a }} {{ b|trim }}", {"a": "{{ 7 * 7 }}", "b": "{% raw %}"})


def test_budgets_do_not_mix() -> None:
    """Fillings in several threads have a budget each, and one that fails leaves the others alone."""
    results: dict[int, str] = {}

    def work(number: int) -> None:
        for _ in range(20):
            try:
                results[number] = fill("{% for i in range(n) %}{{ i }}{% endfor %}", {"n": number})
            except Fault as fault:
                results[number] = fault.message

    numbers = [10, 1_000, 90_000, 200_000]
    threads = [threading.Thread(target=work, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {number: "".join(map(str, range(number))) for number in numbers[:3]}
    assert expected == {number: results[number] for number in numbers[:3]}
    assert "Range too big" in results[200_000]


def test_the_budget_is_counted_not_measured() -> None:
    """The same template passes or fails at the same size on every machine: a million steps."""
    text = "{% for a in range(1000) %}{% for b in range(n) %}{% endfor %}{% endfor %}"
    assert "" == fill(text, {"n": 990})
    with pytest.raises(Fault, match="1,000,000 steps"):
        fill(text, {"n": 1_001})


WORDS = "{{ }} {% %} {# #} x |upper for in rows if endif ( ) [ ] ' ~ * 9 set = . macro m() loop raw -"


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=20).map(" ".join))
def test_any_template_gives_text_or_a_fault(text: str) -> None:
    """Whatever is put together from Jinja2's own words, there is no other error."""
    try:
        filled, line = fill(text, {"x": "a", "rows": [1, 2]}), 1
    except Fault as fault:
        filled, line = fault.message, fault.line
    assert isinstance(filled, str)
    assert 1 <= line <= text.count("\n") + 1
