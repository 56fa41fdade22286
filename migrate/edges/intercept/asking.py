"""Tell a call of the OpenAI API from every other HTTP request, and read what it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from migrate.vocabulary import Endpoint, JsonObject

PATHS: Final[Mapping[str, Endpoint]] = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/embeddings": "embeddings",
}
HOSTS: Final = ("api.openai.com", "openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com")
"""Hosts of the API; names in front of them (a region, a resource) belong to them."""
_SDK_HEADER: Final = "x-stainless-lang"
_AGENTS: Final = ("openai/", "asyncopenai/", "azureopenai/", "asyncazureopenai/", "litellm/")
_QUESTIONS: Final[Mapping[Endpoint, str]] = {"chat": "messages", "responses": "input", "embeddings": "input"}
_DEPLOYMENT: Final = re.compile(r"(?<=/deployments/)[^/]+(?=/)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One HTTP request that is a call of the API."""

    endpoint: Endpoint
    text: str
    """The body as it is sent."""
    body: JsonObject
    """The same, read; `model` is always there."""
    deployment: str | None
    """Azure's deployment in the URL, which decides there, whatever the body says."""

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is True


def speaks_api(request: Any, hosts: Collection[str] = ()) -> bool:
    """Say whether an HTTP request is made to the OpenAI API: by its SDK, or to a host of the API or of `hosts`."""
    headers = request.headers
    if _SDK_HEADER in headers or headers.get("user-agent", "").lower().startswith(_AGENTS):
        return True
    host = request.url.host
    return any(host == known or host.endswith(f".{known}") for known in (*HOSTS, *hosts))


def endpoint_of(request: Any, hosts: Collection[str] = ()) -> Endpoint | None:
    """Return the endpoint of a call that can be recorded; None for everything else, which is left alone."""
    if request.method != "POST":
        return None
    path = request.url.path
    endpoint = next((endpoint for suffix, endpoint in PATHS.items() if path.endswith(suffix)), None)
    # `/chat/completions` is nobody else's path; the others are common words.
    if endpoint is None or endpoint == "chat":
        return endpoint
    return endpoint if speaks_api(request, hosts) else None


def read_asked(request: Any, endpoint: Endpoint) -> Asked | None:
    """Return what a call asks; None when its body is not a question of that endpoint."""
    try:
        text = request.content.decode("utf-8", "surrogatepass")
        body = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or _QUESTIONS[endpoint] not in body:
        return None
    match = _DEPLOYMENT.search(request.url.path)
    deployment = match.group() if match else None
    if not isinstance(body.get("model"), str):
        if deployment is None:
            return None
        body = {"model": deployment, **{name: value for name, value in body.items() if name != "model"}}
    return Asked(endpoint, text, body, deployment)


def path_for(path: str, deployment: str) -> str:
    """Return a URL path with another Azure deployment in it."""
    return _DEPLOYMENT.sub(lambda _: deployment, path, count=1)
