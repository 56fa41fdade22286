"""Folding a recording: what goes beside the goldens, and what stays in the ledger alone."""

from __future__ import annotations

from pathlib import Path

from measured import compared, replay

from migrate.edges.goldens import GoldenFiles
from migrate.edges.ledger import open_ledger
from migrate.edges.recordings import RecordingStore
from migrate.ports import CaseRecord
from migrate.redaction import Redactor
from migrate.vocabulary import Answer, Call, CaseId, FlowName, Golden, Judged, Reply, Request, Sample, Usage
from migrate.workflow.fold import Fold, Folded

REFUND, LATE = FlowName("refund"), CaseId("late-parcel")


def test_a_try_cut_off_by_a_stop_is_the_run_s_and_not_the_golden_s(tmp_path: Path) -> None:
    """A recording was stopped with a call in flight and resumed: its run counts the try that may have been paid for,
    the measurements in git do not, so that no later replay's baseline costs more.
    """
    request = Request("chat", {"model": "gpt-4o"}, "k1:0", "k1:0")
    again = Call(request, Reply(Answer("{}"), "gpt-4o", usage=Usage(100, 0, None, 10)), lost=1)
    samples = (Judged(Sample(1, (again,), Answer("{}")), {}),)
    goldens = GoldenFiles(tmp_path / "fixtures", Redactor())
    goldens.write(Golden(REFUND, LATE, "gpt-4o", (request,), samples))
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", root=tmp_path)
    recordings = RecordingStore(tmp_path / "recordings.db", Redactor())
    run = replay(kind="record", candidates=())
    fold = Fold(goldens, recordings, ledger, lambda _: "0.01")
    list(fold.fold(run, [CaseRecord(compared(candidate="gpt-4o"), samples)], Folded()))
    (kept,) = ledger.records(run.id)
    assert [1] == [row.lost for row in kept.candidate]
    assert [0] == [row.lost for row in goldens.measurements(REFUND)]
    ledger.close()
    recordings.close()
