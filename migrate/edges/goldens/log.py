"""What reviewers decided, one JSON line a decision, in `decisions.jsonl` beside the goldens of a flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from migrate.edges.goldens.folders import Folder, file_stem
from migrate.edges.goldens.turns import taking_turns
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import FlowName, Json, JsonObject

FILE: Final = "decisions.jsonl"
SIGNED: Final = frozenset({"reviewer", "base", "after", "seen"})
"""Who decided is said on purpose; hashes are none of anybody's data."""
LISTED: Final = frozenset({"wrote", "replaced"})
"""Entries of an entry, which name who decided as well."""


class DecisionFiles:
    """Implements `ports.DecisionLog` under the folder of the goldens; writers take turns folder by folder."""

    def __init__(self, root: Path, redactor: Redactor, lock: Path) -> None:
        self.root = root
        self._lock = lock
        self._redactor = redactor

    def turn(self) -> AbstractContextManager[None]:
        return taking_turns(self._lock)

    def add(self, flow: FlowName, entries: Sequence[JsonObject]) -> None:
        lines = "".join(json.dumps(self._redacted(entry), sort_keys=True) + "\n" for entry in entries).encode()

        def appended(old: bytes | None) -> bytes:
            before = old or b""
            return before + (b"" if not before or before.endswith(b"\n") else b"\n") + lines

        if entries:
            self._folder(flow).change(FILE, appended)

    def forget(self, flow: FlowName, kept: int) -> None:
        if kept == 0:
            self._folder(flow).remove(FILE)
            return

        def shortened(old: bytes | None) -> bytes:
            return b"".join([line for line in (old or b"").splitlines(keepends=True) if line.strip()][:kept])

        self._folder(flow).change(FILE, shortened)

    def entries(self, flow: FlowName) -> tuple[JsonObject, ...]:
        folder = self._folder(flow)
        content = folder.read(FILE) or b""
        return tuple(self._entry(folder, *numbered) for numbered in enumerate(content.splitlines(), 1) if numbered[1])

    def _entry(self, folder: Folder, number: int, line: bytes) -> JsonObject:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            where = f"{folder.shown(FILE)}:{number}"
            raise StoreProblem(f"{where} is no decision", hint="restore the file from git, or remove the line")
        return entry

    def _redacted(self, entry: JsonObject) -> dict[str, Json]:
        return {key: self._part(key, value) for key, value in entry.items()}

    def _part(self, key: str, value: Json) -> Json:
        if key in LISTED and isinstance(value, list):
            return [self._redacted(one) if isinstance(one, dict) else self._redactor.value(one) for one in value]
        return value if key in SIGNED else self._redactor.value(value)

    def _folder(self, flow: FlowName) -> Folder:
        return Folder(self.root, file_stem(flow))
