"""What is taken out of text before it is written, what is put in its place, and what is left alone."""

from __future__ import annotations

import base64
import itertools
import json
import random
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secret_samples import CARDS, CONTEXTS, LETTERS, PHONES, detection_set, draw, keys, personal_data, whole

from migrate.redaction import Mark, Redactor, secrets_of

DETECTION_SET = detection_set()
CLEAN_LINES = (Path(__file__).parent / "clean.txt").read_text(encoding="utf-8").splitlines()
KEY = whole("s·k-proj-") + "A1b2C3d4" * 8
WHOLLY_HIDDEN = (
    "openai",
    "anthropic",
    "aws id",
    "aws secret",
    "github",
    "stripe",
    "jwt",
    "random",
    "email",
    "card",
    "iban",
    "ssn",
)

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
data = st.sampled_from([datum for _, datum, _ in DETECTION_SET])
salted_text = st.lists(st.one_of(any_text, data, st.sampled_from(CLEAN_LINES)), max_size=6).map("".join)
numbers = st.sampled_from([int(card) for card in CARDS] + [int(phone) for phone in PHONES if phone.isdigit()])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | data,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text | data, inner, max_size=4),
    max_leaves=12,
)


class CountingRedactor(Redactor):
    """Counts its searches."""

    __slots__ = ("searches",)

    def find(self, text: str) -> list[Mark]:
        self.searches = getattr(self, "searches", 0) + 1
        return super().find(text)


def test_the_detection_set_is_found() -> None:
    """At least 95 % of two hundred secrets and personal data are found, each in one of five contexts."""
    redactor = Redactor()
    missed = [text for _, _, text in DETECTION_SET if not redactor.find(text)]
    assert len(DETECTION_SET) >= 200
    assert len(missed) <= 0.05 * len(DETECTION_SET), missed


@pytest.mark.parametrize("context", CONTEXTS)
def test_nothing_of_a_found_datum_is_left(context: str) -> None:
    """Where a key, address, card or account is found, all of it goes."""
    redactor = Redactor()
    left = []
    for kind, datum, _ in DETECTION_SET:
        if kind in WHOLLY_HIDDEN and datum in redactor.text(context.format(datum)):
            left.append(datum)
    assert len(left) <= 2, left


def test_clean_text_is_left_alone() -> None:
    """At most 1 % of lines with order numbers, dates, EANs, hashes and amounts in twenty languages are touched."""
    redactor = Redactor()
    touched = [line for line in CLEAN_LINES if redactor.text(line) != line]
    assert len(set(CLEAN_LINES)) >= 400
    assert len(touched) <= 0.01 * len(CLEAN_LINES), touched


@given(salted_text)
def test_redaction_is_idempotent(text: str) -> None:
    """Redacting redacted text changes nothing, and nothing is found in it."""
    redactor = Redactor({"DB_PASSWORD": "hunter2-hunter2"})
    clean = redactor.text(text)
    assert clean == redactor.text(clean)
    assert [] == redactor.find(clean)


@given(json_values)
def test_redacting_a_json_value_is_idempotent(value: object) -> None:
    """A redacted value is its own redacted value: the very object comes back."""
    redactor = Redactor()
    clean = redactor.value(value)
    assert redactor.value(clean) is clean


@given(json_values)
def test_redacted_json_text_is_json(value: object) -> None:
    """Redaction inside a JSON text never breaks it: neither numbers nor escapes."""
    redactor = Redactor()
    json.loads(redactor.text(json.dumps([value])))
    json.loads(redactor.text(json.dumps({"answer": value}, ensure_ascii=False, indent=2)))


def test_the_same_datum_gets_the_same_pseudonym() -> None:
    """Two runs, two texts: one address, one pseudonym, so that differences elsewhere stay visible."""
    mail, other = whole("anna@example·.com"), whole("bert@example·.com")
    first, second = Redactor().text(f"to {mail}"), Redactor().text(f"cc {mail}!")
    assert first.removeprefix("to ") == second.removeprefix("cc ").removesuffix("!")
    assert first != Redactor().text(f"to {other}")


def test_pseudonyms_say_the_kind_and_six_digits() -> None:
    """A pseudonym reads `<kind:3fa2c1>`."""
    assert "<email:" == Redactor().text(whole("anna@example·.com"))[:7]
    assert len("<email:3fa2c1>") == len(Redactor().text(whole("anna@example·.com")))


