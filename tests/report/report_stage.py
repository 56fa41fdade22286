"""Runs to report on, written into a real ledger; and a way back from the page to its documents."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from measured import replay

from migrate.edges.ledger import open_ledger, sqlite_url
from migrate.ports import CaseRecord
from migrate.vocabulary import Run

_DATA = re.compile(r'<script type="application/gzip" id="([a-z0-9-]+)">([A-Za-z0-9+/=]*)</script>')


def keep_run(project: Path, records: Sequence[CaseRecord], **facts: Any) -> Run:
    """Write a finished run into the project's ledger."""
    run = replay(**facts)
    state = project / ".prompt-migrate"
    state.mkdir(exist_ok=True)
    ledger = open_ledger(sqlite_url(state / "ledger.db"), root=project)
    try:
        ledger.start(replace(run, state="running", finished_at=None, accounts={}))
        ledger.add(run.id, records)
        ledger.finish(run)
    finally:
        ledger.close()
    return run


def documents_of(page: str) -> dict[str, Any]:
    """Return the documents a page holds: `index`, `chunk-0` ..."""
    return {name: json.loads(gzip.decompress(base64.b64decode(packed))) for name, packed in _DATA.findall(page)}
