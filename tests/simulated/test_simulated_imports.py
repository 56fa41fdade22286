"""The habit log is an account of its own: the room knows nothing of the judge."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import migrate.edges.providers.simulated as room


def test_no_module_of_the_room_names_the_judge() -> None:
    """No file of the simulated provider imports anything of `migrate.comparing`, or another edge."""
    named: set[str] = set()
    for file in Path(room.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
            elif isinstance(node, ast.Import):
                named.update(alias.name for alias in node.names)
    ours = {name for name in named if name.startswith("migrate") and "simulated" not in name}
    assert {"migrate", "migrate.canonical", "migrate.catalogue", "migrate.errors", "migrate.vocabulary"} == ours


def test_running_it_does_not_load_the_judge() -> None:
    """Even indirectly nothing of `migrate.comparing` is loaded by the server, its habits and its launcher."""
    room_modules = "server, performing, habits, launcher"
    code = (
        f"from migrate.edges.providers.simulated import {room_modules}; import sys; "
        "print([name for name in sys.modules if name.startswith('migrate.comparing')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == out.stdout.strip()


def test_the_launcher_is_light() -> None:
    """Importing the launcher, which every run may need, loads neither aiohttp nor the habits."""
    code = "import migrate.edges.providers.simulated, sys; print('aiohttp' in sys.modules, len(sys.modules) < 400)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False True" == out.stdout.strip()
