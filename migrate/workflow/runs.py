"""A run from its start to its end: its name, its accounts, its state."""

from __future__ import annotations

import datetime as dt
import platform
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from migrate import __version__
from migrate.canonical import stamp
from migrate.vocabulary import CaseVerdict, NoReplyKind, Run
from migrate.workflow.fold import Folded


def new_run(
    kind: Literal["record", "replay"],
    now: dt.datetime,
    *,
    candidates: tuple[str, ...],
    command: str,
    **facts: object,
) -> Run:
    """Return the run as it starts. Its id sorts by time and is unique enough for a team."""
    return replace(
        Run(
            id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            kind=kind,
            started_at=stamp(now),
            candidates=candidates,
            tool_version=__version__,
            python_version=platform.python_version(),
            command=command,
        ),
        **facts,  # type: ignore[arg-type]
    )


def close_run(
    run: Run,
    now: dt.datetime,
    folded: Folded,
    *,
    planned: int,
    not_run: str = "",
    skipped: Mapping[str, int] | None = None,
) -> Run:
    """Return the run with its accounts: planned = judged + no replies + skipped + not run, or it is incomplete.

    `not_run` is the reason for cases without a record (`stopped by -x`); without one they are missing, and a run
    with a missing case is incomplete.
    """
    judged = folded.cases - folded.verdicts[CaseVerdict.NO_REPLY] - len(folded.unwritten)
    accounts = {"planned": planned, "judged": judged}
    accounts.update({f"no_reply:{kind}": count for kind, count in sorted(folded.no_replies.items())})
    accounts.update({f"skipped:{reason}": count for reason, count in (skipped or {}).items()})
    accounts.update({f"not_run:{reason}": count for reason, count in sorted(folded.not_run.items())})
    if folded.unwritten:
        accounts["not_run:golden not written"] = len(folded.unwritten)
    missing = planned - sum(count for name, count in accounts.items() if name != "planned")
    if missing > 0:
        kind = not_run.partition(":")[0]
        reason = f"not_run:{kind if kind in set(NoReplyKind) else not_run or 'missing'}"
        accounts[reason] = accounts.get(reason, 0) + missing
    unfinished = missing or any(name.startswith("not_run:") for name in accounts)
    state: Literal["complete", "incomplete"] = "incomplete" if unfinished else "complete"
    return replace(run, finished_at=stamp(now), state=state, accounts=accounts)
