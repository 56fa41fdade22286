"""Several providers behind one: each model goes to the provider whose patterns name it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migrate.ports import Attempt, Provider
from migrate.vocabulary import NoReply, Request


@dataclass(frozen=True, slots=True)
class Route:
    """Which models a provider answers for, and how to reach it; connected when the first call needs it."""

    name: str
    models: tuple[str, ...]
    """Shell-style patterns of model names; `*` is every model."""
    connect: Callable[[], Provider]

    def takes(self, model: str) -> bool:
        return any(fnmatch.fnmatchcase(model, pattern) for pattern in self.models)


class ByModel:
    """Implements `ports.Provider`; the first route that takes a model answers for it, the last one is the default."""

    def __init__(self, routes: Sequence[Route], redact: Callable[[str], str] = str) -> None:
        self._routes = tuple(routes)
        self._redact = redact
        self._connected: dict[str, Provider] = {}
        self._chosen: dict[str, Provider] = {}

    @property
    def name(self) -> str:
        return ", ".join(route.name for route in self._routes)

    async def ask(self, request: Request, *, sample: int, timeout_s: float) -> Attempt:
        provider = self._chosen.get(request.model) or self._choose(request.model)
        attempt = await provider.ask(request, sample=sample, timeout_s=timeout_s)
        if not isinstance(attempt.outcome, NoReply):
            return attempt
        # A complaint may quote the key or the prompt it was sent, and it is on its way to a log: nobody sees it raw.
        fault = replace(attempt.outcome, message=self._redact(attempt.outcome.message))
        return replace(attempt, outcome=fault)

    async def close(self) -> None:
        for provider in self._connected.values():
            await provider.close()

    def _choose(self, model: str) -> Provider:
        route = next((route for route in self._routes if route.takes(model)), self._routes[-1])
        if route.name not in self._connected:
            self._connected[route.name] = route.connect()
        self._chosen[model] = self._connected[route.name]
        return self._chosen[model]
