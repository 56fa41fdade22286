"""The bundle is what its sources build, names no address, and nothing in the sources can make text into markup."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
from report_browser import installed_app

ROOT = Path(__file__).parents[2]
APP = ROOT / "migrate" / "edges" / "report" / "app"
BUNDLE = APP.parent / "bundle"
NAMED = ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|srcdoc|\beval\(|new Function"
    r"|setTimeout\(\s*[\"'`]|DOMParser|setAttribute\(\s*[\"'](?:on|style|href|src)|setHTMLUnsafe"
)


def sources() -> list[Path]:
    return sorted(path for path in (APP / "src").rglob("*") if path.is_file())


def test_no_source_turns_text_into_markup_or_code() -> None:
    """No `innerHTML` and none of its relatives, in any file of the page's program."""
    found = [
        f"{path.name}: {match.group()}" for path in sources() for match in MARKUP.finditer(path.read_text("utf-8"))
    ]
    assert [] == found


def test_the_lint_finds_what_it_looks_for() -> None:
    """The pattern is not one that cannot match."""
    assert MARKUP.search("element.innerHTML = text")
    assert MARKUP.search('setTimeout("run()")')
    assert MARKUP.search("<div dangerouslySetInnerHTML={{ __html: text }} />".replace("Inner", "inner"))


def test_the_bundle_is_of_these_sources() -> None:
    """The digest that was written with the bundle is that of the sources beside it: else `nox -s report_app`."""
    digest = hashlib.sha256()
    names = [*NAMED, *(path.relative_to(APP).as_posix() for path in sources())]
    for name in sorted(names):
        digest.update(name.encode() + b"\0" + (APP / name).read_bytes() + b"\0")
    assert f"{digest.hexdigest()}\n" == (BUNDLE / "sources.sha256").read_text("utf-8")


def test_the_lock_names_no_address() -> None:
    """Packages are named by version and hash; where they come from is the machine's business."""
    lock = json.loads((APP / "package-lock.json").read_text("utf-8"))
    assert [] == [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert "://" not in (APP / "package-lock.json").read_text("utf-8")
    assert [] == [name for name, entry in lock["packages"].items() if name and "integrity" not in entry]


def test_every_library_in_the_bundle_has_its_notice() -> None:
    """Name, version and license text of each dependency."""
    notices = (BUNDLE / "THIRD-PARTY-NOTICES.txt").read_text("utf-8")
    wanted = json.loads((APP / "package.json").read_text("utf-8"))["dependencies"]
    assert [] == [name for name, version in wanted.items() if f"{name} {version} (" not in notices]


def test_the_bundle_rebuilds_to_the_same_bytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Installed from the lock and built again, every file is the one that is committed; types are right."""
    folder = installed_app(tmp_path_factory)
    run(folder, "npx", "--no-install", "tsc", "--noEmit", "-p", ".")
    run(folder, "node", "build.mjs", "--check")


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert 0 == done.returncode, done.stdout + done.stderr
