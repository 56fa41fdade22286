"""A golden that is not what was written is named, with the way to get it back; it is never recorded again by itself."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import golden_nouns as nouns
import pytest
from golden_nouns import golden, measurement

from migrate.edges.goldens import GoldenFiles
from migrate.edges.goldens.folders import Folder
from migrate.edges.goldens.paper import written
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import CaseId, FlowName

EXAMPLES = Path(__file__).parent / "examples"
REFUND, LATE = FlowName("refund"), CaseId("late-parcel")


@pytest.fixture
def files(tmp_path: Path) -> GoldenFiles:
    """A store with one golden and its measurements."""
    files = GoldenFiles(tmp_path / "fixtures", Redactor())
    files.write(golden("late-parcel", '{"b": 1, "a": "x"}', "prose"))
    files.write_measurements(REFUND, [measurement("late-parcel", 1), measurement("other", 1)])
    return files


def path_of(files: GoldenFiles, name: str = "late-parcel.json") -> Path:
    return files.root / "refund" / name


def problem_of(files: GoldenFiles) -> StoreProblem:
    with pytest.raises(StoreProblem) as caught:
        files.read(REFUND, LATE)
    return caught.value


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda text: b"", "is empty"),
        (lambda text: b"\0" * len(text), "nothing but blank bytes"),
        (lambda text: text[:-200] + b"\0" * 200, "is damaged: line"),
        (lambda text: text[:300], "is damaged: line"),
        (lambda text: text[:-40] + b"\xff\xfe" + text[-40:], "is not UTF-8"),
        (lambda text: text.replace(b"prose", b"Prose"), "does not fit its checksum: it was damaged, or edited by hand"),
        (lambda text: text.replace(b'"prose"', b'"prose" '), "does not fit its checksum"),
        (lambda text: re.sub(rb'  "checksum".*\n', b"", text), "has no checksum"),
        (lambda text: b"[]", "is JSON of another kind"),
        (lambda text: b'{"name": "something else"}', "is JSON of another kind"),
        (lambda text: text.replace(b'"format": 1', b'"format": "one"'), "its format is 'one', not a number"),
        (lambda text: b"[" * 100_000, "nested too deeply"),
        (lambda text: b'{"format": 1, "n": ' + b"9" * 5000 + b"}", "is damaged"),
    ],
)
def test_each_kind_of_damage_is_said(damage: object, what: str, files: GoldenFiles) -> None:
    """The message names the file and the damage; the hint says how to restore it; the next command is ready to type."""
    assert callable(damage)
    path = path_of(files)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    problem = problem_of(files)
    assert problem.message.startswith("fixtures/refund/late-parcel.json ")
    assert what in problem.message
    assert "restore it from git (git checkout -- fixtures/refund/late-parcel.json) or record again" == problem.hint
    assert 'pytest --golden=rewrite -k "refund and late-parcel"' == problem.next_command
    assert 13 == problem.exit_code
    assert before == path.read_bytes(), "reading changes nothing"


def test_both_sides_of_a_merge_are_named(files: GoldenFiles) -> None:
    """Conflict markers are told from damage, and the branches are named."""
    path = path_of(files)
    lines = path.read_text().splitlines(keepends=True)
    lines[5:5] = ["<<<<<<< HEAD\n", '  "contract_digest": "a",\n', "=======\n", '  "contract_digest": "b",\n']
    lines[9:9] = [">>>>>>> new-prompts\n"]
    path.write_text("".join(lines))
    problem = problem_of(files)
    assert "fixtures/refund/late-parcel.json holds both sides of a merge (HEAD and new-prompts)" == problem.message
    assert "git checkout --ours" in problem.hint


def test_a_newer_format_is_refused_untouched(files: GoldenFiles) -> None:
    """A file of a later version is not guessed at, and the way out is to update."""
    path = path_of(files)
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    problem = problem_of(files)
    assert "written by a newer version (format 7; this version reads format 1)" in problem.message
    assert "pip install --upgrade prompt-migrate" in problem.hint


@pytest.mark.parametrize("key", ["samples", "requests", "baseline", "orders"])
def test_a_sealed_file_of_another_shape_is_refused(key: str, files: GoldenFiles) -> None:
    """Even a right checksum does not make a golden of any JSON."""
    from migrate.edges.goldens.paper import sealed

    path = path_of(files)
    document = json.loads(path.read_text())
    for name in ("checksum", key):
        del document[name]
    path.write_text(sealed(document)[0])
    assert "does not have the shape of a golden" in problem_of(files).message


def test_swapped_goldens_are_noticed(files: GoldenFiles) -> None:
    """A whole, well-sealed golden in another case's place is no answer to that case."""
    files.write(golden("lost-parcel"))
    path_of(files, "lost-parcel.json").replace(path_of(files))
    assert 'is the golden of case "lost-parcel" of flow "refund": it was moved or swapped' in problem_of(files).message


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.rstrip(b"\n"),
        lambda content: content + b"\n\n",
    ],
    ids=["CRLF", "BOM", "no last newline", "more newlines"],
)
@pytest.mark.parametrize("name", ["late-parcel.json", "measurements.json"])
def test_what_git_and_editors_change_is_no_damage(rewrite: object, name: str, files: GoldenFiles) -> None:
    """Line ends, byte order mark and last newline do not count, and do not make a file be written again."""
    assert callable(rewrite)
    expected = files.read(REFUND, LATE), files.measurements(REFUND)
    path = path_of(files, name)
    path.write_bytes(rewrite(path.read_bytes()))
    assert expected == (files.read(REFUND, LATE), files.measurements(REFUND))
    before = path.read_bytes()
    assert not files.write(golden("late-parcel", '{"b": 1, "a": "x"}', "prose"))
    assert not files.write_measurements(REFUND, files.measurements(REFUND))
    assert before == path.read_bytes()


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What reading any file gives: tens of thousands of damaged goldens without a disk."""
    content = [b""]
    monkeypatch.setattr(Folder, "read", lambda folder, file: content[0])
    return content


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_cut_is_noticed(example: Path, on_disk: list[bytes]) -> None:
    """A golden cut at any byte is damaged; only its last newline may be missing."""
    whole = example.read_bytes()
    cuts = (whole[:length] for length in range(len(whole) - 1))
    assert [] == [len(cut) for cut in cuts if is_read(cut, whole, on_disk)]
    assert is_read(whole[:-1], whole, on_disk)


@pytest.mark.parametrize("bits", [0x01, 0x20, 0xFF], ids=hex)
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_changed_byte_is_noticed(example: Path, bits: int, on_disk: list[bytes]) -> None:
    """A golden with one byte changed, anywhere in it, is never read as if nothing had happened."""
    whole = example.read_bytes()
    changed = (whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :] for at in range(len(whole)))
    assert [] == [at for at, content in enumerate(changed) if is_read(content, whole, on_disk)]


def is_read(content: bytes, whole: bytes, on_disk: list[bytes]) -> bool:
    document = json.loads(whole)
    on_disk[0] = content
    try:
        GoldenFiles(Path("fixtures"), Redactor()).read(document["flow"], document["case"])
    except StoreProblem:
        return False
    return True


def test_every_changed_byte_of_measurements_is_noticed(files: GoldenFiles) -> None:
    """Rows are sealed one by one, so that git may merge them; what is read is what was written, or a StoreProblem."""
    path = path_of(files, "measurements.json")
    whole, expected = bytearray(path.read_bytes()), files.measurements(REFUND)
    for offset in range(len(whole)):
        whole[offset] ^= 1
        path.write_bytes(whole)
        try:
            assert expected == files.measurements(REFUND)
        except StoreProblem as problem:
            assert problem.message.startswith("fixtures/refund/measurements.json ")  # noqa: PT017
        whole[offset] ^= 1


def test_rows_of_two_branches_can_be_merged(files: GoldenFiles) -> None:
    """Git may put rows of different cases into one file: each row is whole by itself."""
    path = path_of(files, "measurements.json")
    lines = path.read_text().splitlines(keepends=True)
    files.write_measurements(REFUND, [measurement("third", 1)])
    added = next(line for line in path.read_text().splitlines() if '"third"' in line)
    lines.insert(4, added.rstrip(",") + ",\n")
    path.write_text("".join(lines))
    assert {"late-parcel", "other", "third"} == {row.case for row in files.measurements(REFUND)}


def test_damaged_measurements_are_not_overwritten(files: GoldenFiles) -> None:
    """Recording one case never throws away the measurements of the others, even unreadable ones."""
    path = path_of(files, "measurements.json")
    path.write_text(path.read_text().replace("812.5", "1.5", 1))
    before = path.read_bytes()
    with pytest.raises(StoreProblem, match="row late-parcel sample 1 does not fit its checksum"):
        files.write_measurements(REFUND, [measurement("other", 1, ms=1.0)])
    assert before == path.read_bytes()


@pytest.mark.parametrize(
    "document", [{"flow": "x", "format": 1, "rows": []}, {"format": 1}, {"flow": "refund", "format": 9}]
)
def test_foreign_measurements_are_refused(document: dict[str, object], files: GoldenFiles) -> None:
    """Measurements of another flow, of no flow or of a newer version are not read."""
    path_of(files, "measurements.json").write_text(written(document))
    with pytest.raises(StoreProblem):
        files.measurements(REFUND)


# --- Paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda path, out: path.symlink_to(out), lambda path, out: os.mkfifo(path)])
@pytest.mark.parametrize("act", ["read", "write"])
def test_links_and_pipes_in_place_of_a_golden_are_refused(
    make: object, act: str, files: GoldenFiles, tmp_path: Path
) -> None:
    """A golden is a regular file: a link is not followed, a pipe not waited for, and neither is written through."""
    assert callable(make)
    outside = tmp_path / "outside.json"
    outside.write_bytes(path_of(files).read_bytes())
    before = outside.read_bytes()
    path_of(files).unlink()
    make(path_of(files), outside)
    with pytest.raises(StoreProblem, match=r"refund/late-parcel\.json: it is (a symbolic link|not a regular file)"):
        files.read(REFUND, LATE) if act == "read" else files.write(golden("late-parcel", "new"))
    assert before == outside.read_bytes()


def test_a_folder_in_place_of_a_golden_is_refused(files: GoldenFiles) -> None:
    """What is no file is said to be none."""
    path_of(files).unlink()
    path_of(files).mkdir()
    with pytest.raises(StoreProblem, match=r"cannot read fixtures/refund/late-parcel\.json"):
        files.read(REFUND, LATE)


def test_a_linked_flow_folder_is_refused(files: GoldenFiles, tmp_path: Path) -> None:
    """A folder of goldens cannot be swapped for a link to somewhere else."""
    (tmp_path / "fixtures" / "refund").rename(tmp_path / "elsewhere")
    (tmp_path / "fixtures" / "refund").symlink_to(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    for act in (lambda: files.read(REFUND, LATE), lambda: files.write(golden("new")), files.flows):
        with pytest.raises(StoreProblem, match="symbolic link"):
            act()
    assert before == sorted((tmp_path / "elsewhere").iterdir())


HOSTILE_NAMES = [
    "../../../../etc/cron.d/x", "..", ".", "", "/etc/passwd", "a/b", "a\\b", "C:x", "CON", "con", "nul.txt", "COM1",
    "aux.json", "name.", "name ", " name", ".hidden", ".git", "-rf", "a\0b", "a\nb", "x" * 300, "ö" * 200, "café",
    "cafe\u0301", "\u202egolden", "\ud800", "~", "a~b", "measurements", "Measurements", "$(id)", "a;b", "refund[nl]",
    "😀", "file.json", "..json", "a\x1b[2Jb",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_no_name_leaves_the_root(name: str, tmp_path: Path) -> None:
    """Any flow or case name gets a file under the root that every system can hold, and is found again by its name."""
    files = GoldenFiles(tmp_path / "in" / "fixtures", Redactor())
    files.write(golden(name, flow="refund"))
    files.write(golden("late-parcel", flow=name))
    written = [path.relative_to(files.root) for path in tmp_path.rglob("*") if path.is_file()]
    assert 2 == len([path for path in written if len(path.parts) == 2 and path.suffix == ".json"])
    for part in (part for path in written for part in path.parts):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,120}", part)
        assert part.split(".")[0].lower() not in {"con", "nul", "com1", "aux", "prn"}
    assert sorted(["refund", nouns.paired(name)]) == sorted(files.flows())
    assert (nouns.paired(name),) == files.cases(REFUND)
    assert files.read(REFUND, CaseId(name)) == files.stored(golden(name, flow="refund"))


def test_different_names_have_different_files(tmp_path: Path) -> None:
    """No two names share a file, also where they differ only in what a slug leaves out."""
    files = GoldenFiles(tmp_path, Redactor())
    assert len(set(HOSTILE_NAMES)) == len({files.path(REFUND, CaseId(name)) for name in HOSTILE_NAMES})


def test_a_secret_is_no_name(files: GoldenFiles) -> None:
    """A case id with a key in it would be a file name in git: it is refused, and not repeated in the message."""
    key = "ghp_" + "A1b2C3d4" * 5
    with pytest.raises(StoreProblem, match=r"the name of a case looks like a secret \(github_token\)") as caught:
        files.write(golden(key))
    assert key not in str(caught.value)
