"""How a project is run."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How one provider is reached. Secrets are never here: only the names of the variables that hold them."""

    name: str
    kind: Literal["openai", "azure", "simulated"]
    """`openai` is every server that speaks OpenAI's API."""
    base_url: str | None = None
    """None: the address the SDK knows."""
    api_key_env: str | None = None
    """Environment variable that holds the key; None: no key is sent."""
    api_version: str | None = None
    """For Azure."""
    models: tuple[str, ...] = ()
    """Glob patterns of the models it serves; empty: those that no other provider claims."""
    served_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asked model -> names it may be served under beside its own and its dated snapshots."""
    headers_env: Mapping[str, str] = field(default_factory=dict)
    """HTTP header -> environment variable that holds its value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration, the environment and the command line say together."""

    root: Path
    """The project's folder: every other path is relative to it."""
    prompts: str = "prompts"
    fixtures: str = "fixtures"
    state: str = ".prompt-migrate"
    reports: str = "reports"
    provider: str = "openai"
    """Name of the provider that answers models no other provider claims."""
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    """By name, `provider` included, in the order of the file."""
    samples: int = 5
    """Baseline samples to record a case."""
    as_of: str | None = None
    """ISO date lifecycle facts are judged against; None: today."""
    concurrency: int = 50
    """Calls in flight of the whole run."""
    timeout_s: float = 600.0
    """Longest wait for one answer, in seconds."""
    max_cost: str | None = None
    """US dollars a run may spend, a decimal as text; None: no cap."""
    fail_on: tuple[str, ...] = ("breaking",)
    """`breaking`, `drift`, `unstable`, `cost:+10%`, `p95:+20%`."""
    ledger: str | None = None
    """SQLAlchemy URL; None: `ledger.db` in the state folder."""
    time_scale: float = 0.05
    """Real seconds per second of the simulated provider's latency; 0: no waiting."""
    simulation_seed: int = 1
    prices: str | None = None
    """File with prices that override the built-in table."""
    redact: bool = True
    chunk_tokens: int | None = None
    """Most tokens of a chunk, whatever the prompt files say: for models with a shorter context; None: as they say."""
    candidates: tuple[str, ...] = ()
    """Candidates this project has in mind; shown by `list` and `doctor`, never run by themselves."""

    def provider_for(self, model: str) -> ProviderSettings:
        """Return the first provider with a pattern that matches the model, else the default one."""
        for provider in self.providers.values():
            if any(fnmatch.fnmatchcase(model, pattern) for pattern in provider.models):
                return provider
        return self.providers[self.provider]
