"""Exports in the hands of the programs they are for: `nox -s exports` installs these, other runs leave them out."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from canary_nouns import evidence, plan, rollout

from migrate.wiring.canary_export import Target, exported, stages_of

PLAN = plan(rollout(), rollout(evidence=evidence(flow="notes")))
NODE_MODULES = os.environ.get("KUBERNETES_MODELS", "")
VALIDATE = """
const argo = require("@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1");
const gateway = require("@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1");
const models = { ...argo, ...gateway };
for (const one of JSON.parse(require("fs").readFileSync(0))) {
  try { new models[one.kind](one).validate(); console.log("fine"); } catch (error) { console.log(error.message); }
}
"""


def documents(target: Target) -> list[Any]:
    return list(yaml.safe_load_all(exported(PLAN, target, stages_of(PLAN, (), 1))))


@pytest.mark.filterwarnings("ignore")
def test_litellm_s_own_router_takes_the_file_and_splits_as_planned() -> None:
    """Of 4,000 choices of its router at 10 % the candidate has its share, to 3.5 standard errors."""
    litellm = pytest.importorskip("litellm", reason="nox -s exports installs it")
    (document,) = documents("litellm")
    router = litellm.Router(model_list=document["model_list"], **document["router_settings"])

    async def drawn() -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(4_000):
            asked: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "request_kwargs": {}}
            chosen = await router.async_get_available_deployment(model="refund", **asked)
            found[chosen["litellm_params"]["model"]] += 1
        return found

    found = asyncio.run(drawn())
    assert {"openai/gpt-4.1-mini", "openai/gpt-4o"} == set(found)
    assert abs(found["openai/gpt-4.1-mini"] - 400) <= 3.5 * (4_000 * 0.1 * 0.9) ** 0.5


def validated(found: list[Any]) -> list[str]:
    """What the published schemas of the custom resources say, as `kubernetes-models` ships them."""
    environ = {**os.environ, "NODE_PATH": NODE_MODULES}
    done = subprocess.run(
        ["node", "-e", VALIDATE], input=json.dumps(found), env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(not Path(NODE_MODULES or "-").is_dir(), reason="nox -s exports installs the schemas")
@pytest.mark.parametrize("target", ["argo", "httproute"])
def test_kubernetes_takes_the_files_by_its_published_schemas(target: Target) -> None:
    """Every document is fine; one with a weight as text is not."""
    found = documents(target)
    assert ["fine"] * len(found) == validated(found)
    if target == "argo":
        found[0]["spec"]["strategy"]["canary"]["steps"][0]["setWeight"] = "10"
    else:
        found[0]["spec"]["rules"][0]["backendRefs"][0]["weight"] = "10"
    assert "fine" not in validated(found[:1])
