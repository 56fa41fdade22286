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

from migrate.edges.report import Packed, pack, write_report
from migrate.evidence import weigh
from migrate.ports import CaseRecord
from migrate.presenting.report import Facts, ReportBuilder
from migrate.vocabulary import (
    Answer,
    Call,
    CaseId,
    Comparison,
    FlowName,
    Golden,
    Judged,
    Measurement,
    NoReply,
    NoReplyKind,
    Reply,
    Request,
    Rung,
    Sample,
    Timing,
    Usage,
)
from migrate.workflow.fold import measurements_of

_DATA = re.compile(r'<script type="application/gzip" id="([a-z0-9-]+)">([A-Za-z0-9+/=]*)</script>')


def documents_of(page: str) -> dict[str, Any]:
    """Return the documents a page holds: `index`, `chunk-0` ..."""
    return {name: json.loads(gzip.decompress(base64.b64decode(packed))) for name, packed in _DATA.findall(page)}


# --- Reports made of nouns, without a ledger ------------------------------------------------------------------------


def judged(index: int, text: str | None, model: str, system: str = "Sort the message.", **facts: Any) -> Judged:
    """One sample of one call; `no_reply` instead of an answer where the text is None and no tool was called."""
    tools = facts.get("tools", ())
    body = {"model": model, "messages": [{"role": "system", "content": system}, {"role": "user", "content": "Where?"}]}
    request = Request("chat", body, f"k1:{model}", "k1:p")
    if text is None and not tools:
        call = Call(request, NoReply(NoReplyKind.TIMEOUT, facts.get("fault", "no answer in 600 s")), attempts=3)
        return Judged(Sample(index, (call,), None), {Rung.ANSWERED: False})
    answer = Answer(text, tools, facts.get("refusal"), facts.get("finish", "stop"))
    reply = Reply(answer, facts.get("served", f"{model}-2025-04-14"), Usage(input_tokens=120, output_tokens=40))
    call = Call(request, reply, timing=Timing(812.5), at="2026-01-15T10:00:00Z", simulated=True)
    return Judged(Sample(index, (call,), answer), facts.get("rungs", {Rung.ANSWERED: True}))


def golden(case: str, *texts: str, flow: str = "refund", baseline: str = "gpt-4o", **facts: Any) -> Golden:
    """The golden of a case: one sample a text."""
    samples = tuple(judged(number, text, baseline, **facts) for number, text in enumerate(texts, 1))
    requests = tuple(call.request for call in samples[0].sample.calls)
    return Golden(FlowName(flow), CaseId(case), baseline, requests, samples, simulated=True, digest="a" * 64)


def trial(comparison: Comparison, *samples: Judged, baseline: tuple[Judged, ...] = ()) -> CaseRecord:
    """A case against a candidate, with what its calls cost and took."""
    return CaseRecord(comparison, samples, _measured(comparison, baseline), _measured(comparison, samples))


def _measured(comparison: Comparison, samples: Sequence[Judged]) -> tuple[Measurement, ...]:
    rows = [row for one in samples for row in measurements_of(comparison.flow, comparison.case, one.sample)]
    return tuple(replace(row, cost_usd="0.0012" if row.answered else None) for row in rows)


def write_page(
    path: Path, records: Sequence[CaseRecord], goldens: Sequence[Golden] = (), *, facts: Facts | None = None, **how: Any
) -> dict[str, Any]:
    """Write the page of these records to `path`; return its index. `largest` as in `write_report`, `run` facts."""
    known = {(one.flow, one.case): one for one in goldens}
    chunks: list[bytes] = []
    run = how.pop("run", None) or replay(simulated=True, finished_at="2026-01-15T10:05:00Z")
    builder = ReportBuilder(
        run,
        lambda flow, case: known.get((flow, case)),
        lambda chunk: chunks.append(pack(chunk)),
        size=how.pop("size", 100),
    )
    evidence = weigh(builder.watch(records), policies={})
    index = builder.index(evidence, facts or Facts())
    write_report(path, Packed("a report", pack(index), chunks), **how)
    return index
