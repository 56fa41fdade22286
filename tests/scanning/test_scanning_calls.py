"""Which calls ask a model, how sure that is, and which only look like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from source_trees import models, only, scanned, sites_of

from migrate.edges.scanning import drafts_of

ARGS = 'model="gpt-4o", messages=[]'
CHAT = "chat.completions.create"

CERTAIN = {
    "a client": (f"from openai import OpenAI\nOpenAI().chat.completions.create({ARGS})", CHAT),
    "a client by module": (f"import openai\nc = openai.OpenAI()\nc.chat.completions.create({ARGS})", CHAT),
    "a renamed import": (f"from openai import AsyncOpenAI as A\nc = A()\nc.chat.completions.create({ARGS})", CHAT),
    "the module itself": (f"import openai\nopenai.chat.completions.create({ARGS})", CHAT),
    "azure": (f"from openai import AzureOpenAI\nc = AzureOpenAI()\nc.chat.completions.create({ARGS})", CHAT),
    "beta": (
        f"from openai import OpenAI\nOpenAI().beta.chat.completions.parse({ARGS})",
        "chat.completions.parse",
    ),
    "the raw response": (
        f"from openai import OpenAI\nOpenAI().chat.completions.with_raw_response.create({ARGS})",
        CHAT,
    ),
    "other options": (
        f"from openai import OpenAI\nOpenAI().with_options(timeout=1).chat.completions.create({ARGS})",
        CHAT,
    ),
    "responses": (
        'from openai import OpenAI\nOpenAI().responses.create(model="gpt-4o", input="x")',
        "responses.create",
    ),
    "embeddings": ('from openai import OpenAI\nOpenAI().embeddings.create(model="m", input="x")', "embeddings.create"),
    "images": ('from openai import OpenAI\nOpenAI().images.generate(model="dall-e-3", prompt="x")', "images.generate"),
    "a nested resource": ("from openai import OpenAI\nc = OpenAI().chat.completions\nc.create(" + ARGS + ")", CHAT),
    "a bound method": (f"from openai import OpenAI\nask = OpenAI().chat.completions.create\nask({ARGS})", CHAT),
    "a partial": (
        (
            "import functools\nfrom openai import OpenAI\n"
            'ask = functools.partial(OpenAI().chat.completions.create, model="gpt-4o")\nask(messages=[])'
        ),
        CHAT,
    ),
    "with": (f"from openai import OpenAI\nwith OpenAI() as c:\n    c.chat.completions.create({ARGS})", CHAT),
    "a factory": (
        f"from openai import OpenAI\ndef make():\n    return OpenAI()\nmake().chat.completions.create({ARGS})",
        CHAT,
    ),
    "a dependency that yields": (
        (
            "from openai import OpenAI\ndef make():\n    with OpenAI() as c:\n        yield c\n"
            f"for c in make():\n    pass\ndef f(c=make()):\n    c.chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "an annotation": (f"from openai import OpenAI\ndef f(c: OpenAI):\n    c.chat.completions.create({ARGS})", CHAT),
    "an annotation in quotes": (
        f'from openai import OpenAI\ndef f(c: "OpenAI | None" = None):\n    c.chat.completions.create({ARGS})',
        CHAT,
    ),
    "a union": (
        (
            "from openai import AsyncOpenAI, OpenAI\nfrom typing import Union\n"
            f"def f(c: Union[OpenAI, AsyncOpenAI]):\n    c.chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "an attribute": (
        (
            "from openai import OpenAI\nclass A:\n    def __init__(self):\n        self.c = OpenAI()\n"
            f"    def ask(self):\n        return self.c.chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "an attribute by annotation": (
        (
            "from openai import OpenAI\nclass A:\n    c: OpenAI\n"
            f"    def ask(self):\n        return self.c.chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "an attribute made late": (
        (
            "from openai import OpenAI\nclass A:\n    def __init__(self):\n        self._c = None\n"
            "    @property\n    def c(self):\n        if self._c is None:\n            self._c = OpenAI()\n"
            f"        return self._c\n    def ask(self):\n        return self.c.chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "a wrapper": (
        f"from openai import OpenAI\nfrom tracing import wrap\nc = wrap(OpenAI())\nc.chat.completions.create({ARGS})",
        CHAT,
    ),
    "a try": (
        (
            "try:\n    from openai import OpenAI\nexcept ImportError:\n    OpenAI = None\n"
            f"OpenAI().chat.completions.create({ARGS})"
        ),
        CHAT,
    ),
    "only for types": (
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from openai import OpenAI\n"
            f'def f(c: "OpenAI"):\n    return c.chat.completions.create({ARGS})'
        ),
        CHAT,
    ),
    "litellm": (f"import litellm\nlitellm.completion({ARGS})", "litellm.completion"),
    "litellm by name": (f"from litellm import acompletion as ask\nask({ARGS})", "litellm.acompletion"),
    "a router of litellm": (
        f"from litellm import Router\nr = Router(model_list=[])\nr.acompletion({ARGS})",
        "litellm.Router.acompletion",
    ),
    "langchain": ('from langchain_openai import ChatOpenAI\nChatOpenAI(model="gpt-4o")', "langchain.ChatOpenAI"),
    "langchain's any": (
        'from langchain.chat_models import init_chat_model\ninit_chat_model("openai:gpt-4o")',
        "langchain.init_chat_model",
    ),
    "agents": ('from agents import Agent\nAgent(name="a", instructions="b", model="gpt-4o")', "agents.Agent"),
    "pydantic_ai": ('from pydantic_ai import Agent\nAgent("openai:gpt-4o")', "pydantic_ai.Agent"),
    "llama_index": ('from llama_index.llms.openai import OpenAI\nOpenAI(model="gpt-4o")', "llama_index.OpenAI"),
    "before 1.0": (f"import openai\nopenai.ChatCompletion.create({ARGS})", "openai.ChatCompletion.create"),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_a_call_is_followed_to_the_library(case: str, tmp_path: Path) -> None:
    """The client, or the function, is traced to its import: the call is certain."""
    code, api = CERTAIN[case]
    site = only(tmp_path, code)
    assert (api, "certain", "") == (site.api, site.sure, site.reason)


LIKELY = {
    "a client nobody knows": (f"def f(c):\n    return c.chat.completions.create({ARGS})", "its client `c` could not"),
    "a client from elsewhere": (
        f"from ours import client\nclient.chat.completions.create({ARGS})",
        "its client `",
    ),
    "another library's client of the same face": (
        f"from langfuse.openai import OpenAI\nOpenAI().chat.completions.create({ARGS})",
        "its client is langfuse.openai.OpenAI",
    ),
    "responses beside an import": (
        'import openai\ndef f(c):\n    return c.responses.create(model="gpt-4o", input="x")',
        "its client `c` could not",
    ),
    "handed to a thread": (
        f"import asyncio\nimport openai\nc = openai.OpenAI()\nasyncio.to_thread(c.chat.completions.create, {ARGS})",
        "handed to `asyncio.to_thread`",
    ),
    "handed to a retry": (
        (
            "from openai import OpenAI\nfrom ours import retry\nc = OpenAI()\nretry(c.responses.create, 3, "
            'model="gpt-4o", input="x")'
        ),
        "handed to `retry`",
    ),
}


@pytest.mark.parametrize("case", LIKELY)
def test_a_call_by_its_form_is_likely(case: str, tmp_path: Path) -> None:
    """What has the SDK's form, and could not be followed, says why."""
    code, reason = LIKELY[case]
    site = only(tmp_path, code)
    assert ("likely", True) == (site.sure, site.reason.startswith(reason)), site.reason


