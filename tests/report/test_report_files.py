"""One file, or a folder beside it where that would be too large; both work from a file, and replace what was there."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from measured import compared, finding
from report_browser import Tab
from report_stage import documents_of, golden, judged, trial, write_page

from migrate.edges.report import Packing, pack
from migrate.ports import CaseRecord
from migrate.vocabulary import CaseVerdict

LOADED = """() => {
    globalThis.loaded = [];
    const added = changes => changes.flatMap(change => [...change.addedNodes]).map(node => node.src).filter(Boolean);
    new MutationObserver(changes => loaded.push(...added(changes))).observe(document, {childList: true, subtree: true});
}"""


def cases(count: int) -> list[CaseRecord]:
    drift = finding("$.amount", expected=3, actual="3")
    return [
        trial(compared(f"case-{number}", drift, verdict=CaseVerdict.DRIFT), judged(1, f"answer {number}", "gpt-4.1"))
        for number in range(count)
    ]


def test_a_large_report_is_a_folder_and_a_small_one_takes_it_away(tmp_path: Path) -> None:
    """Chunks stand beside the page as classic scripts; the next report that fits in one file removes them."""
    path = tmp_path / "index.html"
    write_page(path, cases(5), size=2, largest=0)
    assert ["0.js", "1.js", "2.js"] == sorted(file.name for file in (tmp_path / "chunks").iterdir())
    assert ["index"] == list(documents_of(path.read_text("utf-8")))
    write_page(path, cases(5), size=2)
    assert [path] == list(tmp_path.iterdir())
    assert ["index", "chunk-0", "chunk-1", "chunk-2"] == list(documents_of(path.read_text("utf-8")))


def test_chunks_beside_the_page_open_from_a_file(tab: Tab, tmp_path: Path) -> None:
    """Each is loaded when its first case is opened, and nothing else ever is; one that is missing is told."""
    write_page(tmp_path / "index.html", cases(4), [golden("case-0", "answer")], size=2, largest=0)
    (tmp_path / "chunks" / "1.js").unlink()
    page = tab.open(tmp_path / "index.html", "#/cases")
    page.evaluate(LOADED)
    page.keyboard.press("j")
    page.wait_for_selector(".case[data-row]")
    assert "answer 0" in page.locator(".answers").inner_text()
    assert ["0.js"] == [address.rsplit("/", 1)[1] for address in page.evaluate("loaded")]
    # Firefox tells its driver of nothing that is read from a disk.
    assert {url for url in tab.asked if url.endswith(".js")} <= set(page.evaluate("loaded"))
    for key in "jj":
        page.keyboard.press(key)
        page.wait_for_timeout(100)
    page.wait_for_selector(".case .warning")
    assert "chunks/1.js is missing beside this page" in page.locator(".case .warning").first.inner_text()


def test_the_same_documents_are_the_same_bytes(tmp_path: Path) -> None:
    """No date and no order of a set gets into the file."""
    for name in ("one.html", "two.html"):
        write_page(tmp_path / name, cases(3))
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_numbers_that_json_has_not_are_words() -> None:
    """`1e999` in an answer is infinite once parsed: the document stays JSON."""
    assert pack({"actual": [float("inf"), {"x": float("nan")}, 1.5]}) == pack({"actual": ["inf", {"x": "nan"}, 1.5]})


def test_chunks_keep_their_order_whatever_thread_packs_them() -> None:
    """A large chunk is not overtaken by a small one; each is packed as it would be alone, and without a date."""
    documents = [{"texts": ["word " * 20_000]}, {"texts": ["b"]}, {"texts": ["c"]}]
    with Packing() as packing:
        for document in documents:
            packing.add(document)
        packed = packing.packed()
    assert [pack(document) for document in documents] == packed
    assert {b"\0\0\0\0"} == {chunk[4:8] for chunk in packed}
    assert b'{"texts":["b"]}' == zlib.decompress(packed[1], 31)


def test_what_cannot_be_packed_is_raised_where_the_report_is_made() -> None:
    """No chunk is lost in its thread."""
    with Packing() as packing:
        packing.add({"cases": object()})  # type: ignore[dict-item]
        with pytest.raises(TypeError, match="not JSON serializable"):
            packing.packed()
