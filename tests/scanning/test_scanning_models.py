"""Which model a call asks: from a literal through constants, parameters, settings and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from source_trees import models, only, scanned, sites_of

HEAD = "import os\nfrom openai import OpenAI\nclient = OpenAI()\n"
CALL = "client.chat.completions.create(model=MODEL, messages=[])\n"

SAID = {
    "a literal": ('MODEL = "gpt-4o"', ["gpt-4o"]),
    "a constant of a constant": ('BASE = "gpt-4o"\nMODEL = BASE', ["gpt-4o"]),
    "a sum": ('BASE = "gpt-4o"\nMODEL = BASE + "-mini"', ["gpt-4o-mini"]),
    "an f-string": ('SIZE = "mini"\nMODEL = f"gpt-4o-{SIZE}"', ["gpt-4o-mini"]),
    "a percent format": ('MODEL = "gpt-%s" % "4o"', ["gpt-4o"]),
    "a format": ('MODEL = "gpt-{}".format("4o")', ["gpt-4o"]),
    "a router's prefix": ('NAME = "gpt-4o"\nMODEL = f"openai/{NAME}"', ["openai/gpt-4o"]),
    "an environment default": ('MODEL = os.environ.get("M", "gpt-4o")', ["gpt-4o?"]),
    "getenv": ('MODEL = os.getenv("M", "gpt-4o")', ["gpt-4o?"]),
    "an or": ('MODEL = os.getenv("M") or "gpt-4o"', ["gpt-4o?"]),
    "an environment without a default": ('MODEL = os.environ["M"]', ["($M)"]),
    "a dictionary": ('MODELS = {"a": "gpt-4o", "b": "gpt-4.1"}\nMODEL = MODELS["b"]', ["gpt-4.1"]),
    "a nested dictionary": ('C = {"llm": {"model": "gpt-4o"}}\nMODEL = C["llm"]["model"]', ["gpt-4o"]),
    "a dictionary's get": ('C = {}\nMODEL = C.get("model", "gpt-4o")', ["gpt-4o"]),
    "a dictionary by a key of run time": (
        'import sys\nC = {"a": "gpt-4o", "b": "gpt-4.1"}\nMODEL = C[sys.argv[1]]',
        ["gpt-4o?", "gpt-4.1?"],
    ),
    "a choice": ('import sys\nMODEL = "gpt-4o" if sys.argv else "gpt-4.1"', ["gpt-4o?", "gpt-4.1?"]),
    "branches": (
        'import sys\nif sys.argv:\n    MODEL = "gpt-4o"\nelse:\n    MODEL = "gpt-4.1"',
        ["gpt-4o?", "gpt-4.1?"],
    ),
    "the last of two": ('MODEL = "gpt-4"\nMODEL = "gpt-4o"', ["gpt-4o"]),
    "a class attribute": ('class C:\n    name = "gpt-4o"\nMODEL = C.name', ["gpt-4o"]),
    "what a library looks up by a key": (
        'import dynaconf\nC = dynaconf.Dynaconf()\nMODEL = C.get("DEFAULT_MODEL")',
        ["(MODEL)"],
    ),
    "an object of a library": ('from somewhere import Model\nMODEL = Model("gpt-4o")', ["gpt-4o"]),
    "a framework's function": ('from somewhere import load\nMODEL = load("gpt-4o")', ["gpt-4o"]),
    "an enumeration": ('import enum\nclass C(str, enum.Enum):\n    A = "gpt-4o"\nMODEL = C.A.value', ["gpt-4o"]),
    "an enumeration by value": ('import enum\nclass C(enum.Enum):\n    A = "gpt-4o"\nMODEL = C("gpt-4o")', ["gpt-4o"]),
    "an instance": (
        'class C:\n    def __init__(self, m="gpt-4"):\n        self.m = m\nMODEL = C("gpt-4o").m',
        ["gpt-4o"],
    ),
    "a dataclass": (
        'from dataclasses import dataclass\n@dataclass\nclass C:\n    m: str = "gpt-4o"\nMODEL = C().m',
        ["gpt-4o?"],
    ),
    "a dataclass that is told": (
        'from dataclasses import dataclass\n@dataclass\nclass C:\n    m: str = "gpt-4o"\nMODEL = C(m="gpt-4.1").m',
        ["gpt-4.1"],
    ),
    "a property": ('class C:\n    @property\n    def m(self):\n        return "gpt-4o"\nMODEL = C().m', ["gpt-4o"]),
    "a function": ('def pick():\n    return "gpt-4o"\nMODEL = pick()', ["gpt-4o"]),
    "a function with an early return": (
        'def pick(x=0):\n    if x:\n        return "gpt-4o"\n    return "gpt-4.1"\nMODEL = pick()',
        ["gpt-4o?", "gpt-4.1?"],
    ),
    "a function of its argument": (
        'def pick(size):\n    return "gpt-4o-" + size\nMODEL = pick("mini")',
        ["gpt-4o-mini"],
    ),
    "a lambda": ('pick = lambda size: f"gpt-4o-{size}"\nMODEL = pick("mini")', ["gpt-4o-mini"]),
    "unpacking": ('MODEL, LIMIT = "gpt-4o", 3', ["gpt-4o"]),
    "a namespace": ('from types import SimpleNamespace\nC = SimpleNamespace(m="gpt-4o")\nMODEL = C.m', ["gpt-4o"]),
    "json in the code": ('import json\nMODEL = json.loads(\'{"m": "gpt-4o"}\')["m"]', ["gpt-4o?"]),
    "getattr": ('import sys\nMODEL = getattr(sys, "m", "gpt-4o")', ["gpt-4o?"]),
    "a cast": ('from typing import cast\nMODEL = cast(str, "gpt-4o")', ["gpt-4o"]),
    "nothing": ("import other\nMODEL = other.name()", ["(MODEL)"]),
}


@pytest.mark.parametrize("case", SAID)
def test_a_module_says_its_model(case: str, tmp_path: Path) -> None:
    """The name is followed as far as the text alone says where it leads; what could be another is marked."""
    code, expected = SAID[case]
    assert expected == models(only(tmp_path, f"{HEAD}{code}\n{CALL}"))


INSIDE = {
    "a parameter's default": ('def f(model="gpt-4o"):\n    return {call}', ["gpt-4o?"]),
    "a keyword-only default": ('def f(*, model="gpt-4o"):\n    return {call}', ["gpt-4o?"]),
    "a parameter without one": ("def f(model):\n    return {call}", ["(model)"]),
    "a default replaced": ('def f(model=None):\n    model = model or "gpt-4o"\n    return {call}', ["gpt-4o?"]),
    "a default replaced in a branch": (
        'def f(model=None):\n    if model is None:\n        model = "gpt-4o"\n    return {call}',
        ["gpt-4o?"],
    ),
    "a loop": ('def f():\n    for model in ("gpt-4o", "gpt-4.1"):\n        {call}', ["gpt-4o?", "gpt-4.1?"]),
    "an outer function": (
        'def f():\n    model = "gpt-4o"\n    def g():\n        return {call}\n    return g',
        ["gpt-4o"],
    ),
    "a walrus": ('def f():\n    if (model := "gpt-4o"):\n        return {call}', ["gpt-4o"]),
    "typer": ('import typer\ndef f(model: str = typer.Option("gpt-4o")):\n    return {call}', ["gpt-4o?"]),
    "click": (
        'import click\n@click.command()\n@click.option("--model", default="gpt-4o")\ndef f(model):\n    return {call}',
        ["gpt-4o?"],
    ),
    "fastapi's injection": (
        'from fastapi import Depends\ndef m():\n    return "gpt-4o"\ndef f(model=Depends(m)):\n    return {call}',
        ["gpt-4o?"],
    ),
    "a try": (
        'def f():\n    try:\n        model = "gpt-4o"\n    except OSError:\n        model = "gpt-4"\n    return {call}',
        ["gpt-4o?", "gpt-4?"],
    ),
}


@pytest.mark.parametrize("case", INSIDE)
def test_a_function_says_its_model(case: str, tmp_path: Path) -> None:
    """Parameters, branches and loops: the default is what is asked unless a caller says otherwise."""
    code, expected = INSIDE[case]
    call = "client.chat.completions.create(model=model, messages=[])"
    (site, *_) = sites_of(tmp_path, HEAD + code.replace("{call}", call))
    assert expected == models(site)


def test_argparse_says_its_model(tmp_path: Path) -> None:
    """The default of an option stands for what the command line may say."""
    code = """
        import argparse
        import openai

        parser = argparse.ArgumentParser()
        parser.add_argument("-m", "--chat-model", default="gpt-4o")
        args = parser.parse_args()
        openai.chat.completions.create(model=args.chat_model, messages=[])
        """
    (use,) = only(tmp_path, code).models
    assert ("gpt-4o", "likely", "default of --chat-model") == (use.name, use.sure, use.reason)


def test_a_model_comes_from_another_module(tmp_path: Path) -> None:
    """Absolute, relative, renamed, starred, and through a package that passes it on."""
    files: dict[str, str | bytes] = {
        "shop/__init__.py": "from .settings import MODEL as CHAT_MODEL\n",
        "shop/settings.py": 'MODEL = "gpt-4o"\nSMALL = "gpt-4o-mini"\n',
        "shop/a.py": HEAD + "from shop.settings import MODEL\n" + CALL,
        "shop/b.py": HEAD + "from .settings import SMALL as MODEL\n" + CALL,
        "shop/c.py": HEAD + "from . import settings\n" + CALL.replace("MODEL", "settings.MODEL"),
        "shop/d.py": HEAD + "from .settings import *\n" + CALL,
        "shop/e.py": HEAD + "import shop.settings as s\n" + CALL.replace("MODEL", "s.SMALL"),
        "shop/f.py": HEAD + "import shop\n" + CALL.replace("MODEL", "shop.CHAT_MODEL"),
        "shop/g.py": HEAD + "import shop.settings\n" + CALL.replace("MODEL", "shop.settings.MODEL"),
    }
    found = {site.spot.file: models(site) for site in scanned(tmp_path, files).sites}
    assert {
        "shop/a.py": ["gpt-4o"],
        "shop/b.py": ["gpt-4o-mini"],
        "shop/c.py": ["gpt-4o"],
        "shop/d.py": ["gpt-4o"],
        "shop/e.py": ["gpt-4o-mini"],
        "shop/f.py": ["gpt-4o"],
        "shop/g.py": ["gpt-4o"],
    } == found


def test_a_module_beside_is_not_the_library_of_its_name(tmp_path: Path) -> None:
    """`from openai import OpenAI` means the library, though a file beside the importing one is called openai.py."""
    files: dict[str, str | bytes] = {
        "app/openai.py": 'MODEL = "gpt-4o"\n',
        "app/ask.py": HEAD + "from app.openai import MODEL\n" + CALL,
    }
    (site,) = scanned(tmp_path, files).sites
    assert ("certain", ["gpt-4o"]) == (site.sure, models(site))


def test_environment_files_say_what_a_variable_holds(tmp_path: Path) -> None:
    """What `.env` sets is told beside the code's own default, with its place."""
    files: dict[str, str | bytes] = {
        "app.py": HEAD + 'MODEL = os.environ.get("CHAT_MODEL", "gpt-4o")\n' + CALL,
        ".env": "# CHAT_MODEL=gpt-3.5-turbo\nCHAT_MODEL=gpt-4.1\n",
    }
    (site,) = scanned(tmp_path, files).sites
    assert [
        ("gpt-4o", "likely", "default of $CHAT_MODEL"),
        ("gpt-4.1", "likely", "CHAT_MODEL in .env"),
    ] == [(use.name, use.sure, use.reason) for use in site.models]
    assert ".env:2:12" == "{0.file}:{0.line}:{0.column}".format(site.models[1].spot)


