"""What a model, a provider or a file wrote never fires, sends, restyles or breaks out, in whatever field it stands.

The same payloads on a page that does not escape them are the control: there they do all of it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from measured import compared, finding, replay
from report_browser import Tab
from report_stage import golden, judged, trial, write_page

from migrate.edges.report.shell import page as shell_page
from migrate.evidence.rating import weigh_ratings
from migrate.presenting.report import Facts
from migrate.vocabulary import (
    Case,
    CaseId,
    CaseVerdict,
    Decision,
    Flow,
    FlowName,
    PriceUsed,
    Prompt,
    Rating,
    Rule,
    Rung,
    Severity,
    ToolCall,
)

BEACON: Final = "http://127.0.0.1:4999/beacon"


def hit(name: str) -> str:
    return f"document.documentElement.dataset.pwned=(document.documentElement.dataset.pwned||'')+' {name}'"


PAYLOADS: Final = {
    "script": f"<script>{hit('script')}</script>",
    "image": f'<img src=x onerror="{hit("image")}">',
    "svg": f'<svg onload="{hit("svg")}"></svg>',
    "frame": f'<iframe srcdoc="<script>{hit("frame").replace("document.", "parent.document.")}</script>"></iframe>',
    "details": f'<details open ontoggle="{hit("details")}">x</details>',
    "focus": f'<input autofocus onfocus="{hit("focus")}">',
    "raw-text": f'</textarea></title></style></noscript></template></select><img src=x onerror="{hit("raw-text")}">',
    "end-of-data": f"</script><script>{hit('end-of-data')}</script>",
    "comment": f"<!--<script>--><script>{hit('comment')}</script>",
    "style": "<style>body{background:rgb(255,0,0)!important}</style>",
    "sheet": f'<link rel=stylesheet href="{BEACON}.css">',
    "picture": f'<img src="{BEACON}.png">',
    "form": f'<form action="{BEACON}"><button>Approve all 412 changes</button></form>',
    "clobber": '<a id="index"></a><form id="app"></form><a id="chunk-0"></a>',
}
EVERYTHING: Final = " ".join(PAYLOADS.values()) + " javascript:alert(1) {{policy}} {{program}} \"'`${1}\u2028\u202e"
RUNS: Final = {"script", "image", "svg", "frame", "details", "focus", "raw-text", "end-of-data", "comment"}


_FOLDER: Final = Path(__file__).parent / "decided"
DECIDED: Final = {
    "route": _FOLDER / "route.json",
    "canary": _FOLDER / "canary-plan.json",
    "check": _FOLDER / "canary-check.json",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every payload in every field that somebody else writes."""
    path = tmp_path_factory.mktemp("hostile") / "index.html"
    bad = EVERYTHING
    flow = FlowName(f"flow {bad}")
    break_ = finding(f"$.{bad}", severity=Severity.BREAKING, rung=Rung.SCHEMA, expected=bad, actual=[bad])
    drift = replace(finding(f'$["{bad}"]', message=bad, rule=bad, expected={bad: bad}, actual=bad), sample=1)
    facts: dict[str, Any] = {"flow": flow, "candidate": bad, "baseline": bad}
    tools = (ToolCall(bad, bad), ToolCall("refund", f'{{"{"x" * 3}": 1}}'))
    answers = (
        judged(1, bad, bad, bad, served=bad, refusal=bad),
        judged(2, json.dumps({"a": bad, bad: [bad]}), bad, bad),
        judged(3, None, bad, bad, tools=tools),
        judged(4, None, bad, bad, fault=bad),
    )
    records = [
        trial(compared(f"one {bad}", break_, drift, verdict=CaseVerdict.BREAKING, **facts, unjudged=(bad,)), *answers),
        trial(compared(f"two {bad}", drift, verdict=CaseVerdict.DRIFT, **facts), *answers),
        trial(compared(f"three {bad}", verdict=CaseVerdict.NO_REPLY, note=bad, **facts), answers[3]),
    ]
    goldens = [
        golden(record.comparison.case, bad, '{"a": 1}', flow=flow, baseline=bad, system=f"{bad} before", served=bad)
        for record in records
    ]
    cases = tuple(Case(CaseId(record.comparison.case), {}, tags=(bad,)) for record in records)
    rule = Rule(f"$.{bad}", "one_of", [bad], reason=bad)  # type: ignore[arg-type]
    known = Flow(flow, Prompt((), bad), cases, title=bad, description=bad, owner=bad, rules=(rule,))
    price = PriceUsed(bad, bad, "1", None, None, "2", bad, bad)
    pages = {name: poisoned(json.loads(file.read_text("utf-8")), bad) for name, file in DECIDED.items()}
    pages["check"] = {bad: bad, "flows": [{bad: bad}], "list": [bad, {"deep": [bad]}], **pages["check"]}
    run = replay(id=bad, candidates=(bad,), command=bad, git_commit=bad, provider=bad, tool_version=bad, simulated=True)
    said = [
        Rating(flow, case.id, bad, f"rater {bad}", "tie", 3, 4, "baseline", "b", "c", 0, 3, 3) for case in known.cases
    ]
    people = weigh_ratings(said, {}, 1)
    assert people is not None
    made = Decision(flow, cases[1].id, bad, "reject", None, "", reason=bad, reviewer=bad, at=bad)
    more = Facts(
        flows={flow: known}, prices=[price], pages=pages, closed=[bad], people=[people], decided=[made], leaving=[bad]
    )
    write_page(path, records, goldens, facts=more, run=run)
    return path


