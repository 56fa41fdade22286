"""What was rejected and comes again is known as such: the page of the next replay says so, and of no other change."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

from deciding_commands import command, decide, group
from small_project import LATE, Project

AGAIN = ("-q", "--model", "gpt-4.1", "--migrate-offline")


def decided(project: Project) -> list[tuple[str, str, str | None]]:
    """Return what the page of the newest replay holds as decided: case, verdict, group; None: the whole case."""
    assert 0 == command("report", "-o", "page.html").exit_code
    page = (project.root / "page.html").read_text("utf-8")
    packed = re.search(r'<script type="application/gzip" id="index">([A-Za-z0-9+/=]*)</script>', page)
    assert packed is not None
    index: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return sorted((one["case_id"], one["verdict"], one["group"]) for one in index["decided"])


def test_a_rejected_change_that_comes_again_is_decided(replayed: Project) -> None:
    """Rejected as a case, and replayed: the page holds it for the whole case, and once more changed in it for the group
    that is there again, and for no other."""
    amount = group("$.amount value changed")
    decide("reject", "--case", "late-parcel", "--reason", "we would pay too much")
    replayed.run(*AGAIN)
    assert [("late-parcel", "reject", None)] == decided(replayed)
    replayed.say("gpt-4.1", {LATE: '{"label": "lost", "amount": 9}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    assert [("late-parcel", "reject", amount)] == decided(replayed)


def test_a_rejection_whose_change_is_gone_is_not_told(replayed: Project) -> None:
    """The candidate was mended: there is nothing left that was rejected."""
    decide("reject", "--case", "late-parcel", "--reason", "we would pay too much")
    replayed.say("gpt-4.1", {LATE: '{"label": "late", "amount": 3}'})
    replayed.run("-q", "--model", "gpt-4.1", "--migrate-fresh")
    assert [] == decided(replayed)


def test_a_rejection_that_was_taken_back_is_not_told(replayed: Project) -> None:
    """Undone, or accepted after all: the page offers the change anew, or the run knows it as accepted."""
    decide("reject", "--case", "late-parcel", "--reason", "we would pay too much")
    assert 0 == command("review", "--undo").exit_code
    replayed.run(*AGAIN)
    assert [] == decided(replayed)
