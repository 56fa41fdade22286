"""Trees that were not written to be scanned: nothing is run, nothing hangs, nothing raises."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_trees import plant, scanned, sites_of

from migrate.edges.scanning import drafts_of, scan
from migrate.edges.scanning.others.literals import Reader
from migrate.edges.scanning.swap.plans import Policy, plan_swap

BUDGET_S = 20.0
"""CPU seconds for one hostile file, on any machine; what goes wrong here goes wrong by orders of magnitude."""

WATCHED = """
import sys
from pathlib import Path
tree = sys.argv[1]
events = []
def hook(event, args):
    if event in ("subprocess.Popen", "os.system", "os.exec", "socket.connect", "os.fork", "ctypes.dlopen"):
        events.append((event, str(args)[:200]))
    elif event == "exec" and tree in getattr(args[0], "co_filename", ""):
        events.append((event, args[0].co_filename))
    elif event == "import" and args[1] and tree in str(args[1]):
        events.append((event, str(args[1])))
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+") and tree in str(args[0]):
        events.append((event, str(args)))
from migrate.edges.scanning import drafts_of, scan
from migrate.edges.scanning.swap.plans import Policy, plan_swap
sys.addaudithook(hook)
found = scan(Path(tree), Path(tree))
drafts = drafts_of(found.sites)
plan_swap(Path(tree), Path(tree), Policy({"gpt-4o": "gpt-4.1"}))
assert found.sites and drafts, found
print(events)
"""
LOUD = """
import openai, os, pathlib
pathlib.Path(__file__).with_name("ran").write_text("it ran")
os.system("touch ran-too")
from settings import MODEL

class Loud(type):
    def __getattr__(cls, name):
        raise SystemExit("looked at")

class Config(metaclass=Loud):
    pass

