"""What a call asks: messages as templates, variables, the form of the answer, tools and parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from source_trees import only, plant, scanned, sites_of

from migrate.edges.scanning import scan
from migrate.rendering.templates import fill

HEAD = "import json, textwrap\nfrom string import Template\nfrom openai import OpenAI\nclient = OpenAI()\n"


def asks(folder: Path, body: str, before: str = "") -> Any:
    """Return the one message of a function `f(text, user, tags)` that sends CONTENT."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    call = 'client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])'
    code = f"{HEAD}{before}\ndef f(text, user, tags, client=client):\n{lines}\n    {call}\n"
    return only(folder, code)


TEXTS = {
    "a literal": ('content = "Hello"', "Hello"),
    "lines": ('content = ("One\\n"\n  "two")', "One\ntwo"),
    "an f-string": ('content = f"Say {text}!"', "Say {{ text }}!"),
    "an f-string with a format": ('content = f"{text!r:>10}"', "{{ text }}"),
    "an attribute": ('content = f"Hi {user.name}"', "Hi {{ user_name }}"),
    "an item": ("content = f\"Hi {user['full name']}\"", "Hi {{ user_full_name }}"),
    "a call": ('content = f"{user.greeting(text)}"', "{{ user_greeting_text }}"),
    "json": ('content = f"{json.dumps(user)}"', "{{ user }}"),
    "a join": ('content = "Tags: " + ", ".join(tags)', "Tags: {{ tags }}"),
    "a join of literals": ('content = ", ".join(["a", "b"])', "a, b"),
    "a sum": ('content = "A " + text + " B"', "A {{ text }} B"),
    "percent": ('content = "A %s of %d%%" % (text, 3)', "A {{ text }} of 3%"),
    "percent by name": ('content = "A %(x)s" % {"x": text}', "A {{ text }}"),
    "percent of a mapping": ('content = "A %(x)s" % user', "A {{ x }}"),
    "format": ('content = "A {} {b} {{c}}".format(text, b=user.name)', "A {{ text }} {{ user_name }} {c}"),
    "format by attribute": ('content = "A {u.name}".format(u=user)', "A {{ user_name }}"),
    "format_map": ('content = "A {x}".format_map({"x": text})', "A {{ text }}"),
    "a dollar template": ('content = Template("A $x ${y} $$").substitute(x=text, y=1)', "A {{ text }} 1 $"),
    "dedent": ('content = textwrap.dedent(f"""\n      A {text}\n      B\n    """)', "\nA {{ text }}\nB\n"),
    "strip": ('content = """\n  A\n""".strip()', "A"),
    "replace": ('content = "A <x>".replace("<x>", text)', "A {{ text }}"),
    "braces": ('content = "{{x}} {% y %} {# z #} {"', '{{ "{" }}{x}} {{ "{" }}% y %} {{ "{" }}# z #} {'),
    "a brace before a hole": ('content = "{" + text + "}"', '{{ "{" }}{{ text }}}'),
    "twice the same": ('content = f"{text} {text}"', "{{ text }} {{ text }}"),
    "two that would be called the same": ('content = f"{user.id} {user_id}"', "{{ user_id }} {{ user_id_2 }}"),
    "a word of jinja": ('content = f"{loop} {true}"', "{{ loop_2 }} {{ true_2 }}"),
    "added to": ('content = "A"\ncontent += f" {text}"', "A {{ text }}"),
    "a number": ('content = f"{3 + 4} {5}"', "{{ value }} 5"),
    "a file": ('content = open("prompts/x.txt").read() + text', "From a file. {{ text }}"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_becomes_a_template(case: str, tmp_path: Path) -> None:
    """Everything the code says is in the template; everything else is a variable, named after the code."""
    body, expected = TEXTS[case]
    plant(tmp_path, {"prompts/x.txt": "From a file. "})
    (message,) = asks(tmp_path, body).messages
    assert expected == message.content


EXAMPLES = {
    "f": ('f"Say {text} {{x}} {user}"', {"text": "A", "user": "B"}),
    "format": ('"{} {{}} {x}".format(text, x=user)', {"text": "{{ z }}", "user": "%"}),
    "percent": ('"%s 100%% {{ %s }}" % (text, user)', {"text": "A", "user": "{"}),
    "sum": ('"{" + text + "}}" + user', {"text": "A", "user": "B"}),
    "dollar": ('Template("$a {% $$ %} ${b}").substitute(a=text, b=user)', {"text": "1", "user": "2"}),
    "dedent": (
        'textwrap.dedent(f"""\\\n        {text}\n          {user} {{# x #}}\n        """)',
        {"text": "A", "user": "B"},
    ),
    "replace": ('"[[a]] {{ [[b]]".replace("[[a]]", text).replace("[[b]]", user)', {"text": "A", "user": "B"}),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_a_template_says_what_the_code_would(case: str, tmp_path: Path) -> None:
    """Filled with the same values, the template gives the text the code itself makes."""
    expression, values = EXAMPLES[case]
    (message,) = asks(tmp_path, f"content = {expression}").messages
    names: dict[str, Any] = {}
    exec("import textwrap\nfrom string import Template", names)
    assert eval(expression, {**names, **values}) == fill(message.content, values)


def test_jinja_templates_keep_their_text(tmp_path: Path) -> None:
    """A template of the code's own is taken as it is, with its variables, and what `render` gives them."""
    files: dict[str, str | bytes] = {
        "templates/mail.j2": "{% for order in orders %}{{ order.id }}{% endfor %} {{ name }}\n",
        "app.py": """
            from jinja2 import Environment, FileSystemLoader, Template
            from openai import OpenAI

            env = Environment(loader=FileSystemLoader("templates"))

            def f(user, things):
                system = Template("You help {{ product }}.").render(product=user.product)
                text = env.get_template("mail.j2").render(orders=things, name=user.name)
                OpenAI().chat.completions.create(
                    model="gpt-4o",
                    messages=[{"role": "system", "content": system}, {"role": "user", "content": text}],
                )
            """,
    }
    (site,) = scanned(tmp_path, files).sites
    assert [
        "You help {{ product }}.",
        "{% for order in orders %}{{ order.id }}{% endfor %} {{ name }}",
    ] == [message.content for message in site.messages]
    assert [
        ("product", "user.product", None),
        ("name", "user.name", None),
        ("orders", "things", [{"id": None}]),
    ] == [(one.name, one.expression, one.shape) for one in site.variables]


def conversation(folder: Path, body: str, name: str = "app.py") -> list[tuple[str, Any]]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    call = 'client.chat.completions.create(model="m", messages=messages)'
    site = only(folder, f"{HEAD}def f(history, text, flag):\n{lines}\n    {call}\n", name)
    return [("turns", one.turns) if one.turns else (one.role, one.content) for one in site.messages]


SYSTEM = '{"role": "system", "content": "S"}'
USER = '{"role": "user", "content": text}'
S, U, H = ("system", "S"), ("user", "{{ text }}"), ("turns", "history")
CONVERSATIONS = {
    "a list": (f"messages = [{SYSTEM}, {USER}]", [S, U]),
    "a sum": (f"messages = [{SYSTEM}] + history + [{USER}]", [S, H, U]),
    "a star": (f"messages = [{SYSTEM}, *history, {USER}]", [S, H, U]),
    "appended": (f"messages = [{SYSTEM}]\nmessages.append({USER})", [S, U]),
    "extended": (f"messages = [{SYSTEM}]\nmessages.extend(history)\nmessages += [{USER}]", [S, H, U]),
    "inserted": (f"messages = [{USER}]\nmessages.insert(0, {SYSTEM})", [S, U]),
    "the history grows": (f"messages = history\nmessages.append({USER})", [H, U]),
    "only the history": ("messages = history", [H]),
    "in a branch": (f"messages = []\nif flag:\n    messages.append({SYSTEM})\nmessages.append({USER})", [S, U]),
    "a loop": (
        f"messages = [{SYSTEM}]\nfor turn in history:\n    messages.append(turn)\nmessages.append({USER})",
        [S, ("turns", "turn"), U],
    ),
    "a tuple": (f"messages = ({SYSTEM}, {USER})", [S, U]),
    "a copy": (f"first = [{SYSTEM}]\nmessages = first.copy() + [{USER}]", [S, U]),
    "dict()": ('messages = [dict(role="system", content="S")]', [S]),
    "typed parts": (
        "from openai.types.chat import ChatCompletionSystemMessageParam as P\n"
        'messages = [P(role="system", content="S"), ' + USER + "]",
        [S, U],
    ),
    "a role of run time": ('messages = [{"role": flag, "content": "S"}]', [("user", "S")]),
}


@pytest.mark.parametrize("case", CONVERSATIONS)
def test_messages_are_put_together_as_the_code_does(case: str, tmp_path: Path) -> None:
    """Lists that are summed, spread, appended to; whole messages from elsewhere stand in their place."""
    body, expected = CONVERSATIONS[case]
    assert expected == conversation(tmp_path, body)


def test_parameters_are_told_and_secrets_are_not(tmp_path: Path) -> None:
    """Literal parameters with their values, others by name; keys, addresses and clients are no parameters."""
    code = f"""{HEAD}
def f(limit, **more):
    options = {{"top_p": 0.5, "seed": 3}}
    client.chat.completions.create(
        model="gpt-4o", messages=[], temperature=-0.5, max_tokens=limit, stop=["a", "b"], api_key="sk-1", timeout=3,
        extra_headers={{"Authorization": "x"}}, n=None, stream=True, **options, **more,
    )
"""
    site = only(tmp_path, code)
    assert {"temperature": -0.5, "stop": ["a", "b"], "top_p": 0.5, "seed": 3} == dict(site.parameters)
    assert (("max_tokens", "**more"), True) == (site.at_run_time, site.stream)


FORMATS = {
    "none": ("", ("text", None)),
    "json_object": ('response_format={"type": "json_object"}', ("json_object", None)),
    "a schema": (
        'response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}',
        ("json_schema", {"type": "object"}),
    ),
    "a schema of the Responses API": (
        'text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}',
        ("json_schema", {"type": "object"}),
    ),
    "a class": (
        "response_format=Point",
        (
            "json_schema",
            {
                "title": "Point",
                "type": "object",
                "properties": {"x": {"type": "integer", "title": "X"}},
                "required": ["x"],
                "additionalProperties": False,
            },
        ),
    ),
    "a class that cannot be drawn": ("response_format=Odd", ("json_schema", None)),
    "a format of run time": ("response_format=make()", ("json_schema", None)),
}


@pytest.mark.parametrize("case", FORMATS)
def test_the_form_of_the_answer(case: str, tmp_path: Path) -> None:
    """Written out, or drawn from a pydantic model; what cannot be drawn is named with the reason."""
    argument, (name, schema) = FORMATS[case]
    before = (
        "from pydantic import BaseModel\nclass Point(BaseModel):\n    x: int\nclass Odd(BaseModel):\n    x: complex\n"
        "def make(): ...\n"
    )
    site = only(tmp_path, f'{HEAD}{before}client.chat.completions.create(model="m", messages=[], {argument})')
    assert (name, schema) == (site.format.name, site.format.schema)
    assert bool(site.format.note) == (name == "json_schema" and schema is None)


def test_tools_are_named_and_written_out_where_the_code_does(tmp_path: Path) -> None:
    """A literal tool comes with its definition; a model, a decorated function and a hosted tool by their names."""
    code = f"""{HEAD}
import openai
from pydantic import BaseModel

class Look(BaseModel):
    place: str

FIND = {{"type": "function", "function": {{"name": "find", "parameters": {{"type": "object", "properties": {{}}}}}}}}
client.chat.completions.create(
    model="m",
    messages=[],
    tools=[FIND, openai.pydantic_function_tool(Look), openai.pydantic_function_tool(Look, name="peek"),
           {{"type": "web_search"}}],
)
"""
    site = only(tmp_path, code)
    assert ["find", "Look", "peek", "web_search"] == [tool.name for tool in site.tools]
    assert [True, False, False, False] == [tool.definition is not None for tool in site.tools]


def test_the_spot_of_a_model_is_the_literal(tmp_path: Path) -> None:
    """Columns are counted in characters, also after letters of two bytes."""
    plant(tmp_path, {"a.py": f'{HEAD}größe = "ä"; MODEL = "gpt-4o"\nclient.responses.create(model=MODEL, input="x")\n'})
    (site,) = scan(tmp_path, tmp_path).sites
    spot = site.models[0].spot
    assert spot is not None
    line = (tmp_path / "a.py").read_text("utf-8").splitlines()[spot.line - 1]
    assert '"gpt-4o"' == line[spot.column - 1 :][:8]


def test_nothing_here_is_more_than_text(tmp_path: Path) -> None:
    """The same call in ten functions is ten calls, each in its own function."""
    code = HEAD + "".join(f'def f{n}():\n    client.responses.create(model="m", input="x")\n' for n in range(10))
    assert [f"f{n}" for n in range(10)] == [site.function for site in sites_of(tmp_path, code)]