def test_text_and_parsed_value_agree() -> None:
    """Redacting the JSON text and redacting the parsed value give the same answer, keys and nested JSON included."""
    mail, phone = whole("anna@example·.com"), "06 12345678"
    value = {
        mail: [f"call {phone}", 4111_1111_1111_1111, None, True, 0.5],
        "note": f"line\n{mail}\tline",
        "password": whole("hunter·2xyz"),
        "phone": whole("061234·5678"),
        "arguments": json.dumps({"to": mail, "text": f"é\n{phone}"}),
    }
    redactor = Redactor()
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=2)):
        assert redactor.value(value) == json.loads(redactor.text(text))
    clean = json.dumps(redactor.value(value))
    assert mail not in clean
    assert "hunter" not in clean
    assert "5678" not in clean


def test_an_unchanged_value_is_the_same_object() -> None:
    """Nothing is copied when nothing is found."""
    value = {"items": [{"sku": "A-100", "ean": "8712345678906"}], "note": "NL-2025-104233", "n": 4111111111111111}
    assert Redactor().value(value) is value


def test_keys_that_become_equal_are_both_kept() -> None:
    """No entry is lost when a redacted key equals one that is there already."""
    mail = whole("anna@example·.com")
    taken = Redactor().text(mail)
    assert [1, 2] == sorted(Redactor().value({taken: 1, mail: 2}).values())


@pytest.mark.parametrize(
    "form",
    [
        lambda secret: secret,
        lambda secret: f"x{secret}y",
        json.dumps,
        lambda secret: quote(secret, safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
    ],
    ids=["plain", "inside a word", "JSON", "percent", "base64"],
)
@pytest.mark.parametrize("secret", ['Tr0ub4dor&3 "x"', "correct horse/battery", KEY], ids=["quoted", "words", "key"])
def test_secret_environment_values_never_stay(secret: str, form: object) -> None:
    """The exact value of a secret variable goes, whatever it looks like and however it is written."""
    redactor = Redactor(secrets_of({"ACME_API_KEY": secret, "HOME": "/home/builder"}))
    assert callable(form)
    text = f"before {form(secret)} after"
    assert form(secret).strip('"') not in redactor.text(text)
    assert "<secret:acme_api_key>" in redactor.text(text)
    assert secret not in repr(redactor)


def test_secret_variables_are_told_by_name_and_value() -> None:
    """Switches, paths, short and plain values are no secrets, whatever their variable is called."""
    environ = {
        "OPENAI_API_KEY": KEY,
        "DB_PASSWORD": "s3cr3t-enough",
        "GITHUB_TOKEN": "0123456789abcdef",
        "SSH_KEY_FILE": "/home/builder/.ssh/id_ed25519",
        "TOKENIZERS_PARALLELISM": "false",
        "MAX_TOKENS": "100000000",
        "SECRET_STORE": "disabled",
        "MONKEYTYPE_USER": "anna.jansen",
        "KEYBOARD_LAYOUT": "english-us",
        "PATH": "/usr/bin:/bin",
    }
    assert ["DB_PASSWORD", "GITHUB_TOKEN", "OPENAI_API_KEY"] == sorted(secrets_of(environ))


def test_a_key_hidden_in_base64_is_found() -> None:
    """A key does not pass because somebody encoded it."""
    hidden = base64.b64encode(KEY.encode()).decode()
    assert ["openai_key"] == [mark.kind for mark in Redactor().find(f"see {hidden}")]


def test_a_key_split_over_chunks_is_found_once_assembled() -> None:
    """Redaction works on whole texts: a key that arrived in two pieces is as gone as any other."""
    first, second = KEY[:30], KEY[30:]
    assert KEY[30:50] not in Redactor().text("".join(["the key is ", first, second]))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda key: json.dumps({key: "value"}),
        lambda key: json.dumps({"arguments": json.dumps({"token": key})}),
        lambda key: f"https://api.acme.test/v1?access_token={key}&page=2",
        lambda key: f"error at openai.py:117: AuthenticationError: Incorrect API key provided: {key}.",
        lambda key: f"Authorization: Bearer {key}\r\nAccept: */*",
        lambda key: f"{{'headers': {{'api-key': '{key}'}}}}",
        lambda key: f"`{key}`",
        lambda key: f"**{key}**",
    ],
    ids=["JSON key", "JSON in JSON", "URL", "exception", "header", "repr", "code", "bold"],
)
def test_a_key_is_found_wherever_it_stands(wrap: object) -> None:
    """In keys, in JSON inside JSON, in URLs, headers and exception texts nothing of it is left."""
    assert callable(wrap)
    assert KEY[:20] not in Redactor().text(wrap(KEY))
    assert KEY[-20:] not in Redactor().text(wrap(KEY))


