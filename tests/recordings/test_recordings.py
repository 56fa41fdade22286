"""Recordings: what is kept of a reply, what is not, and what happens when the file is not what it should be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redaction.secret_samples import whole

from migrate.edges.recordings import APPLICATION, FORMAT, RecordingStore
from migrate.errors import StoreProblem
from migrate.redaction import Redactor
from migrate.vocabulary import Answer, Call, NoReply, NoReplyKind, Reply, Request, Source, Timing, ToolCall, Usage

anything = st.text(st.characters(exclude_categories=()), max_size=20).map(
    lambda text: text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
)
"""Any text, lone surrogates included; halves of a pair that stand side by side are one character in JSON."""
tokens = st.none() | st.integers(0, 2**62)
milliseconds = st.floats(0, 1e9)
replies = st.builds(
    Reply,
    answer=st.builds(
        Answer,
        text=st.none() | anything,
        tool_calls=st.lists(st.builds(ToolCall, anything, anything, anything), max_size=2).map(tuple),
        refusal=st.none() | anything,
        finish=st.sampled_from(["stop", "length", "tool_calls", "content_filter", "unknown"]),
    ),
    served_model=anything,
    usage=st.builds(Usage, tokens, tokens, tokens, tokens, tokens),
    service_tier=st.none() | anything,
    fingerprint=st.none() | anything,
    request_id=st.none() | anything,
)
calls = st.builds(
    Call,
    request=st.builds(
        Request,
        st.sampled_from(["chat", "responses"]),
        st.just({"model": "gpt-4.1"}),
        st.just("k1:ab"),
        st.just("k1:cd"),
    ),
    outcome=replies,
    timing=st.none()
    | st.builds(Timing, milliseconds, st.none() | milliseconds, milliseconds, st.none() | milliseconds),
    attempts=st.integers(1, 9),
    source=st.just(Source.RECORDING),
    at=st.just("2026-01-15T09:30:00.000Z"),
    simulated=st.booleans(),
)


def call(text: str = "It is late.", key: str = "k1:ab", **facts: object) -> Call:
    """Return an answered call."""
    request = Request("chat", {"model": "gpt-4.1", "messages": []}, key, "k1:cd")
    reply = Reply(Answer(text), "gpt-4.1-2025-04-14", Usage(120, 0, None, 24), "default", "fp_1", "req_1")
    given = {"timing": Timing(812.5, 204.25), "at": "2026-01-15T09:30:00.000Z", "source": Source.LIVE}
    return Call(request, reply, **(given | facts))  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> RecordingStore:
    """An empty store."""
    return RecordingStore(tmp_path / ".prompt-migrate" / "recordings.db", Redactor())


def texts_of(store: RecordingStore, *keys: str) -> list[str | None]:
    found = [store.get(key, 1) for key in keys]
    return [None if one is None else one.outcome.answer.text for one in found]  # type: ignore[union-attr]


@settings(max_examples=50)
@given(kept=calls, sample=st.integers(1, 99))
def test_what_was_put_is_got_back(kept: Call, sample: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Answer, usage, tier, timing, date and served model come back; the request comes back by its keys and model."""
    store = RecordingStore(
        tmp_path_factory.mktemp("recordings", numbered=True) / "recordings.db", Redactor(enabled=False)
    )
    assert 1 == store.put([(sample, kept)])
    found = store.get("k1:ab", sample)
    store.close()
    assert kept == found


def test_identity_is_request_key_and_sample(store: RecordingStore) -> None:
    """Another sample of the same request, or another key version, is another recording."""
    store.put([(1, call("one")), (2, call("two")), (1, call("newer key", "k2:ab"))])
    found = store.get_many([("k1:ab", 1), ("k1:ab", 2), ("k2:ab", 1), ("k1:ab", 3)])
    assert {("k1:ab", 1): "one", ("k1:ab", 2): "two", ("k2:ab", 1): "newer key"} == {
        key: one.outcome.answer.text  # type: ignore[union-attr]
        for key, one in found.items()
    }


