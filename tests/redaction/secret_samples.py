"""Secrets and personal data to be found, put together when the tests run so that no scanner sees one in this file."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Iterator

LETTERS = string.ascii_letters + string.digits
WORD = LETTERS + "_-"
SMALL_HEX = "0123456789abcdef"
CAPITALS = string.ascii_uppercase + "234567"


def whole(split: str) -> str:
    """Return a text written here with `·` inside."""
    return split.replace("·", "")


def listed(block: str) -> tuple[str, ...]:
    """Return the items of a block: one or more a line, with `|` between them."""
    return tuple(whole(item.strip(" ")) for line in block.strip().splitlines() for item in line.split("|"))


CARDS = listed("""
4111·1111·1111·1111 | 4242·4242·4242·4242 | 5555·5555·5555·4444 | 5105·1051·0510·5100
2223·0031·2200·3222 | 6011·1111·1111·1117 | 3530·1113·3330·0000 | 6200·0000·0000·0005
""")
AMEX = listed("3782·822463·10005 | 3714·496353·98431")
IBANS = listed("""
NL91·ABNA·0417·1643·00 | DE89·3704·0044·0532·0130·00 | GB29·NWBK·6016·1331·9268·19
FR14·2004·1010·0505·0001·3M02·606 | BE68·5390·0754·7034 | CH93·0076·2011·6238·5295·7
ES91·2100·0418·4502·0005·1332 | NO93·8601·1117·947 | AT61·1904·3002·3457·3201
PL61·1090·1014·0000·0712·1981·2874
""")
PHONES = listed("""
+31 6 1234·5678 | +31612345·678 | +31 (0)20 123· 4567 | +49 30 1234·567 | +49 (0) 171 234·5678
+44 20 7946· 0958 | +44 7700 900·123 | +33 1 23 45· 67 89 | +1 415 555· 2671 | +1-212-555·-0187
+1 (650) 253·-0000 | +48 22 123· 45 67 | +81 3-1234·-5678 | +91 98765· 43210 | +353 1 234· 5678
0031 6 1234·5678 | 0049 30 1234·567 | (555) 23·4-5678 | (212) 55·5-0187 | (020) 123· 4567
212-555·-0187 | 415.555·.2671 | 06-1234·5678 | 06 1234·5678 | 06 12 34· 56 78 | 01 23 45· 67 89
07700 90·0123 | 020 7946· 0958 | 030/1234·567 | 0171 234·5678 | 089 / 123· 456 78 | phone: 061234·5678
Tel. 030-1234·567 | call us at 415555·2671 | mobile 0171-234·5678 | WhatsApp: 4915112·345678
+31\u00a06\u00a01234·5678 | +31 6\u20111234·5678 | +32 470 12· 34 56 | +34 612 34· 56 78 | +39 06 1234· 5678
+61 2 9876· 5432 | +86 138 0013· 8000 | tel:+314712·3456 | Fax: 020-123·4567 | Handy 01512 34·56789
""")
MAILS = listed("""
anna.smith@example·.com | j.de-vries+shop@mail.example·.nl | INFO@EXAMPLE·.ORG | o'brien@example·.ie
müller@beispiel·.de | user_99@163·.com | a@b·.co | first.last@sub.domain.example·.co.uk
support@münchen-laden·.de | x%40example·.com | anna@example·.photography | hello@example·.travel
root@mail·.internal | jan_de_vries1975@example·.nl | no-reply@orders.example·.com
""")
SECURITY_NUMBERS = listed("078-05·-1120 | 219-09·-9999")


def draw(rng: random.Random, alphabet: str, length: int) -> str:
    """Return random characters, the way a key is made."""
    return "".join(rng.choice(alphabet) for _ in range(length))


def keys(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield (kind, key), one of each shape a provider hands out."""
    for kind, prefix, alphabet, length, suffix in (
        ("openai", "s·k-", LETTERS, 48, ""),
        ("openai", "s·k-proj-", WORD, 120, ""),
        ("openai", "s·k-svcacct-", WORD, 74, "9A1"),
        ("openai", "s·k-admin-", WORD, 60, "9A1"),
        ("anthropic", "s·k-ant-api03-", WORD, 93, "AA"),
        ("openrouter", "s·k-or-v1-", SMALL_HEX, 64, ""),
        ("aws id", "AK·IA", CAPITALS, 16, ""),
        ("aws id", "AS·IA", CAPITALS, 16, ""),
        ("aws secret", "", LETTERS + "+/", 40, ""),
        ("github", "gh·p_", LETTERS, 36, ""),
        ("github", "gh·s_", LETTERS, 36, ""),
        ("gitlab", "gl·pat-", WORD, 20, ""),
        ("google", "AI·za", WORD, 35, ""),
        ("google oauth", "ya·29.", WORD, 60, ""),
        ("google oauth", "GOC·SPX-", WORD, 28, ""),
        ("stripe", "sk·_live_", LETTERS, 24, ""),
        ("stripe", "rk·_test_", LETTERS, 24, ""),
        ("stripe", "wh·sec_", LETTERS, 32, ""),
        ("npm", "np·m_", LETTERS, 36, ""),
        ("pypi", "py·pi-AgEIcHlwaS5vcmc", WORD, 90, ""),
        ("huggingface", "h·f_", LETTERS, 34, ""),
        ("groq", "gs·k_", LETTERS, 52, ""),
        ("digitalocean", "do·p_v1_", SMALL_HEX, 64, ""),
        ("shopify", "shp·at_", SMALL_HEX, 32, ""),
        ("databricks", "da·pi", SMALL_HEX, 32, ""),
        ("twilio", "S·K", SMALL_HEX, 32, ""),
        ("bearer", "Authorization: Bear·er ", LETTERS + "-._~+/", 40, "7="),
        ("random", "", LETTERS, 43, ""),
        ("random", "", string.ascii_lowercase + string.digits, 40, ""),
    ):
        yield kind, whole(prefix) + draw(rng, alphabet, length) + suffix
    yield from _keys_in_parts(rng)