def test_a_call_with_little_to_go_by_is_possible(tmp_path: Path) -> None:
    """`responses.create` is a common name: without any import of openai, model and input must speak for it."""
    site = only(tmp_path, 'def f(gateway):\n    return gateway.responses.create(model="gpt-4o", input="x")')
    assert ("possible", True) == (site.sure, site.reason.endswith("nothing here imports openai"))


NO_CALL = {
    "a comment": f"from openai import OpenAI\n# OpenAI().chat.completions.create({ARGS})",
    "a docstring": f'"""Use openai.chat.completions.create({ARGS})."""\nimport openai',
    "a text": f"import openai\nhelp = 'openai.chat.completions.create({ARGS})'",
    "another vendor": f"from groq import Groq\nGroq().chat.completions.create({ARGS})",
    "another vendor by annotation": f"from groq import Groq\ndef f(c: Groq):\n    c.chat.completions.create({ARGS})",
    "anthropic": 'import anthropic\nanthropic.Anthropic().messages.create(model="claude", messages=[])',
    "a manager of a table": "def f(survey):\n    return survey.responses.create(user=1)",
    "a vector store": "def f(db):\n    return db.embeddings.create(vector=[1])",
    "the responses library": 'import responses\nresponses.add("GET", "https://api.openai.com")',
    "a method of another client's part": "from openai import OpenAI\nOpenAI().files.create(file=b'')",
    "listing": "from openai import OpenAI\nOpenAI().models.list()",
    "a class of one's own": 'class ChatOpenAI:\n    pass\nChatOpenAI(model="gpt-4o")',
    "a function of one's own": 'def completion(model):\n    return model\ncompletion(model="gpt-4o")',
    "nothing": "x = 1",
}