def poisoned(value: Any, bad: str) -> Any:
    """Put the payloads into every text of a document, but for times."""
    if isinstance(value, dict):
        return {name: item if name == "at" else poisoned(item, bad) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, bad) for item in value]
    return bad if isinstance(value, str) else value


def test_the_control_page_fires_sends_and_restyles(tab: Tab, tmp_path: Path) -> None:
    """Unescaped and without a policy, these payloads do their work: a test with them can fail."""
    control = tmp_path / "control.html"
    control.write_text(f"<!doctype html><body>{''.join(PAYLOADS.values())}</body>", "utf-8")
    tab.page.goto(control.resolve().as_uri())
    tab.page.wait_for_timeout(500)
    fired = set((tab.page.evaluate("document.documentElement.dataset.pwned") or "").split())
    assert RUNS - {"focus"} <= fired
    assert {f"{BEACON}.css", f"{BEACON}.png"} <= set(tab.outside())
    assert "rgb(255, 0, 0)" == tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.provoked = True


VIEWS: Final = ("#/overview", "#/cases?view=table", "#/cases", "#/page/route", "#/page/canary", "#/decisions")


def test_no_payload_does_anything_in_any_view(tab: Tab, hostile: Path) -> None:
    """Overview, flow, table, every case with everything unfolded, raw and unified, other commands' pages, decisions."""
    page = tab.open(hostile)
    flow = page.locator(".matrix tbody th a").get_attribute("href")
    for view in (*VIEWS, flow):
        page.evaluate("hash => { location.hash = hash }", view)
        page.wait_for_timeout(150)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        inspect(tab)
    page.evaluate("location.hash = '#/cases'")
    for keys in ("j", "x", "xv", "j", "x", "xj"):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(150)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for button in page.locator('button[aria-expanded="false"]').all():
            button.click()
        inspect(tab)
    page.keyboard.press("r")
    inspect(tab)


def inspect(tab: Tab) -> None:
    """Nothing fired, nothing was asked for, nothing is markup that the page itself does not make."""
    state = tab.page.evaluate("""() => ({
        pwned: document.documentElement.dataset.pwned ?? null,
        background: getComputedStyle(document.body).backgroundColor,
        foreign: [...document.querySelectorAll('iframe, img, object, embed, base, link, video, audio')].length,
        scripts: [...document.querySelectorAll('#app script, #app style, #app meta')].length,
        handlers: [...document.querySelectorAll('*')].filter(one =>
            [...one.attributes].some(a => a.name.startsWith('on'))).length,
        links: [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))
            .filter(href => !href.startsWith('#')),
    })""")
    expected = {"pwned": None, "background": "rgb(255, 255, 255)", "foreign": 0, "scripts": 0, "handlers": 0}
    assert expected | {"links": []} == state
    assert [] == tab.outside()


def test_the_texts_are_there_all_the_same(tab: Tab, hostile: Path) -> None:
    """Shown as what they are, letter by letter, and unseen characters drawn."""
    page = tab.open(hostile, "#/cases")
    page.keyboard.press("j")
    assert "rater <script>" in page.locator(".people-said").inner_text()
    page.wait_for_selector(".case[data-row]")
    page.keyboard.press("x")
    shown = page.locator(".answers pre").nth(1).inner_text()
    assert PAYLOADS["script"] in shown
    assert "RLO" in shown


