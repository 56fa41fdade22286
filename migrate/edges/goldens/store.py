"""The goldens of a project: implements `ports.Goldens` over a folder of files that git keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from migrate.edges.goldens.folders import Folder, file_stem
from migrate.edges.goldens.measured import measurements_of, measurements_text
from migrate.edges.goldens.paper import Damage, opened, plain, sealed
from migrate.edges.goldens.shape import document_of, golden_of
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName, Golden, Json, Measurement

MEASUREMENTS: Final = "measurements.json"


class GoldenFiles:
    """Goldens under `root`, one folder a flow. Any number of readers; writers take turns folder by folder."""

    def __init__(self, root: Path, redactor: Redactor) -> None:
        self.root = root
        self._redactor = redactor
        self._folders: dict[str, Folder] = {}

    def read(self, flow: FlowName, case: CaseId) -> Golden | None:
        """Return the golden, or None when the case has none. Raises StoreProblem for a damaged or foreign file."""
        folder, file = self._folder(flow), f"{file_stem(case)}.json"
        content = folder.read(file)
        return None if content is None else self._golden(content, flow, case)

    def write(self, golden: Golden, *, first: bool = False) -> bool:
        """Write atomically and durably, after redaction. Return False when the bytes are already these.

        A golden with a digest was read before: it is written only if the file still has that digest. `first`: only
        if there is none yet. Raises StoreProblem when that is not so, or when the file cannot be written; then the
        file is as it was.
        """
        folder, damage = self._folder(golden.flow), self._damage(golden.flow, golden.case)
        text = self._sealed(golden)[0]

        def new(old: bytes | None) -> bytes | None:
            if golden.digest and golden.digest != (None if old is None else opened(old, damage)[1]):
                raise StoreProblem(f"{damage.name} was changed since it was read", kept="nothing was written")
            if first and old is not None and not _says(old, text):
                raise StoreProblem(
                    f"{damage.name} was recorded by another run in the meantime",
                    kept="the golden of that run in git's folder, the answers of this one in the ledger",
                    next_command=damage.next_command,
                )
            return None if _says(old, text) else text.encode()

        return folder.change(f"{file_stem(golden.case)}.json", new)

    def stored(self, golden: Golden) -> Golden:
        """Return the golden as it will be read back: redacted, numbered, without what belongs to measurements."""
        text, seal = self._sealed(golden)
        return golden_of(json.loads(text), seal)

    def measurements(self, flow: FlowName) -> tuple[Measurement, ...]:
        """Return the measurements of a flow's recorded samples; empty when there are none."""
        content = self._folder(flow).read(MEASUREMENTS)
        return () if content is None else measurements_of(content, flow, self._damage(flow, None))

    def write_measurements(self, flow: FlowName, measurements: Sequence[Measurement]) -> bool:
        """Replace the measurements of the cases named in `measurements`; those of other cases stay."""
        cases = {measurement.case for measurement in measurements}
        if not cases:
            return False

        def new(old: bytes | None) -> bytes | None:
            before = () if old is None else measurements_of(old, flow, self._damage(flow, None))
            kept = [measurement for measurement in before if measurement.case not in cases]
            text = measurements_text(flow, [*kept, *measurements])
            return None if _says(old, text) else text.encode()

        return self._folder(flow).change(MEASUREMENTS, new)

    def cases(self, flow: FlowName) -> tuple[CaseId, ...]:
        """Return the cases that have a golden, sorted."""
        folder = self._folder(flow)
        return tuple(sorted(CaseId(_name_in(folder, file, "case", file[:-5])) for file in _goldens(folder)))

    def flows(self) -> tuple[FlowName, ...]:
        """Return the flows that have goldens, sorted."""
        filled = ((folder, files[0]) for folder in self._all() if (files := _goldens(folder)))
        return tuple(sorted(FlowName(_name_in(folder, file, "flow", folder.name)) for folder, file in filled))

    def leftovers(self) -> tuple[str, ...]:
        """Return the paths of temporary files that killed writers left; the next writer of a folder sweeps them."""
        return tuple(folder.shown(file) for folder in self._all() for file in folder.leftovers())

    def leaks(self, flow: FlowName, case: CaseId) -> tuple[str, ...]:
        """Return what redaction would take out of a golden today: `github_token at $.samples[0].calls[0]...`.

        Finds what an older version left, and what a hand put in; works with redaction switched off too.
        """
        content = self._folder(flow).read(f"{file_stem(case)}.json")
        if content is None:
            return ()
        self._golden(content, flow, case)  # what has another shape is damage, and told as such
        document = json.loads(plain(content))
        for decided in (*document.get("approved", ()), *document.get("rejected", ())):
            decided.pop("reviewer", None)  # who decided is said on purpose
        texts = _texts(document, "$")
        return tuple(
            dict.fromkeys(f"{mark.kind} at {path}" for path, text in texts for mark in self._redactor.find(text))
        )

    def path(self, flow: FlowName, case: CaseId | None) -> str:
        """Return where a golden stands, or the measurements of a flow, as the user would type it."""
        return self._folder(flow).shown(MEASUREMENTS if case is None else f"{file_stem(case)}.json")

    def _all(self) -> list[Folder]:
        try:
            with os.scandir(self.root) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".") and not entry.is_file()]
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise StoreProblem(f"cannot list {self.root.name}/: {problem.strerror}") from problem
        return [self._folders.setdefault(name, Folder(self.root, name)) for name in sorted(names)]

    def _folder(self, flow: FlowName) -> Folder:
        stem = file_stem(flow)
        return self._folders.get(stem) or self._folders.setdefault(stem, Folder(self.root, stem))

    def _damage(self, flow: FlowName, case: CaseId | None) -> Damage:
        words = flow if case is None else f"{flow} and {case}"
        return Damage(self.path(flow, case), f'pytest --golden=rewrite -k "{words}"')

    def _sealed(self, golden: Golden) -> tuple[str, str]:
        for name, what in ((golden.flow, "flow"), (golden.case, "case")):
            secret = next((mark.kind for mark in self._redactor.find(name) if not mark.personal), None)
            if secret is not None:
                raise StoreProblem(
                    f"the name of a {what} looks like a secret ({secret}): it would be a file's name in git"
                )
        try:
            return sealed(document_of(golden, self._redactor))
        except ValueError as problem:
            raise StoreProblem(f"cannot keep {self.path(golden.flow, golden.case)}: {problem}") from problem

    def _golden(self, content: bytes, flow: FlowName, case: CaseId) -> Golden:
        damage = self._damage(flow, case)
        document, seal = opened(content, damage)
        try:
            golden = golden_of(document, seal)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            damage.raise_("does not have the shape of a golden", cause=problem)
        if (golden.flow, golden.case) != (flow, case):
            damage.raise_(f'is the golden of case "{golden.case}" of flow "{golden.flow}": it was moved or swapped')
        return golden


def _says(old: bytes | None, text: str) -> bool:
    """Return whether a file already says this, whatever git did to its line ends."""
    try:
        return old is not None and plain(old) == text
    except UnicodeDecodeError:
        return False


def _goldens(folder: Folder) -> list[str]:
    return [file for file in folder.files() if file.endswith(".json") and file != MEASUREMENTS]


def _name_in(folder: Folder, file: str, key: str, name: str) -> str:
    """Return the flow or case of a file: its own name, unless it was derived; then the file says it."""
    content = folder.read(file) if "~" in name else None
    if content is None:
        return name
    return str(opened(content, Damage(folder.shown(file), "prompt-migrate goldens check"))[0].get(key, name))


def _texts(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a JSON value, keys included, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"a key of {path}", key
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, f"{path}[{place}]")