@pytest.mark.parametrize("case", NO_CALL)
def test_what_only_looks_like_a_call_is_none(case: str, tmp_path: Path) -> None:
    """Comments, texts, other vendors and things that happen to have the same names."""
    assert () == sites_of(tmp_path, NO_CALL[case])


# --- Through helpers --------------------------------------------------------------------------------------


def test_callers_of_a_helper_bring_the_prompt(tmp_path: Path) -> None:
    """The SDK's call is told once; each caller with words of its own is told too, with what the helper adds."""
    files: dict[str, str | bytes] = {
        "app/llm.py": """
            from openai import OpenAI

            client = OpenAI()

            def ask(prompt, model="gpt-4o", **options):
                messages = [{"role": "user", "content": prompt}]
                return client.chat.completions.create(model=model, messages=messages, temperature=0, **options)
            """,
        "app/uses.py": """
            from app.llm import ask

            def short(text):
                return ask(f"Shorten: {text}", max_tokens=9)

            def tags(text):
                return ask("Give tags for " + text, "gpt-4o-mini")

            def plain(text):
                return ask(text)
            """,
    }
    direct, *through = scanned(tmp_path, files).sites
    assert ("app/llm.py", (), ("**options",)) == (direct.spot.file, direct.through, direct.at_run_time)
    assert [
        ("short", ["gpt-4o"], "Shorten: {{ text }}", {"max_tokens": 9, "temperature": 0}, (direct.spot,)),
        ("tags", ["gpt-4o-mini"], "Give tags for {{ text }}", {"temperature": 0}, (direct.spot,)),
    ] == [(site.function, models(site), site.messages[0].content, site.parameters, site.through) for site in through]


def test_every_caller_of_a_helper_is_told_when_asked_for(tmp_path: Path) -> None:
    """One that brings no words of its own is told with what the helper says and who stands behind it; not drafted."""
    files: dict[str, str | bytes] = {
        "app.py": """
            from openai import OpenAI

            def ask(prompt, model="gpt-4o"):
                messages = [{"role": "user", "content": prompt}]
                return OpenAI().chat.completions.create(model=model, messages=messages)

            def plain(text):
                return ask(text)

            def unrelated(text):
                return len(text)
            """,
    }
    (alone,) = scanned(tmp_path, files).sites
    direct, caller = scanned(tmp_path, files, every_caller=True).sites
    assert alone == direct
    assert ("plain", ["gpt-4o"], (direct.spot,)) == (caller.function, models(caller), caller.through)
    assert [] == list(drafts_of([caller]))


def test_helpers_of_helpers_are_followed(tmp_path: Path) -> None:
    """Three functions deep; a function that calls itself ends."""
    code = """
        from openai import OpenAI

        def low(messages):
            return OpenAI().chat.completions.create(model="gpt-4o", messages=messages)

        def middle(system, text):
            return low([{"role": "system", "content": system}, {"role": "user", "content": text}])

        def high(text):
            return middle("You are brief.", text)

        def endless(text):
            return endless(text) or low(endless(text))
        """
    found = {site.function: [message.content for message in site.messages] for site in sites_of(tmp_path, code)}
    assert ["You are brief.", "{{ text }}"] == found["high"]


def test_a_long_caller_hides_no_other(tmp_path: Path) -> None:
    """What reading one caller costs leaves the next one as much as it needs."""
    many = ", ".join(map(str, range(6_000)))
    files: dict[str, str | bytes] = {
        "llm.py": """
            from openai import OpenAI

            def ask(prompt, extra=()):
                return OpenAI().responses.create(model="gpt-4o", input=prompt)
            """,
        "first.py": f"from llm import ask\n\ndef long():\n    return ask('Add these up.', [{many}])\n",
        "second.py": "from llm import ask\n\ndef short():\n    return ask('Say hello.')\n",
    }
    assert ["ask", "long", "short"] == sorted(site.function for site in scanned(tmp_path, files).sites)


def test_a_helper_is_followed_to_the_class_above(tmp_path: Path) -> None:
    """`super().handle(...)` is a call of the parent's method: who calls the child's brings the prompt."""
    code = """
        from openai import OpenAI

        class Handler:
            def handle(self, prompt, model):
                return OpenAI().responses.create(model=model, input=prompt)

        class Loud(Handler):
            def handle(self, prompt, **options):
                return super().handle(prompt=prompt, **options)

        def main(text):
            return Loud().handle("Shout: " + text, model="gpt-4o")
        """
    _, told = sites_of(tmp_path, code)
    assert ("main", ["gpt-4o"], "Shout: {{ text }}") == (told.function, models(told), told.messages[0].content)