def test_a_replayed_call_says_where_it_comes_from(store: RecordingStore) -> None:
    """Source is `recording`; date and latency stay those of the original."""
    store.put([(1, call())])
    found = store.get("k1:ab", 1)
    assert found is not None
    assert Source.RECORDING is found.source
    assert ("2026-01-15T09:30:00.000Z", Timing(812.5, 204.25)) == (found.at, found.timing)


def test_a_fault_of_the_road_is_never_kept(store: RecordingStore) -> None:
    """A timeout is asked again next time."""
    fault = replace(call(), outcome=NoReply(NoReplyKind.TIMEOUT, "nothing for 600 s"))
    assert 0 == store.put([(1, fault)])
    assert store.get("k1:ab", 1) is None
    assert not store.path.exists()
    assert 1 == store.put([(1, fault), (2, call())])


def test_put_counts_what_is_new_or_replaced(store: RecordingStore) -> None:
    """Folding a journal twice changes nothing the second time."""
    assert 2 == store.put([(1, call("one")), (2, call("two"))])
    assert 0 == store.put([(1, call("one")), (2, call("two"))])
    assert 1 == store.put([(1, call("one")), (2, call("changed"))])
    assert 2 == store.count()


def test_secrets_never_reach_the_file(store: RecordingStore) -> None:
    """Redaction comes before the first byte: neither the file nor its journal ever holds a key or an address."""
    key, mail = whole("s·k-proj-") + "A1b2C3d4" * 8, whole("anna@example·.com")
    answer = Answer(f"write to {mail}", (ToolCall("send", f'{{"{mail}": "{key}"}}', "c1"),), refusal=f"no, {mail}")
    store.put([(1, replace(call(), outcome=Reply(answer, "gpt-4.1")))])
    store.close()
    content = b"".join(path.read_bytes() for path in store.path.parent.iterdir())
    assert b"<email:" in content
    assert mail.encode() not in content
    assert key.encode() not in content


def test_prompts_are_not_kept(store: RecordingStore) -> None:
    """Of the request only keys and model are kept: whoever looks it up has the rest."""
    asked = Request(
        "chat", {"model": "gpt-4.1", "messages": [{"role": "user", "content": "my diary"}]}, "k1:ab", "k1:cd"
    )
    store.put([(1, replace(call(), request=asked))])
    store.close()
    assert b"my diary" not in store.path.read_bytes()


def test_the_file_is_private(store: RecordingStore) -> None:
    """Nobody else can read what models answered, whatever the umask; a file that was opened up is closed again."""
    before = os.umask(0)
    try:
        store.put([(1, call())])
    finally:
        os.umask(before)
    assert (0o600, 0o700) == (store.path.stat().st_mode & 0o777, store.path.parent.stat().st_mode & 0o777)
    store.close()
    store.path.chmod(0o644)
    store.get("k1:ab", 1)
    assert 0o600 == store.path.stat().st_mode & 0o777


def test_reading_makes_no_file(store: RecordingStore) -> None:
    """Looking for a recording in a fresh checkout leaves no trace."""
    assert store.get("k1:ab", 1) is None
    assert {} == store.get_many([("k1:ab", 1)])
    assert 0 == store.count()
    assert not store.path.parent.exists()


def test_a_batch_is_kept_whole_or_not_at_all(store: RecordingStore) -> None:
    """When the source of the calls fails half-way, none of the batch is there, and the store goes on."""
    store.put([(1, call("before"))])

    def broken() -> object:
        yield 1, call("one", "k1:one")
        yield 1, call("two", "k1:two")
        raise RuntimeError("the journal ends here")

    with pytest.raises(RuntimeError, match="the journal ends here"):
        store.put(broken())  # type: ignore[arg-type]
    assert ["before", None, None] == texts_of(store, "k1:ab", "k1:one", "k1:two")
    assert 1 == store.put([(1, call("one", "k1:one"))])


