"""A swap as data: which names would change, which are left alone and why; and the writing of it."""

from __future__ import annotations

import bisect
import contextlib
import fnmatch
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from migrate.edges.scanning.nouns import Spot, Unread
from migrate.edges.scanning.python.modules import parsed
from migrate.edges.scanning.swap.words import CONSTANTS_IN, Occurrence, occurrences
from migrate.edges.scanning.trees import File, Tree, Unsuitable, content, encoding_of
from migrate.errors import UsageProblem

INCLUDES: Final[Mapping[str, str]] = {
    "tests": "pinned in a test",
    "evals": "pinned in an evaluation",
    "fixtures": "a fixture or a golden: it tells what was",
    "docs": "documentation",
    "data": "data",
    "locks": "a lock file",
    "prompts": "what is in production; promote changes it",
    "lookups": "known by its name here: a key, a comparison or a type",
    "texts": "inside longer text",
    "comments": "a comment",
}
"""Word of `--include` -> why such places are left alone without it."""

NEVER: Final[Mapping[str, str]] = {
    "snapshot": "a snapshot: name it itself to change it",
    "pieces": "put together from several pieces: change it by hand",
    "constant": "a constant of a library: change it by hand",
}
_WORD_OF: Final = {
    "key": "lookups", "comparison": "lookups", "type": "lookups", "text": "texts", "comment": "comments",
}  # fmt: skip
_OPEN_ROLES: Final = ("code", "config")
CONTEXT: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One name that changes."""

    spot: Spot
    model: str
    to: str
    before: str
    """The whole line."""
    after: str


@dataclass(frozen=True, slots=True)
class Left:
    """One name that stays."""

    spot: Spot
    model: str
    """As it is written."""
    kind: str
    """Word of `--include` that would change it; `snapshot`, `pieces` and `constant` never are."""
    reason: str


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What becomes of one file."""

    file: File
    before: bytes
    after: bytes
    changes: tuple[Change, ...]
    diff: str
    """Unified, with the file's own characters and line ends."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole swap."""

    files: tuple[FilePlan, ...]
    left: tuple[Left, ...]
    unread: tuple[Unread, ...]
    looked_at: int

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return all changes, in the order of the files."""
        return tuple(change for plan in self.files for change in plan.changes)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which names change, and where."""

    pairs: Mapping[str, str]
    """Today's model -> the one that takes its place."""
    include: tuple[str, ...] = ()
    """Words of INCLUDES, and patterns of paths below the tree's root."""

    def refusal(self, file: File, found: Occurrence) -> str | None:
        """Return the word for why a name is left alone; None when it changes."""
        if found.purpose in NEVER:
            return found.purpose
        if file.role not in _OPEN_ROLES and not self._opens(file.role, file):
            return file.role
        word = _WORD_OF.get(found.purpose)
        if word is None or word in self.include:
            return None
        # A test that is changed is changed with what it compares.
        if found.purpose == "comparison" and file.role in ("tests", "evals"):
            return None
        return word

    def _opens(self, word: str, file: File) -> bool:
        return word in self.include or any(
            fnmatch.fnmatchcase(file.name, pattern) for pattern in self.include if pattern not in INCLUDES
        )


def plan_swap(source: Path, here: Path, policy: Policy) -> Plan:
    """Return what a swap would change and leave alone in a tree; nothing is written."""
    tree = Tree(source, here)
    files: list[FilePlan] = []
    left: list[Left] = []
    unread = list(tree.unread)
    for file in tree.files:
        try:
            planned, stays = _planned(file, policy)
        except Unsuitable as problem:
            if problem.reason != "not text":
                unread.append(Unread(file.shown, problem.line, problem.reason))
            continue
        left += stays
        if planned is not None:
            files.append(planned)
    return Plan(tuple(files), tuple(left), tuple(unread), len(tree.files))


def _planned(file: File, policy: Policy) -> tuple[FilePlan | None, list[Left]]:
    data = content(file.path)
    if not _may_hold(file, data, policy):
        return None, []
    encoding = encoding_of(data, python=file.language == "python")
    text = _text(data, encoding)
    changing: list[Occurrence] = []
    left: list[Left] = []
    lines = _Lines(text)
    for found in occurrences(file, text, tuple(policy.pairs)):
        word = policy.refusal(file, found)
        if word is None:
            changing.append(found)
        else:
            reason = NEVER.get(word) or INCLUDES[word]
            left.append(Left(lines.spot(file, found.start), found.found or found.model, word, reason))
    read = _Read(file, data, encoding, text)
    return (_filled(read, changing, policy) if changing else None), left


def _may_hold(file: File, data: bytes, policy: Policy) -> bool:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if wide or file.dialect in CONSTANTS_IN or any(name.encode() in data for name in policy.pairs):
        return True
    # A name may be put together from pieces; its first one is there all the same.
    return file.language == "python" and any(re.split(r"\W", name)[0].encode() in data for name in policy.pairs)


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise Unsuitable(f"not {encoding}") from None


