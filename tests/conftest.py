"""What every test shares: the folder of helpers on the path, and nothing from the user's environment."""

from __future__ import annotations

import importlib.util
import signal
import sys
import threading
from pathlib import Path

import pytest

# pytest reads this file when the demo is replayed too, where nothing of the tests' own is installed.
if importlib.util.find_spec("hypothesis"):
    import hypothesis

    # A busy machine is no failure of the code: what must be quick is measured in CPU time by tests of its own.
    hypothesis.settings.register_profile("unhurried", deadline=None)
    hypothesis.settings.load_profile("unhurried")

# A job in a shell's background ignores Ctrl-C, and so would all it starts, runs that are to be stopped by it too.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester"]
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, CI marks and settings of the machine never reach a test."""
    import os

    for name in list(os.environ):
        if name.startswith(("PROMPT_MIGRATE_", "OPENAI_", "AZURE_")) or name in ("CI", "COLUMNS", "PYTEST_ADDOPTS"):
            monkeypatch.delenv(name)
