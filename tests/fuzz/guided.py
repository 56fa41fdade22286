"""Fuzzing led by coverage, with atheris: `python tests/fuzz/guided.py READER --runs 20000`; `nox -s guided` runs all.

The readers are those of `fuzz_targets`. atheris watches which branches of the product's own modules an input reaches
and goes on from those that reach new ones. An exception that is not of the product's family ends it with the input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent), str(Path(__file__).parents[1])]

with atheris.instrument_imports(include=["migrate.wire", "migrate.edges.goldens", "migrate.comparing"]):
    import fuzz_targets as readers


def without_seal(golden: bytes) -> bytes:
    """Return the document of a golden without its checksum, as JSON on one line."""
    return json.dumps({name: value for name, value in json.loads(golden).items() if name != "checksum"}).encode()


def read_sealed(content: bytes) -> None:
    """Read a document as a golden whose checksum is right: what is made with care comes past the first door."""
    try:
        document = json.loads(content)
        text, _ = readers.sealed({**document, "format": document.get("format", 1)})
    except (ValueError, TypeError, AttributeError, RecursionError, StopIteration):
        return
    readers.read_golden(text.encode("utf-8", "surrogatepass"))


LONGEST_S = 2
MOST_MB = 512
READERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "reply": (readers.read_reply, [json.dumps(body).encode() for body in readers.BODIES]),
    "stream": (readers.read_stream, readers.STREAMS),
    "golden": (readers.read_golden, [readers.measurement_file(), *readers.EXAMPLES]),
    "sealed golden": (read_sealed, [without_seal(example) for example in readers.EXAMPLES]),
}
"""What is read, and the whole inputs to begin from."""


def main() -> None:
    name, runs = sys.argv[1], sys.argv[sys.argv.index("--runs") + 1]
    read, examples = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, example in enumerate(examples):
            Path(folder, str(number)).write_bytes(example)
        bounds = [
            f"-runs={runs}",
            f"-timeout={LONGEST_S}",
            f"-rss_limit_mb={MOST_MB}",
            "-max_len=8192",
            "-seed=20260115",
        ]
        atheris.Setup([sys.argv[0], *bounds, folder], lambda data: read(bytes(data)) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
