"""How well `scan` and `swap` do on public packages: `python benchmarks/scan_public.py FOLDER`, or `nox -s scan_public`.

The wheels in FOLDER are unpacked there; the calls that `scan` tells are held against benchmarks/scan/truth.toml, which
was written before; `swap --write` is then made on a copy, twice, and every file is compared with what it was.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.statistics.proportions import wilson

HERE = Path(__file__).parent
KINDS = ("sdk", "library", "helper", "either", "foreign")
AS_OF = "2026-11-22"
ALL = ("tests", "evals", "fixtures", "data", "locks", "docs", "prompts", "lookups", "texts", "comments")
MAPPED = ("gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "gpt-5", "gpt-5-mini", "text-embedding-3-small")


@dataclass
class Found:
    """What was told of one package, or of all."""

    listed: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """Calls of the list that were told, by kind."""
    more: Counter[str] = field(default_factory=Counter)
    """Calls that were told and are not on the list: `direct` or `through` a helper."""
    lines: list[str] = field(default_factory=list)
    """Each difference in words."""


def command(*words: str) -> dict[str, Any]:
    """Return what a command of the product printed as JSON; raises CalledProcessError when it failed."""
    line = [sys.executable, "-m", "migrate", *words, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def unpacked(folder: Path, name: str) -> Path:
    """Return the folder of a package's own files, unpacked anew."""
    (wheel,) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    for told in target.glob("*.dist-info"):
        shutil.rmtree(told)
    return target


# --- Scan ---------------------------------------------------------------------------------------------------------


def held_against(package: dict[str, Any], sites: list[dict[str, Any]], root: Path) -> Found:
    """Return what was told of a package, beside its list; a call is the same when file and line are."""
    truth = {(file, line): kind for kind in KINDS for file, lines in package.get(kind, {}).items() for line in lines}
    told = {(Path(site["file"]).absolute().relative_to(root).as_posix(), site["line"]): site for site in sites}
    found = Found(Counter(truth.values()))
    for place, kind in sorted(truth.items()):
        found.told[kind] += place in told
        if (place in told) == (kind == "foreign") and kind != "either":
            found.lines.append(f"{'wrong' if place in told else 'missed'}: {kind} {place[0]}:{place[1]}")
    for place in sorted(set(told) - set(truth)):
        kind = "through" if told[place]["through"] else "direct"
        found.more[kind] += 1
        found.lines.append(f"not on the list: {kind} {place[0]}:{place[1]} {told[place]['api']}")
    return found


def share(passed: int, total: int) -> str:
    """Return a share with Wilson's 95 % interval."""
    low, high = wilson(passed, total)
    return f"{passed}/{total} ({low:.0%} to {high:.0%})" if total else "-"


def report(name: str, files: int, unread: int, found: Found) -> str:
    """Return one row of the table."""
    direct = found.told["sdk"] + found.told["library"]
    listed = found.listed["sdk"] + found.listed["library"]
    wrong = found.told["foreign"] + found.more["direct"]
    helpers, extra = found.told["helper"], found.more["through"]
    cells = (
        f"{files} ({unread})",
        share(direct, listed),
        share(direct, direct + wrong),
        share(helpers, found.listed["helper"]),
        share(helpers, helpers + extra),
        f"{found.told['foreign']}/{found.listed['foreign']}",
    )
    return " | ".join(("", name, *cells, "")).strip()


# --- Swap ---------------------------------------------------------------------------------------------------------


def swapped(root: Path, *include: str) -> tuple[int, int, int]:
    """Return files, files changed and names changed by a swap; raises SystemExit where more than names has changed."""
    copy = root.with_name(f"{root.name}.swapped")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    pairs = {model: f"candidate-{index}-for-this" for index, model in enumerate(MAPPED)}
    mapping = ",".join(f"{old}={new}" for old, new in pairs.items())
    words = [word for what in include for word in ("--include", what)]
    made = command("swap", str(copy), "--map", mapping, "--write", *words)
    changed = 0
    for before, after in _files(root, copy):
        old, new = before.read_bytes(), after.read_bytes()
        changed += old != new
        for model, candidate in pairs.items():
            new = new.replace(candidate.encode(), model.encode())
        if old != new:
            raise SystemExit(f"{after}: more than names of models has changed")
        if before.suffix == ".py" and _parses(old) and not _parses(after.read_bytes()):
            raise SystemExit(f"{after}: does not parse any more")
    return sum(1 for _ in _files(root, copy)), changed, len(made["changes"])


def _files(root: Path, copy: Path) -> Iterator[tuple[Path, Path]]:
    names = [sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file()) for one in (root, copy)]
    if names[0] != names[1]:
        raise SystemExit(f"{copy}: files came or went")
    yield from ((root / name, copy / name) for name in names[0])


def _parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def main() -> None:
    """Print a table and every difference; ends with 1 when a swap changed more than names.

    With `--callers`, `scan` is asked for every call of a helper.
    """
    folder = Path(sys.argv[1]).resolve()
    packages = tomllib.loads((HERE / "scan" / "truth.toml").read_text(encoding="utf-8"))["package"]
    everything, files, unread = Found(), 0, 0
    rows, words = [], []
    for package in packages:
        root = unpacked(folder, package["name"])
        scan = command("scan", str(root), "--as-of", AS_OF, *sys.argv[2:])
        found = held_against(package, scan["sites"], root)
        name = f"{package['name']} {package['version']}"
        rows.append(report(name, scan["files"], len(scan["unread"]), found))
        words += [f"{package['name']}: {line}" for line in found.lines]
        for total, one in ((everything.listed, found.listed), (everything.told, found.told)):
            total.update(one)
        everything.more.update(found.more)
        files, unread = files + scan["files"], unread + len(scan["unread"])
        for what, include in (("as it is", ()), ("with everything included", ALL)):
            read, changed, names = swapped(root, *include)
            words.append(f"{package['name']}: swap {what}: {read} files, {changed} changed, {names} names, no more")
    rows.append(report("all", files, unread, everything))
    print("\n".join((*rows, "", *words)))


if __name__ == "__main__":
    main()
