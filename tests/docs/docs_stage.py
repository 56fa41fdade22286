"""A scratch project in which the blocks of one page are carried out, as a reader would, in one terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import yaml
from docs_pages import ROOT, Block

from migrate.edges.configuration import read_settings
from migrate.edges.inventory import load
from migrate.edges.ledger import open_ledger
from migrate.pricing.overrides import read_overrides

LONGEST_S: Final = 120
MINIMAL: Final = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello."}]}
"""What a part of a prompt file is put into."""
HEADER: Final = ("platform ", "rootdir:", "configfile:", "plugins:", "cachedir:")
"""Lines of pytest's header that tell of the machine; pages leave them out."""


class Stage:
    """One page's folder, terminal and background processes."""

    def __init__(self, folder: Path, ports: Mapping[str, str]) -> None:
        self.folder = folder
        self.ports = ports
        self._state = folder.parent / f"{folder.name}.state"
        self._servers: list[subprocess.Popen[bytes]] = []
        folder.mkdir()

    # --- commands

    def run(self, block: Block) -> str:
        """Run a command block; return what it printed. Fails where the exit code is another one than said."""
        script = f"{self._prologue()}\n{self._own(block.text)}"
        command = ["bash", "-c", script]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
        )
        wanted = int(block.said.get("exit", "0"))
        assert wanted == done.returncode, f"{block.where}: exit code {done.returncode}, not {wanted}:\n{done.stdout}"
        return done.stdout

    def serve(self, block: Block) -> None:
        """Start a server and wait until the page's ports are taken; it ends with the page."""
        command = shlex.split(self._own(block.text))
        environ = self._environment()
        program = shutil.which(command[0], path=environ["PATH"])
        assert program is not None, f"{block.where}: there is no {command[0]}"
        silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self._servers.append(subprocess.Popen([program, *command[1:]], cwd=self.here(), env=environ, **silent))
        until = time.monotonic() + LONGEST_S
        while not all(is_open(port) for port in self.ports.values()):
            assert time.monotonic() < until, f"{block.where}: nothing answers"
            time.sleep(0.05)

    def _prologue(self) -> str:
        # Variables and the folder carry over to the next block, as they do in a reader's terminal.
        keep = '{ printf "cd %q\\n" "$PWD"; export -p; } > "$DOCS_STATE"'
        return f"""set -euo pipefail
[ ! -f "$DOCS_STATE" ] || . "$DOCS_STATE"
trap 'code=$?; {keep}; exit $code' EXIT"""

    def _environment(self) -> dict[str, str]:
        left_out = ("PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "COV_CORE_SOURCE")
        own = {name: value for name, value in os.environ.items() if name not in left_out}
        return own | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            # Only what a reader's environment has: pytest, this plugin, and pytest-xdist for `-n`.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p promptmigrate -p xdist",
            "PROMPT_MIGRATE_TIME_SCALE": "0",
            "COLUMNS": "80",
            "DOCS_STATE": str(self._state),
        }

    def close(self) -> None:
        """End the page's servers."""
        for server in self._servers:
            server.terminate()
            server.wait(timeout=LONGEST_S)

    def _own(self, text: str) -> str:
        for shown, free in self.ports.items():
            text = text.replace(shown, free)
        return text

    # --- files and parts of files

    def here(self) -> Path:
        """Return the folder the reader stands in."""
        if not self._state.exists():
            return self.folder
        first = self._state.read_text(encoding="utf-8").splitlines()[0]
        return Path(first.removeprefix("cd "))

    def write(self, block: Block) -> None:
        """Write a block as the file it is, or at the end of it, and read that as the product would."""
        appended = "append" in block.said
        path = self.here() / block.said["append" if appended else "file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if appended else "w", encoding="utf-8") as file:
            file.write(self._own(block.text))
        check_file(path, self.here())

    def check(self, block: Block) -> None:
        """Validate an example by the product's own loader or schema."""
        text = self._own(block.text)
        if block.language == "yaml":
            self._check_prompt(yaml.safe_load(text))
        elif block.language == "toml":
            self._check_configuration(text)
        elif block.language == "json":
            check_json(block, text)
        elif block.language == "jsonl":
            for line in text.splitlines():
                self._check_prompt({"cases": [json.loads(line)]})
        elif block.language == "sql":
            self._check_query(text)
        elif block.language == "python":
            compile(text, block.where, "exec")

    def _check_prompt(self, part: object) -> None:
        """Load a part of a prompt file, put into a minimal one beside the page's own files."""
        assert isinstance(part, dict), "a part of a prompt file is a mapping"
        file = self.here() / "prompts" / "part.prompt.yml"
        file.parent.mkdir(exist_ok=True)
        # The steps of a chain have messages of their own.
        minimal = {key: value for key, value in MINIMAL.items() if key != "messages" or "steps" not in part}
        file.write_text(yaml.safe_dump({**minimal, **part}), encoding="utf-8")
        try:
            load(read_settings(self.here(), {}))
        finally:
            file.unlink()

    def _check_query(self, text: str) -> None:
        """Put a query to an empty ledger."""
        ledger = self.folder.parent / "queried.db"
        open_ledger(f"sqlite:///{ledger}", root=self.folder.parent).close()
        with closing(sqlite3.connect(ledger)) as database:
            assert database.execute(text).fetchall() == []

    def _check_configuration(self, text: str) -> None:
        folder = self.folder.parent / "configuration"
        folder.mkdir(exist_ok=True)
        name = "pyproject.toml" if "[tool." in text else "prompt-migrate.toml"
        (folder / name).write_text(text, encoding="utf-8")
        try:
            read_settings(folder, {})
        finally:
            (folder / name).unlink()


def check_file(path: Path, root: Path) -> None:
    """Read a file of a page as the product, or whoever reads it, would."""
    if path.name.endswith(".prompt.yml"):
        load(read_settings(root, {}))
    elif path.name in ("prompt-migrate.toml", "pyproject.toml"):
        read_settings(root, {})
    elif path.name == "prices.toml":
        read_overrides(path)
    elif path.suffix in (".yml", ".yaml"):
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
    elif path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line)
    elif path.suffix == ".py":
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def check_json(block: Block, text: str) -> None:
    """Check a JSON example against the schema it names."""
    import jsonschema_rs

    value = json.loads(text)
    assert "schema" in block.said, f"{block.where}: say which schema the example keeps"
    if not block.said["schema"].startswith("none"):
        schema = ROOT / "migrate" / "schemas" / f"{block.said['schema']}.schema.json"
        jsonschema_rs.validate(json.loads(schema.read_text(encoding="utf-8")), value)