def test_a_constructor_gives_the_prompt(tmp_path: Path) -> None:
    """An object that is made with its instructions and its model asks with them."""
    code = """
        from openai import OpenAI

        class Bot:
            def __init__(self, instructions, model="gpt-4o"):
                self.client = OpenAI()
                self.instructions = instructions
                self.model = model

            def say(self, text):
                return self.client.responses.create(model=self.model, instructions=self.instructions, input=text)

        pirate = Bot("You are a pirate.", model="gpt-4o-mini")
        """
    direct, made = sites_of(tmp_path, code)
    assert (["gpt-4o?"], ["gpt-4o-mini"]) == (models(direct), models(made))
    assert [("system", "You are a pirate."), ("user", "{{ text }}")] == [
        (message.role, message.content) for message in made.messages
    ]


def test_callers_in_tests_are_not_told(tmp_path: Path) -> None:
    """A test that calls a helper writes no prompt of the application; a direct call in it is told, with its role."""
    files: dict[str, str | bytes] = {
        "llm.py": """
            from openai import OpenAI

            def ask(prompt):
                return OpenAI().responses.create(model="gpt-4o", input=prompt)
            """,
        "tests/test_llm.py": """
            import openai
            from llm import ask

            def test_it():
                ask("Say something nice about tests.")
                openai.responses.create(model="gpt-4o", input="ping")
            """,
    }
    assert [("llm.py", "code"), ("tests/test_llm.py", "tests")] == [
        (site.spot.file, site.role) for site in scanned(tmp_path, files).sites
    ]


# --- Frameworks -------------------------------------------------------------------------------------------


def test_a_chain_joins_prompt_and_model(tmp_path: Path) -> None:
    """`prompt | model` and `model.invoke(...)` are told with the model's constructor behind them."""
    code = """
        from langchain_core.messages import HumanMessage, SystemMessage
        from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
        from langchain_openai import ChatOpenAI

        llm = ChatOpenAI(model="gpt-4o", temperature=0)
        chain = PromptTemplate.from_template("Tell of {topic}") | llm
        ChatPromptTemplate([("system", "Be {{brief}}."), ("human", "{text}")]) | llm.bind(stop=["x"])
        llm.invoke([SystemMessage(content="You count."), HumanMessage("1, 2")])
        llm.invoke("Say hi")
        """
    direct, *uses = sites_of(tmp_path, code)
    assert ("langchain.ChatOpenAI", ()) == (direct.api, direct.through)
    assert [
        ["Tell of {{ topic }}"],
        ["Be {brief}.", "{{ text }}"],
        ["You count.", "1, 2"],
        ["Say hi"],
    ] == [[message.content for message in site.messages] for site in uses]
    assert {(direct.spot,)} == {site.through for site in uses}
    assert {"temperature": 0, "stop": ["x"]} == dict(uses[1].parameters)


def test_other_languages_are_read_by_pattern(tmp_path: Path) -> None:
    """The form of the call is enough for a likely site; a model's name is looked for in the call, then above it."""
    files: dict[str, str | bytes] = {
        "a.ts": """
            import OpenAI from "openai";
            const MODEL = "gpt-4o";
            await new OpenAI().chat.completions.create({ model: MODEL, messages, max_tokens: 5 });
            """,
        "b.js": 'const c = require("openai");\nc.responses.create({model: process.env.M || "gpt-4o", input: `${n}`})',
        "c.go": 'import "openai-go"\nx := c.Chat.Completions.New(ctx, P{Model: openai.ChatModelGPT4oMini})',
        "D.java": (
            "import com.openai.client.OpenAIClient;\nvar p = P.builder().model(ChatModel.GPT_4O)"
            ".build();\nclient.chat().completions().create(p);"
        ),
        "e.cs": 'using OpenAI.Chat;\nvar c = new ChatClient("gpt-4o", key);',
        "f.rb": 'require "openai"\nclient.chat(parameters: { model: "gpt-4o", messages: m })',
        "g.php": "use OpenAI;\n$client->chat()->create(['model' => 'gpt-4o', 'messages' => []]);",
        "h.rs": 'use async_openai::Client;\nlet r = R::default().model("gpt-4o").build()?;\nc.chat().create(r).await?;',
        "i.sh": 'curl https://api.openai.com/v1/responses -d \'{"model": "gpt-4o"}\'',
    }
    assert [
        ("a.ts", CHAT, ["gpt-4o"]),
        ("b.js", "responses.create", ["gpt-4o?"]),
        ("c.go", CHAT, ["gpt-4o-mini?"]),
        ("D.java", CHAT, ["gpt-4o?"]),
        ("e.cs", CHAT, ["gpt-4o?"]),
        ("f.rb", CHAT, ["gpt-4o?"]),
        ("g.php", CHAT, ["gpt-4o?"]),
        ("h.rs", CHAT, ["gpt-4o?"]),
        ("i.sh", "http:/v1/responses", ["gpt-4o?"]),
    ] == sorted(
        ((site.spot.file, site.api, models(site)) for site in scanned(tmp_path, files).sites),
        key=lambda row: row[0].lower(),
    )


