"""The shapes of exported files, as strict JSON Schemas: only keys that we write, so that a misspelt one is found.

The programs that read these files mostly pass over keys they do not know, which is how a weight gets lost. Keys and
types are those of LiteLLM's `litellm.types.router` (Deployment, LiteLLM_Params, Router's arguments), of the custom
resources `rollouts.argoproj.io` and `analysistemplates.argoproj.io` (v1alpha1), and of
`httproutes.gateway.networking.k8s.io` (v1). `nox -s exports` holds the files against these programs' own code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

Shape = Mapping[str, Any]
TEXT: Final[Shape] = {"type": "string", "minLength": 1}
PERCENT: Final[Shape] = {"type": "integer", "minimum": 0, "maximum": 100}
MOST_SAID: Final = 5


def _exactly(properties: Mapping[str, Shape], *optional: str) -> Shape:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _list_of(items: Shape, least: int = 1) -> Shape:
    return {"type": "array", "items": items, "minItems": least}


_PARAMETERS: Final = _exactly({"model": TEXT, "weight": {"type": "integer", "minimum": 1}}, "weight")
_DEPLOYMENT: Final = _exactly(
    {"model_name": TEXT, "litellm_params": _PARAMETERS, "model_info": {"type": "object"}}, "model_info"
)
_FALLBACK: Final[Shape] = {
    "type": "object",
    "additionalProperties": _list_of(TEXT),
    "minProperties": 1,
    "maxProperties": 1,
}
LITELLM: Final = _exactly(
    {
        "model_list": _list_of(_DEPLOYMENT),
        "router_settings": _exactly(
            {
                "routing_strategy": {"const": "simple-shuffle"},
                "optional_pre_call_checks": _list_of({"enum": ["session_affinity", "deployment_affinity"]}),
                "fallbacks": _list_of(_FALLBACK, 0),
            },
            "optional_pre_call_checks",
        ),
    }
)
_METADATA: Final = _exactly(
    {"name": TEXT, "annotations": {"type": "object", "additionalProperties": {"type": "string"}}}
)
_PAUSE: Final = _exactly({"duration": {"type": "string", "pattern": "^[0-9]+h$"}}, "duration")
_ANALYSIS: Final = _exactly({"templates": _list_of(_exactly({"templateName": TEXT}))})
_STEP: Final[Shape] = {
    "oneOf": [_exactly({"setWeight": PERCENT}), _exactly({"pause": _PAUSE}), _exactly({"analysis": _ANALYSIS})]
}
ROLLOUT: Final = _exactly(
    {
        "apiVersion": {"const": "argoproj.io/v1alpha1"},
        "kind": {"const": "Rollout"},
        "metadata": _METADATA,
        "spec": _exactly(
            {
                "replicas": {"type": "integer", "minimum": 1},
                "selector": _exactly({"matchLabels": {"type": "object"}}),
                # What runs is the user's own: image, ports, resources.
                "template": {"type": "object", "required": ["metadata", "spec"]},
                "strategy": _exactly({"canary": _exactly({"steps": _list_of(_STEP)})}),
            }
        ),
    }
)
_JOB: Final = _exactly({"job": {"type": "object", "required": ["spec"]}})
TEMPLATE: Final = _exactly(
    {
        "apiVersion": {"const": "argoproj.io/v1alpha1"},
        "kind": {"const": "AnalysisTemplate"},
        "metadata": _METADATA,
        "spec": _exactly(
            {"metrics": _list_of(_exactly({"name": TEXT, "failureLimit": {"const": 0}, "provider": _JOB}))}
        ),
    }
)
_BACKEND: Final = _exactly(
    {"name": TEXT, "port": {"type": "integer", "minimum": 1, "maximum": 65535}, "weight": PERCENT}
)
HTTP_ROUTE: Final = _exactly(
    {
        "apiVersion": {"const": "gateway.networking.k8s.io/v1"},
        "kind": {"const": "HTTPRoute"},
        "metadata": _METADATA,
        "spec": _exactly(
            {
                "parentRefs": _list_of({"type": "object", "required": ["name"]}),
                "rules": _list_of(_exactly({"backendRefs": _list_of(_BACKEND, 2)})),
            }
        ),
    }
)
KINDS: Final[Mapping[str, Shape]] = {"Rollout": ROLLOUT, "AnalysisTemplate": TEMPLATE, "HTTPRoute": HTTP_ROUTE}
"""Of Kubernetes, by the kind a document says it is."""


def shape_flaws(document: Any, shape: str) -> Iterator[str]:
    """Yield where a document has another shape than a configuration of `litellm`, or than its Kubernetes `kind`."""
    for error in sorted(_validator(shape).iter_errors(document), key=lambda error: error.json_path)[:MOST_SAID]:
        yield f"{shape} {error.json_path}: {error.message[:160]}"


def kubernetes_flaws(documents: list[Any], kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield where documents are of no kind that is wanted, or of another shape than theirs."""
    for place, document in enumerate(documents, 1):
        kind = document.get("kind") if isinstance(document, dict) else None
        if kind in kinds:
            yield from shape_flaws(document, kind)
        else:
            yield f"document {place} is no {' or '.join(kinds)}"


@cache
def _validator(shape: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(LITELLM if shape == "litellm" else KINDS[shape])
