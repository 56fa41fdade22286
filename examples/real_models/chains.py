"""The demo's three chains on two real models: the same files, other model names, smaller chunks, and eight cases.

What is looked at is structure: which calls were made, whether each answer kept its own schema, what the small chunks
did, and how often the cascade escalated. Models this small answer badly, so nothing is said of quality.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

DEMO = Path(__file__).resolve().parents[2] / "prompts"
CASES = {
    "feedback-digest": ("en-october-zips", "de-october-waterproofing"),
    "care-answer": ("daune-trocknen", "zip-wachs", "filter-frozen"),
    "warranty-claim": ("kraxe-zip-de", "tent-pole-en", "garbled-ocr-de"),
}
"""Flow -> the cases that are asked: with the shorter documents, eight in all."""
CHUNK_TOKENS = 1_000
"""By the o200k vocabulary; the models' own ones, which are smaller, make up to twice as many of it."""
TIERS = {"gpt-4o-mini": "smollm2-135m-instruct", "gpt-4o": "gemma-3-270m"}
"""What the demo's files ask -> the model that stands for that tier here."""
CANDIDATE = "gemma-3-270m=smollm2-135m-instruct"
"""The large tier moves to the small model; steps at the small one stay."""


def copied(folder: Path) -> None:
    """Copy the demo's three chains into a project: the models' names differ, and the number of cases."""
    prompts = folder / "prompts"
    for part in ("documents", "corpora"):
        copytree(DEMO / part, prompts / part)
    (prompts / "cases").mkdir()
    for flow, cases in CASES.items():
        text = (DEMO / f"{flow}.prompt.yml").read_text("utf-8")
        text = re.sub(r"(?m)^( +model: )(\S+)$", lambda found: found[1] + TIERS[found[2]], text)
        (prompts / f"{flow}.prompt.yml").write_text(text, "utf-8")
        lines = (DEMO / "cases" / f"{flow}.jsonl").read_text("utf-8").splitlines()
        kept = [line for line in lines if json.loads(line)["id"] in cases]
        (prompts / "cases" / f"{flow}.jsonl").write_text("\n".join(kept) + "\n", "utf-8")


def made(goldens: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the recorded samples are made of: flow -> cases, samples, shapes, and of each step calls and ends."""
    found: dict[str, Any] = {}
    for golden in goldens:
        one = found.setdefault(golden["flow"], {"cases": 0, "samples": 0, "shapes": Counter(), "steps": {}})
        one["cases"] += 1
        for sample in golden["samples"]:
            one["samples"] += 1
            one["shapes"][_shape(sample["calls"])] += 1
            for call in sample["calls"]:
                step = one["steps"].setdefault(call["step"], Counter(calls=0, json=0, cut=0))
                step.update(calls=1, json="json" in call["answer"], cut=call["answer"].get("finish") == "length")
    return found


def _shape(calls: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{count} {step}" for step, count in Counter(call["step"] for call in calls).items())
