"""What safety costs: `python benchmarks/safety.py`.

Printed are the median and the least CPU or wall time of many rounds: redaction of 10 KB of business text, clean and
with ten data in it, one golden written durably (checksum, temporary file, fsync, rename, fsync of the folder), and
`doctor` over this repository, imports included.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from migrate.edges.goldens import GoldenFiles
from migrate.redaction import Redactor
from tests.goldens.golden_nouns import golden

LINE = "On 2025-01-15 order NL-2025-104233 (EUR 1,234.50) was late; estimated_delivery_date is unknown. "
CLEAN = (LINE * 120)[:10_240]
DATA = " Mail anna.smith@example.com, card 4111 1111 1111 1111, phone +31 6 12345678. "
MIXED = "".join(CLEAN[at : at + 3_000] + DATA for at in range(0, 9_000, 3_000))[:10_240]
ROUNDS = 200


def timed(work: Callable[[int], object], clock: Callable[[], float]) -> list[float]:
    """Return milliseconds of each round."""
    taken = []
    for number in range(ROUNDS):
        started = clock()
        work(number)
        taken.append((clock() - started) * 1000)
    return taken


def row(name: str, taken: list[float], target: str) -> None:
    print(f"{name:44} median {statistics.median(taken):7.3f} ms   least {min(taken):7.3f} ms   target {target}")


def main() -> None:
    row("redaction, 10 KB, clean (CPU)", timed(lambda n: Redactor().text(f"{CLEAN}{n}"), time.process_time), "1 ms")
    row("redaction, 10 KB, 9 data (CPU)", timed(lambda n: Redactor().text(f"{MIXED}{n}"), time.process_time), "1 ms")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        files = GoldenFiles(Path(folder) / "fixtures", Redactor())
        taken = timed(lambda n: files.write(golden(f"case-{n}", f"It is late, {n}.")), time.perf_counter)
        row("golden, checksum and fsync (wall)", taken, "5 ms")
        cpu = timed(lambda n: files.write(golden(f"more-{n}", f"It is late, {n}.")), time.process_time)
        row("golden, checksum and fsync (CPU)", cpu, "")
    taken = [doctor_cpu() for _ in range(5)]
    row("doctor, this repository (CPU)", taken, "2000 ms")


def doctor_cpu() -> float:
    """Return the CPU milliseconds of one `doctor`, a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "migrate", "doctor"], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


if __name__ == "__main__":
    main()
