"""What people said of answers, one JSON line a rating, in `ratings.jsonl` beside the goldens of a flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from migrate.edges.goldens.folders import Folder, file_stem
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName, JsonObject, Rating

FILE: Final = "ratings.jsonl"
SIGNED: Final = frozenset({"rater", "shown"})
"""Who rated is said on purpose; hashes are none of anybody's data."""
MARKS: Final = range(1, 6)


class RatingFiles:
    """Implements `ports.Ratings` under the folder of the goldens; writers take turns folder by folder."""

    def __init__(self, root: Path, redactor: Redactor) -> None:
        self.root = root
        self._redactor = redactor

    def add(self, ratings: Sequence[Rating]) -> None:
        for flow in dict.fromkeys(rating.flow for rating in ratings):
            self._append(flow, [_document(rating) for rating in ratings if rating.flow == flow])

    def _append(self, flow: FlowName, entries: Sequence[JsonObject]) -> None:
        lines = "".join(json.dumps(self._redacted(entry), sort_keys=True) + "\n" for entry in entries).encode()

        def appended(old: bytes | None) -> bytes:
            before = old or b""
            return before + (b"" if not before or before.endswith(b"\n") else b"\n") + lines

        Folder(self.root, file_stem(flow)).change(FILE, appended)

    def of_flow(self, flow: FlowName) -> tuple[Rating, ...]:
        folder = Folder(self.root, file_stem(flow))
        content = folder.read(FILE) or b""
        lines = enumerate(content.splitlines(), 1)
        return tuple(_rating(flow, line, f"{folder.shown(FILE)}:{number}") for number, line in lines if line)

    def _redacted(self, entry: JsonObject) -> dict[str, Any]:
        return {key: value if key in SIGNED else self._redactor.value(value) for key, value in entry.items()}


def _document(rating: Rating) -> JsonObject:
    withdrawn = {"withdrawn": True} if rating.withdrawn else {}
    return withdrawn | {
        "at": rating.at,
        "rater": rating.rater,
        "case": rating.case,
        "candidate": rating.candidate,
        "preferred": rating.preferred,
        "correct": {"baseline": rating.baseline_correct, "candidate": rating.candidate_correct},
        "left": rating.left,
        "shown": {"baseline": rating.baseline_shown, "candidate": rating.candidate_shown},
        "sample": {"seed": rating.seed, "drawn": rating.drawn, "of": rating.of},
    }


def _rating(flow: FlowName, line: bytes, where: str) -> Rating:
    try:
        entry = json.loads(line)
        correct, shown, sample = entry["correct"], entry["shown"], entry["sample"]
        rating = Rating(
            flow=flow,
            case=CaseId(entry["case"]),
            candidate=entry["candidate"],
            rater=entry["rater"],
            preferred=entry["preferred"],
            baseline_correct=correct["baseline"],
            candidate_correct=correct["candidate"],
            left=entry["left"],
            baseline_shown=shown["baseline"],
            candidate_shown=shown["candidate"],
            seed=sample["seed"],
            drawn=sample["drawn"],
            of=sample["of"],
            at=entry["at"],
            withdrawn=entry.get("withdrawn", False) is True,
        )
    except (ValueError, RecursionError, KeyError, TypeError) as problem:
        raise _unreadable(where) from problem
    whole = rating.preferred in ("baseline", "candidate", "tie") and rating.left in ("baseline", "candidate")
    if not whole or not {rating.baseline_correct, rating.candidate_correct} <= set(MARKS):
        raise _unreadable(where)
    return rating


def _unreadable(where: str) -> StoreProblem:
    return StoreProblem(f"{where} is no rating", hint="restore the file from git, or remove the line")