def test_a_mark_holds_no_part_of_the_secret() -> None:
    """What is found can be shown: kind, place and pseudonym, never the text."""
    assert KEY[:12] not in repr(Redactor().find(f"key {KEY}"))


def test_marks_are_in_order_and_do_not_overlap() -> None:
    """Marks can be spliced from left to right."""
    rng = random.Random(3)
    text = " | ".join([*(key for _, key in keys(rng)), *(datum for _, datum in personal_data())])
    marks = Redactor().find(text)
    assert len(marks) > 100
    assert all(one.end <= two.start for one, two in itertools.pairwise(marks))


def test_a_redactor_can_be_switched_off() -> None:
    """Switched off, it leaves every text and value as it is."""
    off = Redactor({"DB_PASSWORD": "hunter2-hunter2"}, enabled=False)
    value = {"to": whole("anna@example·.com"), "with": "hunter2-hunter2"}
    assert off.value(value) is value
    assert value["to"] == off.text(value["to"])


def test_a_document_sent_thirty_times_is_searched_once() -> None:
    """Long texts are remembered; the remembered answer is the right one."""
    redactor = CountingRedactor()
    clean, dirty = "word " * 2000, "word " * 2000 + whole("anna@example·.com")
    answers = {redactor.text("".join(clean)) for _ in range(30)} | {redactor.text(dirty + "") for _ in range(30)}
    assert {clean, Redactor().text(dirty)} == answers
    assert 3 == redactor.searches, "one for the clean text, two (find, and find nothing more) for the other"


def test_memory_is_bounded() -> None:
    """However many documents pass, no more than a fixed number of characters is kept."""
    redactor = Redactor()
    for number in range(60):
        redactor.text(f"{number} anna@example.com " + "word " * 60_000)
    assert sum(len(kept or "") for kept in redactor._memory.values()) <= 8_000_000


@pytest.mark.parametrize(
    ("part", "times"),
    [
        ("@", 450_000),
        ("a@a.", 110_000),
        ("1", 450_000),
        ("+1 ", 150_000),
        ("4111111111111111,", 26_000),
        ("aaaaaaaaaaaaaaaa/", 26_000),
        ("sk-aaaaaaaaaaaaaaa", 26_000),
        ("-----BEGIN PRIVATE KEY-----\n", 15_000),
        ("password:", 50_000),
        ("://a:b", 70_000),
        ("\\u0040a", 60_000),
        ("eyJ", 150_000),
        ("NL91 ", 90_000),
        ("bearer ", 60_000),
    ],
)
def test_no_text_takes_forever(part: str, times: int) -> None:
    """Half a megabyte made to hurt is searched in a few seconds at most: no search is quadratic."""
    start = time.process_time()
    Redactor().text("[" + part * times)
    assert time.process_time() - start < 5


def test_a_document_is_searched_fast() -> None:
    """450 KB of business text take well under a second, whatever else the machine does."""
    line = "On 2025-01-15 order NL-2025-104233 (EUR 1,234.50) was late; estimated_delivery_date is unknown. "
    document = line * (450_000 // len(line))
    start = time.process_time()
    Redactor().find(document)
    assert time.process_time() - start < 0.5


def test_no_redaction_hides_a_difference() -> None:
    """Two different keys never share a pseudonym in the set."""
    rng = random.Random(11)
    many = [whole("s·k-") + draw(rng, LETTERS, 40) + "1a2" for _ in range(50)]
    assert 50 == len({Redactor().text(key) for key in many})


@given(st.binary(min_size=0, max_size=40), st.binary(min_size=0, max_size=40), st.sampled_from([7, 8, 9, 10, 11]))
def test_a_known_secret_inside_longer_base64_is_found(before: bytes, after: bytes, length: int) -> None:
    """Whatever stands before and after it, the base64 of the whole holds it in one of three shifts: all are known."""
    secret = "tr0ub4dor&3-correct"[: length + 8]
    encode = base64.b64encode(before + secret.encode() + after).decode()
    for text in (encode, encode.replace("+", "-").replace("/", "_")):
        clean = Redactor({"DB_PASSWORD": secret}).text(text)
        assert "<secret:db_password>" in clean or "<token:" in clean  # all of it looked random already