eval("openai.boom()")
openai.responses.create(model=MODEL, input=f"Hello {Config.name} {__import__('os').environ}")
raise SystemExit(3)
"""


def test_nothing_of_the_tree_is_imported_or_run(tmp_path: Path) -> None:
    """Watched by an audit hook: no import, no code of the tree, no process, no socket, no file written."""
    files: dict[str, str | bytes] = {
        "app.py": LOUD,
        "settings.py": 'import sys\nsys.exit("imported")\nMODEL = "gpt-4o"\n',
        "conf.yaml": '!!python/object/apply:os.system ["touch yaml-ran"]\n',
        "load.py": 'import openai, yaml\nC = yaml.load(open("conf.yaml"))\nopenai.responses.create(model=C)\n',
        "setup.py": "raise SystemExit\n",
        "pyproject.toml": '[tool.prompt-migrate]\nnonsense = "x"\n',
    }
    plant(tmp_path, files)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ("", "[]\n") == (done.stderr, done.stdout)
    assert before == sorted(path.name for path in tmp_path.rglob("*"))


def spent(work: object) -> float:
    start = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - start


CALL = 'import openai\nopenai.responses.create(model="gpt-4o", input=x)\n'
HEAVY = {
    "a long sum": CALL + "x = " + " + ".join(['"a"'] * 3_000) + "\n",
    "deep brackets": CALL + "x = " + "(" * 90 + "1" + ")" * 90 + "\n",
    "deep attributes": CALL + "x = y" + ".a" * 900 + "\n",
    "deep calls": CALL + "x = " + "f(" * 80 + ")" * 80 + "\n",
    "a circle": "import openai\nx = y\ny = x\nopenai.responses.create(model=x, input=y)\n",
    "a circle of functions": "import openai\ndef f(): return g()\ndef g(): return f()\n"
    "openai.responses.create(model=f(), input=g())\n",
    "a circle of attributes": "import openai\nclass A:\n    def __init__(self):\n        self.a = self.b\n"
    "        self.b = self.a\n    def f(self):\n        openai.responses.create(model=self.a, input=self.b)\n",
    "a circle of classes": "import openai\nclass A(B): pass\nclass B(A): pass\n"
    "openai.responses.create(model=A.x, input=B().y)\n",
    "a class of itself": "import openai\nclass A(A): pass\nopenai.responses.create(model=A.x, input=A().y)\n",
    "doubling functions": "import openai\n"
    + "".join(f"def f{n}(): return f{n + 1}() + f{n + 1}()\n" for n in range(40))
    + 'def f40(): return "a"\nopenai.responses.create(model=f0(), input=f0())\n',
    "doubling lists": "import openai\nx0 = [1]\n"
    + "".join(f"x{n + 1} = [*x{n}, *x{n}]\n" for n in range(25))
    + "openai.responses.create(model='gpt-4o', input=x25)\n",
    "doubling texts": "import openai\nx0 = 'ab'\n"
    + "".join(f"x{n + 1} = f'{{x{n}}}{{x{n}}}'\n" for n in range(40))
    + "openai.responses.create(model='gpt-4o', input=x40)\n",
    "many branches": "import openai\nx = ''\n"
    + "".join(f"if c{n}:\n    x += 'a{n}'\n" for n in range(200))
    + "openai.responses.create(model='gpt-4o', input=x)\n",
    "many appends": "import openai\nm = []\n"
    + "m.append({'role': 'user', 'content': 'x'})\n" * 500
    + "openai.chat.completions.create(model='gpt-4o', messages=m)\n",
    "many calls": "import openai\n" + "openai.responses.create(model='gpt-4o', input='x')\n" * 3_000,
    "many callers": "import openai\ndef ask(p): return openai.responses.create(model='gpt-4o', input=p)\n"
    + "".join(f"ask('Say {n}')\n" for n in range(1_000)),
    "many names": "import openai\n" + "".join(f"x{n} = x{n + 1}\n" for n in range(3_000)) + CALL.replace("=x", "=x0"),
    "many models": "import openai\nM = {" + ", ".join(f"{n}: 'gpt-4o-{n}'" for n in range(5_000)) + "}\n"
    "openai.responses.create(model=M[k], input='x')\n",
    "a schema of circles": "import openai\nfrom pydantic import BaseModel\n"
    + "".join(f"class C{n}(BaseModel):\n    a: 'C{(n + 1) % 60}'\n    b: list['C{(n * 7) % 60}']\n" for n in range(60))
    + "openai.chat.completions.parse(model='gpt-4o', messages=[], response_format=C0)\n",
}


@pytest.mark.parametrize("case", HEAVY)
def test_heavy_python_ends(case: str, tmp_path: Path) -> None:
    """Depth, circles and doubling cost a bounded effort; the call is found all the same."""
    folder = plant(tmp_path, {"app.py": HEAVY[case]})
    assert spent(lambda: drafts_of(scan(folder, folder).sites)) < BUDGET_S
    assert scan(folder, folder).sites


NESTED = {
    "brackets": "[" * 100_000,
    "lambdas": "f = " + "lambda: " * 5_000 + "0",
    "nots": "x = " + "not " * 50_000 + "1",
    "sums": "x = " + "1+" * 100_000 + "1",
    "ifs": "".join(" " * n + "if x:\n" for n in range(99)) + " " * 99 + "pass",
}


@pytest.mark.parametrize("case", NESTED)
def test_nesting_without_end_is_listed(case: str, tmp_path: Path) -> None:
    """What Python itself refuses to nest is a file that is not read, never a crash."""
    found = scanned(tmp_path, {"deep.py": f"import openai\n{NESTED[case]}\n", "app.py": CALL})
    assert ["app.py"] == [site.spot.file for site in found.sites]


LINES = {
    "a.ts": "import openai\n" + "a." * 200_000 + "chat.completions.create(" * 5_000,
    "b.ts": "openai " + "{" * 200_000,
    "c.ts": "openai " + "`${" * 50_000,
    "d.ts": "openai " + "/*" * 200_000,
    "e.ts": "openai '" + "\\'" * 200_000,
    "f.ts": "openai" + ' client.chat.completions.create({ model: "gpt-4o", x: [' * 2_000,
    "g.yaml": "gpt-4o " + "a" * 300_000 + ":",
    "h.yaml": "model: " + "gpt-4o," * 20_000,
    "i.env": "openai\n" + "A" * 500_000 + "=gpt-4o",
    "j.json": '{"model": "gpt-4o", ' * 10_000,
    "k.toml": "x = '" + "gpt-" * 200_000 + "'",
    "l.yaml": "- gpt-4o\n" * 20_000,
    "m.sh": "openai " + "${A:-" * 100_000,
    "n.go": "openai " + "GPT4o" * 100_000,
    "o.js": "openai " + "x ? y : " * 50_000 + '"gpt-4o"',
    "p.js": "openai client.chat.completions.create({model: " + "a + " * 20_000 + '"gpt-4o"})',
    "q.py": "x = (" + "'gpt-4o', " * 10_000 + ")",
    "r.py": "# gpt-4o " * 100_000,
}


@pytest.mark.parametrize("name", LINES)
def test_heavy_lines_end(name: str, tmp_path: Path) -> None:
    """Patterns take time in proportion to a file, whatever is on its lines; a swap's do too."""
    folder = plant(tmp_path, {name: LINES[name]})
    assert spent(lambda: scan(folder, folder)) < BUDGET_S
    assert spent(lambda: plan_swap(folder, folder, Policy({"gpt-4o": "gpt-4.1"}))) < BUDGET_S


