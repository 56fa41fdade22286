"""Run by the durability tests: writes goldens until it is killed, many times over.

`kill_writer.py safe|plain FOLDER KILLS SEED` forks a writer, kills it with SIGKILL after a random moment, and prints
one line of JSON a kill: the writes it had finished, the torn files and the temporary ones it left. `plain` is the
control: open, `json.dump`, close. The disk under the writers is made slow: it takes a golden half at a time, so that
blows fall in the middle of writes however fast the machine is.
`kill_writer.py race FOLDER TIMES` has two processes write the first golden of a flow at the same moment.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from golden_nouns import golden

from migrate.edges.goldens import GoldenFiles
from migrate.redaction import Redactor

CASES = ("late-parcel", "lost-parcel", "broken-parcel")


def text_of(round_: int) -> str:
    """Return the answer of a round: long enough that writing it takes a moment."""
    return f"{round_} " * 8_000


def write_safely(files: GoldenFiles, case: str, round_: int) -> None:
    files.write(golden(case, text_of(round_)))


def write_plainly(files: GoldenFiles, case: str, round_: int) -> None:
    files.root.joinpath("refund").mkdir(parents=True, exist_ok=True)
    with files.root.joinpath("refund", f"{case}.json").open("w") as file:
        json.dump({"format": 1, "case": case, "lines": text_of(round_).split(" ")}, file, indent=2)


def slow_the_disk() -> None:
    """Take the first half of a long write, a moment later, and leave the rest to the next call."""
    write = os.write

    def slow(handle: int, data: bytes) -> int:
        if len(data) < 1_000:
            return write(handle, data)
        taken = write(handle, data[: len(data) // 2])
        time.sleep(0.001)
        return taken

    os.write = slow


def kill_often(kind: str, folder: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    write = write_safely if kind == "safe" else write_plainly
    for _ in range(kills):
        ready, acks = os.pipe()
        child = os.fork()
        if child == 0:
            slow_the_disk()
            files, round_ = GoldenFiles(folder, Redactor()), rng.randrange(10**6)
            while True:
                for case in CASES:
                    write(files, case, round_)
                    os.write(acks, b".")
                round_ += 1
        os.close(acks)
        select.select([ready], [], [])  # the first write is done; the blow falls somewhere in the next ones
        time.sleep(rng.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done = len(os.read(ready, 1_000_000))
        os.close(ready)
        left = len(list(folder.glob("refund/.*.tmp")))
        print(json.dumps({"finished": done, "left": left, "torn": torn_in(folder)}), flush=True)


def torn_in(folder: Path) -> int:
    """Return how many goldens are no whole JSON, and remove them."""
    torn = 0
    for path in folder.glob("refund/[!.]*.json"):
        try:
            json.loads(path.read_text())
        except ValueError:
            torn += 1
            path.unlink()
    return torn


def race(folder: Path, times: int) -> None:
    for time_ in range(times):
        start, go = os.pipe()
        children = []
        for side in (1, 2):
            child = os.fork()
            if child == 0:
                os.close(go)
                os.read(start, 1)
                GoldenFiles(folder, Redactor()).write(golden("late-parcel", *[f"{side}"] * 5, flow=f"flow-{time_}"))
                os._exit(0)
            children.append(child)
        os.close(start)
        os.close(go)  # both wait on the pipe: closing it lets them run
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
    print(json.dumps({"raced": times}))


if __name__ == "__main__":
    if sys.argv[1] == "race":
        race(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        kill_often(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