def test_a_store_can_be_used_after_closing(store: RecordingStore) -> None:
    """Closing is safe to repeat, and looking something up opens the file again."""
    store.put([(1, call())])
    store.close()
    store.close()
    assert ["It is late."] == texts_of(store, "k1:ab")


def test_threads_share_a_store(store: RecordingStore) -> None:
    """The engine's thread writes while the session's reads; no recording is lost."""
    workers = [
        threading.Thread(target=lambda n=n: [store.put([(1, call(key=f"k1:{n}-{i}"))]) for i in range(10)])
        for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert 40 == store.count()


def test_two_processes_share_a_file(store: RecordingStore) -> None:
    """Writers wait for each other: two processes keep everything, and neither is told that the database is locked."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; from test_recordings import call\n"
        "from migrate.edges.recordings import RecordingStore; from migrate.redaction import Redactor\n"
        "store = RecordingStore(Path(sys.argv[3]), Redactor())\n"
        "for n in range(15): store.put([(1, call(key=f'k1:{sys.argv[4]}-{n}'))])\n"
    )
    here = Path(__file__).resolve()
    arguments = [os.pathsep.join([str(here.parents[2])]), str(here.parent), str(store.path)]
    environment = {**os.environ, "PYTHONPATH": f"{here.parents[2]}{os.pathsep}{here.parents[1]}"}
    writers = [subprocess.Popen([sys.executable, "-c", script, *arguments, side], env=environment) for side in "ab"]
    assert [0, 0] == [writer.wait(timeout=120) for writer in writers]
    assert 30 == store.count()


def test_the_file_has_no_write_ahead_log(store: RecordingStore) -> None:
    """A rollback journal: SQLite before 3.51.3 can corrupt a database that several connections use in WAL mode."""
    store.put([(1, call())])
    names = {path.name for path in store.path.parent.iterdir()}
    assert names <= {"recordings.db", "recordings.db-journal"}
    assert b"\x01\x01" == store.path.read_bytes()[18:20], "the file's header says: rollback journal"


# --- Damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda content: b"not a database " * 500, "is damaged: file is not a database"),
        (lambda content: content[:5000], "is damaged"),
        (lambda content: content[:2000] + b"\xff" * 3000 + content[5000:], "is damaged"),
        (lambda content: content.replace(b"It is late.", b"It is fine."), "a row does not fit its checksum"),
    ],
    ids=["no database", "cut", "overwritten", "changed"],
)
def test_damage_is_named_with_the_way_out(damage: object, what: str, store: RecordingStore) -> None:
    """A damaged file is no traceback and no wrong answer: it is named, and the next command moves it away."""
    assert callable(damage)
    store.put((1, call("It is late.", f"k1:{number}")) for number in range(200))
    store.close()
    store.path.write_bytes(damage(store.path.read_bytes()))
    with pytest.raises(StoreProblem, match=r"\.prompt-migrate/recordings\.db") as caught:
        [store.get(f"k1:{number}", 1) for number in range(200)]
    assert what in caught.value.message
    assert "mv .prompt-migrate/recordings.db .prompt-migrate/recordings.db.damaged" == caught.value.next_command


@pytest.mark.parametrize("step", range(1, 40))
def test_a_changed_page_is_never_a_wrong_answer(step: int, store: RecordingStore) -> None:
    """Whatever is overwritten, a recording comes back as it was, is missing, or the file is said to be damaged."""
    expected = {f"k1:{number:03}": f"answer {number:03}" for number in range(50)}
    store.put((1, call(text, key)) for key, text in expected.items())
    store.close()
    content = bytearray(store.path.read_bytes())
    at = len(content) * step // 40
    content[at : at + 7] = bytes(byte ^ 0x15 for byte in content[at : at + 7])
    store.path.write_bytes(content)
    for key, text in expected.items():
        try:
            assert texts_of(store, key)[0] in {text, None}
        except StoreProblem:
            store.close()


def test_a_foreign_database_is_left_alone(store: RecordingStore) -> None:
    """Somebody else's SQLite file is neither read nor written."""
    store.path.parent.mkdir()
    with sqlite3.connect(store.path) as connection:
        connection.execute("create table customers (name text)")
    connection.close()
    before = store.path.read_bytes()
    for act in (lambda: store.get("k1:ab", 1), lambda: store.put([(1, call())])):
        with pytest.raises(StoreProblem, match="is a database of another kind"):
            act()
    store.close()
    assert before == store.path.read_bytes()


def test_a_newer_file_is_left_alone(store: RecordingStore) -> None:
    """A file of a later version is refused, and the way out is to update."""
    store.put([(1, call())])
    store.close()
    with sqlite3.connect(store.path) as connection:
        assert (APPLICATION,) == connection.execute("pragma application_id").fetchone()
        connection.execute(f"pragma user_version = {FORMAT + 1}")
    connection.close()
    for act in (lambda: store.get("k1:ab", 1), lambda: store.put([(1, call())])):
        with pytest.raises(StoreProblem, match="was written by a newer version"):
            act()


def test_an_empty_file_is_an_empty_store(store: RecordingStore) -> None:
    """A writer killed before its first transaction leaves an empty file, which is filled by the next one."""
    store.path.parent.mkdir()
    store.path.touch(mode=0o600)
    assert store.get("k1:ab", 1) is None
    assert 1 == store.put([(1, call())])


@pytest.mark.parametrize(
    "make", [lambda path, out: path.symlink_to(out), lambda path, out: os.mkfifo(path)], ids=["link", "pipe"]
)
def test_links_and_pipes_are_refused(make: object, store: RecordingStore, tmp_path: Path) -> None:
    """The file is a regular one: nothing is written through a link."""
    assert callable(make)
    store.path.parent.mkdir()
    make(store.path, tmp_path / "outside.db")
    for act in (lambda: store.get("k1:ab", 1), lambda: store.put([(1, call())])):
        with pytest.raises(StoreProblem, match="which is never followed"):
            act()
    assert not (tmp_path / "outside.db").exists()


def test_a_locked_file_is_said_to_be_in_use(store: RecordingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another process holds the file for too long, that is said; nothing is lost."""
    monkeypatch.setattr("migrate.edges.recordings._LOCK_WAIT_S", 0.01)
    store.put([(1, call("before"))])
    store.close()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StoreProblem, match=r"cannot use \.prompt-migrate/recordings\.db: database is locked"):
        store.put([(1, call("after"))])
    other.execute("rollback")
    other.close()
    assert ["before"] == texts_of(store, "k1:ab")


def test_a_killed_writer_loses_nothing_it_acknowledged(store: RecordingStore) -> None:
    """After kill -9 in the middle of a batch the committed recordings are there and the others are not."""
    script = (
        "import os, signal, sys; sys.path[:0] = sys.argv[1:3]\n"
        "from pathlib import Path; from test_recordings import call\n"
        "from migrate.edges.recordings import RecordingStore; from migrate.redaction import Redactor\n"
        "store = RecordingStore(Path(sys.argv[3]), Redactor())\n"
        "store.put((1, call(key=f'k1:{n}')) for n in range(100))\n"
        "def die():\n"
        "    for n in range(100, 3000): yield 1, call('x' * 2000, key=f'k1:{n}')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.put(die())\n"
    )
    here = Path(__file__).resolve()
    environment = {**os.environ, "PYTHONPATH": f"{here.parents[2]}{os.pathsep}{here.parents[1]}"}
    command = [sys.executable, "-c", script, str(here.parents[2]), str(here.parent), str(store.path)]
    assert -9 == subprocess.run(command, env=environment, check=False, timeout=120).returncode
    assert 100 == store.count()


def test_ten_thousand_recordings_take_a_moment(store: RecordingStore) -> None:
    """Putting and getting 10,000 recordings stays far from a second each, however busy the machine."""
    start = time.process_time()
    store.put((1, call(key=f"k1:{number}")) for number in range(10_000))
    put = time.process_time()
    for number in range(10_000):
        store.get(f"k1:{number}", 1)
    assert put - start < 2
    assert time.process_time() - put < 2