def free_ports(numbers: list[str]) -> dict[str, str]:
    """Return a free port for each number."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in numbers]
    try:
        return {number: str(server.getsockname()[1]) for number, server in zip(numbers, sockets, strict=True)}
    finally:
        for server in sockets:
            server.close()


def is_open(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


# --- what was printed ------------------------------------------------------------------------------------------

SCRUBBED: Final = (
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}T[\d:.]+Z?"), "TIME"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?)?\b"), "DATE"),
    (re.compile(r"\bin \d+\.\d+s( \([\d:]+\))?"), "in SECONDS"),
    (re.compile(r"={3,}"), "==="),
    (re.compile(r"-{5,}"), "-----"),
    (re.compile(r"_{3,}"), "___"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\bgw\d\b"), "gwN"),
)
"""What differs from run to run -> what stands for it on both sides."""


def clean(printed: str) -> list[str]:
    """Return the lines of an output without pytest's words about the machine and without blank ends."""
    lines = [line.rstrip() for line in printed.splitlines() if not line.startswith(HEADER)]
    return "\n".join(lines).strip("\n").split("\n")


def scrubbed(lines: list[str]) -> list[str]:
    for pattern, word in SCRUBBED:
        lines = [pattern.sub(word, line) for line in lines]
    return lines


def matches(shown: list[str], printed: list[str]) -> bool:
    """Say whether an output is the one a page shows, where a line `...` stands for any number of lines."""
    parts: list[list[str]] = [[]]
    for line in scrubbed(shown):
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    rest = scrubbed(printed)
    if len(parts) == 1:
        return parts[0] == rest
    first, *middle, last = parts
    if rest[: len(first)] != first or (last and rest[-len(last) :] != last):
        return False
    inner = rest[len(first) : len(rest) - len(last)]
    return _in_order(middle, inner) and len(first) + len(last) <= len(rest)


def _in_order(parts: list[list[str]], lines: list[str]) -> bool:
    at = 0
    for part in parts:
        found = next((i for i in range(at, len(lines) - len(part) + 1) if lines[i : i + len(part)] == part), None)
        if found is None:
            return False
        at = found + len(part)
    return True


def replaced(page: Path, blocks: Iterator[tuple[Block, list[str]]]) -> None:
    """Put what was printed into the page, for `BLESS_DOCS=1`."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for block, printed in sorted(blocks, key=lambda pair: -pair[0].line):
        length = block.text.count("\n")
        lines[block.line : block.line + length] = printed
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