def test_names_in_configuration_are_told(tmp_path: Path) -> None:
    """YAML, JSON, TOML and environment files: what names a model, by which key; comments and prose are not."""
    files: dict[str, str | bytes] = {
        "a.yaml": "# gpt-4\nmodel: gpt-4o  # not gpt-4\nlist:\n  - gpt-4o-mini\nnote: uses gpt-4 daily\n",
        "b.json": '{"llm": {"model": "gpt-4o"}, "o": "o1", "reasoning_model": "o1"}',
        "c.toml": '[llm]\nmodels = ["gpt-4o", "gpt-4.1"]\n',
        ".env": "MODELS=gpt-4o,gpt-4.1\n",
        "package-lock.json": '{"model": "gpt-4o"}',
    }
    assert [
        (".env", 1, "MODELS", "gpt-4o"),
        (".env", 1, "MODELS", "gpt-4.1"),
        ("a.yaml", 2, "model", "gpt-4o"),
        ("a.yaml", 4, "list", "gpt-4o-mini"),
        ("b.json", 1, "model", "gpt-4o"),
        ("b.json", 1, "reasoning_model", "o1"),
        ("c.toml", 2, "models", "gpt-4o"),
        ("c.toml", 2, "models", "gpt-4.1"),
    ] == [(one.spot.file, one.spot.line, one.key, one.model) for one in scanned(tmp_path, files).mentions]


IN_PACKAGES = {
    "a resource kept": (
        "from openai import OpenAI\nclass A:\n    def __init__(self):\n        self.c = OpenAI().chat.completions\n"
        f"    def ask(self):\n        return self.c.create({ARGS})"
    ),
    "a method chosen": (
        "from openai import OpenAI\nc = OpenAI()\ndef f(strict, **options):\n"
        "    ask = c.beta.chat.completions.parse if strict else c.chat.completions.create\n    return ask(**options)"
    ),
    "an import in a function": (
        f"def f():\n    import openai\n    c = openai.OpenAI()\n    return c.chat.completions.create({ARGS})"
    ),
    "a field of pydantic's, filled by a validator": (
        "from typing import Any\nimport openai\nfrom pydantic import BaseModel, Field\n"
        "class A(BaseModel):\n    root: Any = Field(default=None)\n    client: Any = None\n"
        "    def validate_it(self):\n        self.root = openai.OpenAI()\n"
        "        self.client = self.root.chat.completions\n"
        "    def ask(self, **more):\n        return self.client.create(**more)"
    ),
    "a call in a lambda": (
        f"from openai import OpenAI\nc = OpenAI()\nretry = print\nretry(lambda: c.chat.completions.create({ARGS}))"
    ),
    "a call in a comprehension": (
        "from openai import OpenAI\nc = OpenAI()\n"
        'r = [c.chat.completions.create(model="gpt-4o", messages=m) for m in [[]]]'
    ),
    "gathered": (
        "import asyncio\nfrom openai import AsyncOpenAI\nc = AsyncOpenAI()\n"
        f"async def f():\n    return await asyncio.gather(*(c.chat.completions.create({ARGS}) for _ in range(3)))"
    ),
    "a chain over lines": (
        f"from openai import OpenAI\nr = (\n    OpenAI()\n    .chat\n    .completions\n    .create({ARGS})\n)"
    ),
    "an executor": (
        "import functools\nfrom openai import OpenAI\nc = OpenAI()\ndef f(loop, **more):\n"
        "    return loop.run_in_executor(None, functools.partial(c.chat.completions.create, **more))"
    ),
}


@pytest.mark.parametrize("case", IN_PACKAGES)
def test_calls_as_libraries_write_them(case: str, tmp_path: Path) -> None:
    """Clients and resources kept in attributes, methods chosen at run time, calls inside other expressions."""
    site = only(tmp_path, IN_PACKAGES[case])
    assert site.api.startswith("chat.completions.")
    assert site.sure in ("certain", "likely")