# --- Whatever is written --------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("client = OpenAI()", "client = None", "x = client", 'M = "gpt-4o"', "M = os.environ.get('M', 'gpt-4o')"),
        *(
            "client.chat.completions.create(model=M, messages=x)",
            "client.responses.create(model=M, input=f'{x!r} {M}')",
        ),
        *("x = [{'role': 'user', 'content': M}]", "x.append(x)", "x += [M]", "x = x[0]", "x = {**x}", "x = x | x"),
        *("M = M % x", "M = M.format(*x, **x)", "M = M.join(x)", "x = x.x", "x = x()", "M += '{'", "x['a'] = M"),
        *(
            "class C(BaseModel):\n    a: 'C' = M\n    def f(self): return self.f().a",
            "x = C(a=M).a",
            "x = C.f",
            "del x",
        ),
        *(
            "def f(x, *a, M=M, **k):\n    return f(M, *a, x=x, **k)",
            "x = f(x)(M)",
            "x = lambda x=x: x(M)",
            "M = x or M",
        ),
        *(
            "for M in x:\n    x = M",
            "while x:\n    x = M\n    break",
            "with x as M:\n    pass",
            "global M",
            "import x.y as M",
        ),
        *("try:\n    x = M\nexcept Y as x:\n    M = x\nfinally:\n    pass", "if x:\n    M = x\nelse:\n    x = M"),
        *(
            "match x:\n    case [M, *x]:\n        pass\n    case {'a': M}:\n        pass",
            "x = (M := x)",
            "x: M = M",
            "x: M",
        ),
        *(
            "x = [M for M in x if M]",
            "x = {M: x for x in M}",
            "async def g():\n    return await client.chat(M)",
            "*x, M = x",
        ),
        *(
            "@f\ndef h(x=client.chat.completions.create(model=M)):\n    yield x",
            "x = h",
            "from .a import *",
            "from a import M",
        ),
        *("x = partial(client.chat.completions.create, model=M)", "x(messages=[M])", "x = Template(M).render(x=x)"),
        *("self.x = M", "x = getattr(x, 'chat').completions.create(M)", "x = json.loads(M)", "x = open(M).read()"),
    ]
)
HEAD = "import json, os\nfrom functools import partial\nfrom jinja2 import Template\nfrom openai import OpenAI\n"


@settings(max_examples=250)
@given(st.lists(PIECES, max_size=14), st.booleans())
def test_any_program_is_scanned(tmp_path_factory: pytest.TempPathFactory, pieces: list[str], in_function: bool) -> None:
    """Statements in any order, reading each other's names before, after and inside themselves."""
    body = "\n".join(pieces) or "pass"
    code = body
    if in_function:
        code = "def outer(self, x, M='gpt-4o', client=None):\n" + "\n".join(f"    {line}" for line in body.split("\n"))
    try:
        ast.parse(code)
    except SyntaxError:
        return
    found = scanned(tmp_path_factory.mktemp("tree"), {"a.py": HEAD + code, "b.py": f"from a import *\n{HEAD}{code}"})
    assert () == found.unread
    drafts_of(found.sites)


@settings(max_examples=150)
@given(st.text("{}[]()`'\"$\\/*:,.?|+ \nab1=>", max_size=80))
def test_any_expression_of_javascript_is_read(text: str) -> None:
    """Half a bracket, half a text, half a comment: there is always an answer."""
    reader = Reader(text, "a.ts")
    reader.value(0, len(text))
    for at, char in enumerate(text):
        if char == "(":
            reader.arguments(at)


@settings(max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(["a.py", "a.ts", "a.yaml", "a.json", ".env", "a.toml", "a.go", "a"]))
def test_any_bytes_are_a_file(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    """Bytes of any kind are read or listed."""
    folder = tmp_path_factory.mktemp("tree")
    scanned(folder, {name: b"import openai # gpt-4o\n" + data})
    plan_swap(folder, folder, Policy({"gpt-4o": "gpt-4.1"}))


def test_names_of_files_may_be_anything(tmp_path: Path) -> None:
    """Blanks, quotes, newlines, other scripts: they are told as they are."""
    name = "a b'\"\n größe ☃.py"
    (site,) = sites_of(tmp_path, CALL, name)
    assert name == site.spot.file
    assert all("\n" not in line or line.startswith(("#", "name")) for line in drafts_of([site]) or ["#"])


BOMBS = {
    "aliases": "a0: &a0 [x]\n"
    + "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 11)),
    "merge keys": "a0: &a0 {m: gpt-4o}\n"
    + "".join(f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}\n" for level in range(1, 11)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_aliases_that_multiply_are_left_unread(bomb: str, tmp_path: Path) -> None:
    """A settings file whose aliases or merge keys would grow without end costs nothing: its value is unknown."""
    code = 'import openai, yaml\nC = yaml.safe_load(open("conf.yaml"))\nopenai.responses.create(model=C["a9"]["m"])\n'
    plant(tmp_path, {"app.py": code, "conf.yaml": BOMBS[bomb]})
    command = "import sys; from pathlib import Path; from migrate.edges.scanning import scan; "
    command += "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); "
    command += "print(len(scan(Path(sys.argv[1]), Path(sys.argv[1])).sites))"
    done = subprocess.run(
        [sys.executable, "-c", command, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ("", "1\n") == (done.stderr[-300:], done.stdout)
