"""Changes that decisions make in prompt files: lines added to the text, everything else left as it was written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from migrate.documents.files import Unreadable
from migrate.documents.reading import read_yaml
from migrate.edges.inventory.sheets import Source
from migrate.edges.inventory.tolerated import read_tolerations
from migrate.errors import StoreProblem, UsageProblem
from migrate.vocabulary import Flow, Json, Toleration

KEY: Final = "tolerated"
_MODEL: Final = re.compile(r"""(?m)^(model:[ \t]*)(["']?)([^\s"'#]+)(\2[ \t]*(?:#[^\n]*)?\r?)$""")
_BLOCK: Final = re.compile(rf"(?m)^{KEY}:[ \t]*(#[^\n]*)?$")
_TEMPORARY: Final = re.compile(r"\..+\.prompt\.ya?ml\.[0-9]+\.tmp")
_ITEM: Final = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*([ \t]*)- ")


class PromptTexts:
    """Implements `ports.PromptFiles` over the files of a project."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def tolerate(
        self, flow: Flow, tolerated: Sequence[Toleration], *, instead: Sequence[Toleration] = (), write: bool
    ) -> None:
        """Add tolerations to the prompt file of a flow, in place of others that were written here.

        Raises UsageProblem when its text gives no place for them, or has one of the others in other words.
        """
        path = self._path(flow)

        def changed(text: str) -> str:
            less = without_tolerated(text, instead)
            if less is None:
                raise UsageProblem(
                    f'{path.name}: the entry under "{KEY}" is not there any more as it was written: change it by hand'
                )
            new = with_tolerated(less, tolerated) if tolerated else less
            if not _adds(less, new, tolerated):
                raise UsageProblem(
                    f'{path.name}: there is no line at which "{KEY}" could be added',
                    hint="write it by hand: " + json.dumps([_entry(one) for one in tolerated]),
                )
            return new

        _change(path, changed, write=write)

    def rename_model(self, flow: Flow, model: str, *, write: bool) -> None:
        """Name another model on the line of the prompt file that names today's. Raises UsageProblem without one."""
        path = self._path(flow)

        def renamed(text: str) -> str:
            new = with_model(text, model)
            if not _renames(text, new, model):
                raise UsageProblem(
                    f'{path.name}: there is no line "model: ..." to change', hint=f"write it: model: {model}"
                )
            return new

        _change(path, renamed, write=write)

    def _path(self, flow: Flow) -> Path:
        if flow.place is None:
            raise UsageProblem(f"flow {flow.name} has no prompt file that could be changed")
        # Where it is a link, what it leads to is changed.
        return (self._root / flow.place.file).resolve()


def with_tolerated(text: str, tolerated: Sequence[Toleration]) -> str:
    """Return the text of a prompt file with more tolerations: at the head of its list, or as a new key at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    block = _BLOCK.search(text.replace("\r\n", "\n"))
    if block is None:
        lines = [f"{KEY}:", *(line for one in tolerated for line in _lines(one, "  "))]
        return text + ("" if text.endswith("\n") else newline) + "".join(line + newline for line in lines)
    flat = text.replace("\r\n", "\n")
    start = block.end() + 1
    item = _ITEM.match(flat, start)
    indent = "  " if item is None else item[1]
    lines = [line for one in tolerated for line in _lines(one, indent)]
    new = flat[:start] + "".join(f"{line}\n" for line in lines) + flat[start:]
    return new.replace("\n", newline)


def without_tolerated(text: str, tolerated: Sequence[Toleration]) -> str | None:
    """Return the text of a prompt file with these cases no longer tolerated; None where an entry was changed since.

    An entry that several cases share loses the cases; one without any left goes, and so does the key of an empty list.
    Cases that were written together may stand in several entries by now.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    flat = text.replace("\r\n", "\n")
    for gone in (part for one in tolerated for part in _as_written(one, _entries(flat))):
        known = _entries(flat)
        entry = next((one for one in known if _shares(one, gone)), None)
        after = None if entry is None else _cut(flat, entry, gone)
        if entry is None or after is None or _entries(after) != _less(known, entry, gone):
            return None
        flat = after
    return flat.replace("\n", newline)


def _entries(text: str) -> list[Toleration]:
    value = _value(text)
    return read_tolerations(value.get(KEY) or []) if isinstance(value, dict) else []


def _as_written(gone: Toleration, known: Sequence[Toleration]) -> list[Toleration]:
    """Return a toleration as a text has it: whole where one entry has all of its cases, else case by case."""
    if any(_shares(entry, gone) for entry in known):
        return [gone]
    return [replace(gone, cases=(case,)) for case in gone.cases] or [gone]


def _shares(entry: Toleration, gone: Toleration) -> bool:
    """Say whether an entry is the one in which a toleration was written, together with others."""
    alike = replace(entry, cases=(), place=None) == replace(gone, cases=(), place=None)
    return alike and bool(gone.cases) and set(gone.cases) <= set(entry.cases)


def _without_cases(entry: Toleration, gone: Toleration) -> list[Toleration]:
    left = tuple(case for case in entry.cases if case not in gone.cases)
    return [replace(entry, cases=left)] if left else []


def _less(known: Sequence[Toleration], entry: Toleration, gone: Toleration) -> list[Toleration]:
    at = known.index(entry)
    return [*known[:at], *_without_cases(entry, gone), *known[at + 1 :]]


def _cut(text: str, entry: Toleration, gone: Toleration) -> str | None:
    lines = [re.escape(line) for line in _lines(entry, "")]
    found = re.search(r"(?m)^([ \t]*)" + r"\n\1".join(lines) + r"\n?", text)
    if found is None:
        return None
    left = [f"{line}\n" for one in _without_cases(entry, gone) for line in _lines(one, found[1])]
    new = text[: found.start()] + "".join(left) + text[found.end() :]
    value = _value(new)
    empty = isinstance(value, dict) and KEY in value and value[KEY] is None
    return re.sub(rf"(?m)^{KEY}:[ \t]*\n?", "", new, count=1) if empty else new


def with_model(text: str, model: str) -> str:
    """Return the text of a prompt file with another baseline model; quotes, blanks and comments stay."""
    return _MODEL.sub(lambda found: f"{found[1]}{found[2]}{model}{found[4]}", text, count=1)


def _renames(text: str, new: str, model: str) -> bool:
    """Say whether a text says what it said before but for the model."""
    before, after = _value(text), _value(new)
    return isinstance(before, dict) and isinstance(after, dict) and after == {**before, "model": model}


def _entry(one: Toleration) -> dict[str, Json]:
    entry: dict[str, Json] = {"kind": one.kind.value, "path": one.path}
    given = {"cases": list(one.cases), "candidate": one.candidate, "at_most": one.at_most}
    entry |= {name: value for name, value in given.items() if value}
    entry |= {"reason": one.reason, "expires": one.expires}
    return entry | {"reviewer": one.reviewer} if one.reviewer else entry


def _lines(one: Toleration, indent: str) -> list[str]:
    # A JSON value is one of YAML, too, and needs no rules for what has to be quoted.
    pairs = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in _entry(one).items()]
    return [f"{indent}- {pairs[0]}", *(f"{indent}  {pair}" for pair in pairs[1:])]


def _adds(text: str, new: str, tolerated: Sequence[Toleration]) -> bool:
    """Say whether a text says what it said before and the tolerations, and nothing else."""
    before, after = _value(text), _value(new)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    rest = {key: value for key, value in after.items() if key != KEY}
    added = read_tolerations(after.get(KEY))
    known = read_tolerations(before.get(KEY))
    wanted = [replace(one, place=None) for one in tolerated]
    return rest == {key: value for key, value in before.items() if key != KEY} and added == [*wanted, *known]


def _value(text: str) -> Json:
    source = Source("", [])
    try:
        document = read_yaml(text, lambda why, line: source.complain((), why, line=line))
    except Unreadable:
        return None
    return None if source.problems else document.value


def _change(path: Path, changed: Callable[[str], str], *, write: bool) -> None:
    """Make a file say what `changed` makes of its text. Raises StoreProblem when it cannot be read or written.

    Writers take turns by a lock on the folder, so that of two who add something both are there, and every temporary
    file found is one of a dead writer.
    """
    try:
        with _turn(path.parent) as alone:
            new = changed(path.read_bytes().decode("utf-8"))
            if write and alone:
                _sweep(path.parent)
            if write:
                _replace(path, new.encode())
    except OSError as problem:
        raise StoreProblem(
            f"cannot change {path.name}: {problem.strerror or problem}", kept="the file is as it was"
        ) from problem


@contextmanager
def _turn(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, which the system lets go of when a process dies; False where there are no locks."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Put a file in place of another, whole or not at all, and on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, path.stat().st_mode & 0o777)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        os.replace(beside, path)  # noqa: PTH105 - atomic, as said
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