@pytest.mark.parametrize(
    ("name", "text", "load"),
    [
        ("config.json", '{"llm": {"model": "gpt-4o"}}', 'import json\nC = json.load(open("config.json"))'),
        ("config.toml", '[llm]\nmodel = "gpt-4o"\n', 'import tomllib\nC = tomllib.load(open("config.toml", "rb"))'),
        ("config.yaml", "llm:\n  model: gpt-4o\n", 'import yaml\nC = yaml.safe_load(open("config.yaml"))'),
        (
            "conf/config.yml",
            "llm: {model: gpt-4o}\n",
            (
                'import yaml\nfrom pathlib import Path\nwith (Path(__file__).parent / "conf/config.yml").open() as f:\n'
                "    C = yaml.safe_load(f)"
            ),
        ),
    ],
)
def test_configuration_files_are_read_as_the_code_would(tmp_path: Path, name: str, text: str, load: str) -> None:
    """A file of the tree that the code opens by name is looked into."""
    files: dict[str, str | bytes] = {name: text, "app.py": f'{HEAD}{load}\nMODEL = C["llm"]["model"]\n{CALL}'}
    (site,) = scanned(tmp_path, files).sites
    assert ["gpt-4o?"] == models(site)


def test_a_file_outside_the_tree_is_not_read(tmp_path: Path) -> None:
    """No path in the code leads the scan out of the tree."""
    (tmp_path / "secret.json").write_text('{"m": "gpt-4o"}')
    code = f'{HEAD}import json\nMODEL = json.load(open("../secret.json"))["m"]\n{CALL}'
    (tmp_path / "tree").mkdir()
    assert ["(MODEL)"] == models(only(tmp_path / "tree", code))


def test_settings_of_pydantic_read_the_environment(tmp_path: Path) -> None:
    """A field's default and the variable with the prefix in front are both told."""
    files: dict[str, str | bytes] = {
        "app.py": """
            from openai import OpenAI
            from pydantic_settings import BaseSettings

            class Settings(BaseSettings):
                chat_model: str = "gpt-4o"

                class Config:
                    env_prefix = "SHOP_"

            OpenAI().chat.completions.create(model=Settings().chat_model, messages=[])
            """,
        ".env": "SHOP_CHAT_MODEL=gpt-4.1\n",
    }
    (site,) = scanned(tmp_path, files).sites
    assert ["gpt-4o?", "gpt-4.1?"] == models(site)


def test_inheritance(tmp_path: Path) -> None:
    """An attribute is looked up in the class, then in what it is derived from."""
    code = """
        from openai import OpenAI

        class Base:
            model = "gpt-4o"
            def __init__(self):
                self.client = OpenAI()

        class Child(Base):
            def ask(self):
                return self.client.chat.completions.create(model=self.model, messages=[])
        """
    site = only(tmp_path, code)
    assert ("certain", "Child.ask", ["gpt-4o"]) == (site.sure, site.function, models(site))