def _keys_in_parts(rng: random.Random) -> Iterator[tuple[str, str]]:
    yield "github", f"{whole('github·_pat_')}{draw(rng, LETTERS, 22)}_{draw(rng, LETTERS, 59)}"
    yield "slack", whole("xo·xb-") + f"{rng.randrange(10**12):012}-{rng.randrange(10**13):013}-{draw(rng, LETTERS, 24)}"
    yield "slack", whole("xo·xp-") + f"{rng.randrange(10**12):012}-{draw(rng, LETTERS, 32)}"
    hook = "/".join(draw(rng, LETTERS, length) for length in (9, 9, 24))
    yield "slack hook", whole("https://hooks.sl·ack.com/services/") + hook
    yield "sendgrid", f"{whole('S·G.')}{draw(rng, WORD, 22)}.{draw(rng, WORD, 43)}"
    yield "telegram", f"{rng.randrange(10**8, 10**9)}:AA{draw(rng, WORD, 33)}"
    claims = (
        b'{"alg":"HS256","typ":"JWT"}',
        b'{"sub":"%d","iat":1516239022}' % rng.randrange(10**9),
        rng.randbytes(32),
    )
    yield "jwt", ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in claims)
    login = base64.b64encode(f"user:{draw(rng, LETTERS, 12)}9".encode()).decode()
    yield "basic", f"Authorization: Basic {login}"
    yield "base64 of a key", base64.b64encode(f"{whole('s·k-proj-')}{draw(rng, LETTERS, 48)}99".encode()).decode()


def given_secrets(rng: random.Random) -> Iterator[str]:
    """Yield texts that say themselves that they hold a secret."""
    for name in (
        "password: ",
        "PASSWORD=",
        "db_password = ",
        "api_key: ",
        "client_secret=",
        "access_token: ",
        '"secret": "',
    ):
        yield f"{name}{draw(rng, LETTERS + '!#%&*', 11)}a7" + '"' * name.count(' "')
    yield f"postgres://shop:{draw(rng, LETTERS, 12)}@db.internal:5432/shop"
    yield f"https://admin:{draw(rng, LETTERS, 16)}@registry.internal/v2/"
    body = "\n".join(draw(rng, LETTERS + "+/", 64) for _ in range(6))
    for name in ("PRIV·ATE KEY", "RSA PRIV·ATE KEY", "OPENSSH PRIV·ATE KEY"):
        yield whole(f"-----BEGIN {name}-----\n{body}\n-----END {name}-----")
    yield whole(f"-----BEGIN EC PRIV·ATE KEY-----\n{body[:200]}")


def spaced(number: str, by: str, *sizes: int) -> str:
    """Return a number in groups of the given sizes; the last size repeats."""
    parts, at = [], 0
    for size in (*sizes, *[sizes[-1]] * len(number)):
        parts.append(number[at : at + size])
        at += size
    return by.join(filter(None, parts))


def personal_data() -> Iterator[tuple[str, str]]:
    """Yield (kind, text) for mail addresses, cards, accounts, phones and US social security numbers."""
    yield from (("email", mail) for mail in MAILS)
    for card in CARDS:
        yield from (("card", text) for text in (card, spaced(card, " ", 4), spaced(card, "-", 4)))
    for card in AMEX:
        yield from (("card", text) for text in (card, spaced(card, " ", 4, 6, 5)))
    yield from (("iban", text) for iban in IBANS for text in (iban, spaced(iban, " ", 4)))
    yield from (("phone", phone) for phone in PHONES)
    yield from (("ssn", number) for number in SECURITY_NUMBERS)


CONTEXTS = (
    "{}",
    "Please write to {} today.",
    '{{"note": "reach {}", "n": 1}}',
    "first line\\n{}\\nlast line",
    "ключ ({}), спасибо",
)
"""Where a datum stands: alone, in a sentence, in JSON, between escaped newlines, beside another script."""


def detection_set() -> list[tuple[str, str, str]]:
    """Return (kind, datum, text): every datum once, the context changing from one to the next."""
    rng = random.Random(20250115)
    data = [*keys(rng), *keys(rng), *(("given", line) for line in given_secrets(rng)), *personal_data()]
    return [
        (kind, datum, datum if kind == "given" else CONTEXTS[place % len(CONTEXTS)].format(datum))
        for place, (kind, datum) in enumerate(data)
    ]
