"""What git knows of the checkout a run belongs to."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit checked out at `root` and whether tracked files differ from it; None where git cannot tell."""
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None, None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return head.strip(), None if changed is None else bool(changed.strip())


def reviewer_of(root: Path) -> str:
    """Return the name git signs commits with, empty where it has none."""
    return (_git(root, "config", "user.name") or "").strip()


def _git(root: Path, *words: str) -> str | None:
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