@dataclass(frozen=True, slots=True)
class _Read:
    """One file as it was read."""

    file: File
    data: bytes
    encoding: str
    text: str

    @property
    def plain(self) -> str:
        """Return its encoding without a byte order mark."""
        if self.encoding == "utf-16":
            return "utf-16-le" if self.data.startswith(b"\xff\xfe") else "utf-16-be"
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding


def _filled(read: _Read, changing: Sequence[Occurrence], policy: Policy) -> FilePlan:
    """Return a file with some names changed in its bytes: everything else stays as it is, byte for byte."""
    file, text = read.file, read.text
    after = _replaced(text, changing, policy)
    if file.language == "python":
        parsed(after.removeprefix("\ufeff"))
    before_lines, after_lines = _Lines(text), _Lines(after)
    changes = tuple(_change(file, found, before_lines, after_lines, policy) for found in changing)
    made = _replaced_bytes(read, changing, policy)
    return FilePlan(file, read.data, made, changes, _diff(file, before_lines, after_lines))


def _replaced(text: str, changing: Sequence[Occurrence], policy: Policy) -> str:
    parts, at = [], 0
    for found in changing:
        parts += [text[at : found.start], policy.pairs[found.model]]
        at = found.end
    return "".join([*parts, text[at:]])


def _replaced_bytes(read: _Read, changing: Sequence[Occurrence], policy: Policy) -> bytes:
    data, text, plain = read.data, read.text, read.plain
    spent = len(data) - len(text.encode(plain))
    pieces, at = [data[:spent]], 0
    for found in changing:
        start = spent + len(text[at : found.start].encode(plain))
        old = found.model.encode(plain)
        if data[start : start + len(old)] != old:
            raise Unsuitable(f"cannot be changed byte for byte in {read.encoding}")
        pieces += [data[spent:start], policy.pairs[found.model].encode(plain)]
        spent, at = start + len(old), found.end
    return b"".join([*pieces, data[spent:]])


class _Lines:
    """A text by its lines, their ends kept."""

    def __init__(self, text: str) -> None:
        self.lines = _split(text)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))

    def number(self, at: int) -> int:
        """Return the line of a character, from 0."""
        return bisect.bisect_right(self._starts, at) - 1

    def spot(self, file: File, at: int) -> Spot:
        """Return the place of a character."""
        number = self.number(at)
        return Spot(file.shown, number + 1, at - self._starts[number] + 1)


def _split(text: str) -> list[str]:
    """Return the lines of a text as git sees them: they end in a newline."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _change(file: File, found: Occurrence, before: _Lines, after: _Lines, policy: Policy) -> Change:
    number = before.number(found.start)
    return Change(
        before.spot(file, found.start),
        found.model,
        policy.pairs[found.model],
        before.lines[number].rstrip("\r\n"),
        after.lines[number].rstrip("\r\n"),
    )


def _diff(file: File, before: _Lines, after: _Lines) -> str:
    """Return a unified diff. Names change inside their lines, so that line stands against line."""
    changed = [at for at, (old, new) in enumerate(zip(before.lines, after.lines, strict=True)) if old != new]
    parts = [f"--- a/{file.shown}\n+++ b/{file.shown}\n"]
    while changed:
        last = 0
        while last + 1 < len(changed) and changed[last + 1] - changed[last] <= 2 * CONTEXT:
            last += 1
        hunk, changed = changed[: last + 1], changed[last + 1 :]
        start, stop = max(0, hunk[0] - CONTEXT), min(len(before.lines), hunk[-1] + CONTEXT + 1)
        parts.append(f"@@ -{start + 1},{stop - start} +{start + 1},{stop - start} @@\n")
        parts += _hunk(before.lines, after.lines, start, stop, set(hunk))
    return "".join(parts)


def _hunk(before: list[str], after: list[str], start: int, stop: int, changed: set[int]) -> Iterator[str]:
    at = start
    while at < stop:
        if at not in changed:
            yield _line(" ", before[at])
            at += 1
            continue
        end = at
        while end in changed:
            end += 1
        yield from (_line("-", line) for line in before[at:end])
        yield from (_line("+", line) for line in after[at:end])
        at = end


def _line(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


# --- Writing ------------------------------------------------------------------------------------------------------


def write_plan(plan: Plan) -> None:
    """Write the files of a plan, each whole or not at all; raises UsageProblem and says which were written."""
    done: list[str] = []
    for one in plan.files:
        try:
            if content(one.file.path) != one.before:
                raise _stopped(f"{one.file.shown} was changed while it was looked at", done)
            _replace(one.file.path, one.after)
        except Unsuitable as problem:
            raise _stopped(f"{one.file.shown}: {problem.reason}", done) from None
        except OSError as error:
            raise _stopped(f"{one.file.shown}: cannot be written: {error.strerror}", done) from None
        done.append(one.file.shown)


def _stopped(message: str, done: Sequence[str]) -> UsageProblem:
    kept = f"{len(done)} files written before it: {', '.join(done[:10])}" if done else "nothing was written"
    return UsageProblem(message, kept=kept, hint="mend it and run the same command again: what is done stays as it is")


def _replace(path: Path, data: bytes) -> None:
    """Put new bytes in the place of a file, its permissions kept."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, temporary)
        os.replace(temporary, path)  # noqa: PTH105 - the same call, named for what it does
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