def test_a_tampered_page_still_runs_nothing_else(tab: Tab, hostile: Path, tmp_path: Path) -> None:
    """Payloads put into the page's own markup are stopped by its policy: no script, no handler, no style."""
    text = hostile.read_text("utf-8")
    tampered = tmp_path / "tampered.html"
    tampered.write_text(text.replace('<div id="app">', "".join(PAYLOADS.values()) + '<div id="app">', 1), "utf-8")
    tab.page.goto(tampered.resolve().as_uri())
    tab.page.wait_for_timeout(800)
    assert None is tab.page.evaluate("document.documentElement.dataset.pwned ?? null")
    assert "rgb(255, 0, 0)" != tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.provoked = True


class Ear:
    """A server on loopback that remembers what it was asked for."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                ear.heard.append(self.path)
                self.send_error(404)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A listener at an address of its own."""
    one = Ear()
    thread = Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


SENDS: Final = {
    "fetch": "fetch(ADDRESS, {method: 'POST', mode: 'no-cors', body: 'x'})",
    "beacon": "navigator.sendBeacon(ADDRESS, 'x')",
    "image": "{ new Image().src = ADDRESS }",
    "request": "{ const asked = new XMLHttpRequest(); asked.open('GET', ADDRESS); asked.send() }",
    "events": "new EventSource(ADDRESS)",
    "form": "{ const form = document.createElement('form'); form.action = ADDRESS; form.target = '_blank';"
    " document.body.append(form); form.submit() }",
}


def test_nothing_leaves_even_a_page_that_is_taken_over(tab: Tab, hostile: Path, ear: Ear, tmp_path: Path) -> None:
    """Markup put into the page and script run in it reach nobody; from a page without a policy each way arrives."""
    markup = "".join(PAYLOADS.values()).replace(BEACON, f"{ear.address}/markup")
    tampered = hostile.read_text("utf-8").replace('<div id="app">', f'{markup}<div id="app">', 1)
    heard = {}
    for name, text in {"report": tampered, "control": f"<!doctype html><body>{markup}</body>"}.items():
        (tmp_path / f"{name}.html").write_text(text, "utf-8")
        tab.page.goto((tmp_path / f"{name}.html").as_uri())
        for way, code in SENDS.items():
            sent = code.replace("ADDRESS", json.dumps(f"{ear.address}/{way}"))
            tab.page.evaluate(f"() => {{ Promise.resolve().then(() => {sent}).catch(() => 0) }}")
        tab.page.wait_for_timeout(800)
        heard[name] = {path.strip("/?") for path in ear.heard} - {"favicon.ico"}
    assert {"report": set(), "control": {*SENDS, "markup.css", "markup.png"}} == heard
    tab.provoked = True


def test_text_can_become_markup_nowhere(tab: Tab, hostile: Path) -> None:
    """Even the page's own program could not assign a string to `innerHTML`, nor reach another machine."""
    page = tab.open(hostile)
    for attempt in ("document.body.innerHTML = '<b>x</b>'", "fetch('https://a.example')"):
        refused = page.evaluate(f"() => Promise.resolve().then(() => {attempt}).then(() => 'done', e => e.name)")
        assert "TypeError" == refused, attempt
    tab.provoked = True


def test_the_policy_allows_the_program_and_the_styles_by_hash_and_nothing_else(hostile: Path) -> None:
    """No `unsafe-inline`, no host, no scheme; beside chunks only what the program itself adds."""
    alone = policy(hostile.read_text("utf-8"))
    assert {"default-src", "script-src", "style-src", "base-uri", "form-action", "trusted-types"} <= set(alone)
    assert ("'none'", "'none'", "'none'", "'none'") == tuple(
        alone[name] for name in ("default-src", "base-uri", "form-action", "trusted-types")
    )
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]+'", alone["script-src"])
    beside = policy(shell_page("title", b"", None))
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]+' 'strict-dynamic'", beside["script-src"])
    assert "chunks" == beside["trusted-types"]


def policy(text: str) -> dict[str, str]:
    content = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1))  # type: ignore[union-attr]
    return dict(part.split(" ", 1) for part in content.split("; "))
