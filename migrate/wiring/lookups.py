"""Which queries the answers of a run's flows look passages up by, and what their vectors were billed for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from migrate.rendering import baseline_of, looked_up_by, parse_candidate
from migrate.vocabulary import CaseId, Flow, FlowName
from migrate.workflow.lookups import LookedUp, Lookups, no_lookups

if TYPE_CHECKING:
    from migrate.wiring.world import World


def lookups_of(world: World, flows: Sequence[Flow]) -> Lookups:
    """Return the queries of flows that look passages up by vectors; other flows have none."""
    known = {flow.name: flow for flow in flows if _by_vectors(flow)}
    if not known:
        return no_lookups
    cases = {(flow.name, case.id): case for flow in known.values() for case in flow.cases}
    tokens = cache(world.passage_vectors.tokens_of)

    def find(flow: FlowName, case: CaseId, candidate: str | None) -> Sequence[LookedUp]:
        if (flow, case) not in cases:
            return ()
        asked = baseline_of(known[flow]) if candidate is None else parse_candidate(candidate)
        queries = looked_up_by(known[flow], cases[flow, case], asked)
        return [LookedUp(step, model, tokens(model, query)) for step, model, query in queries]

    return find


def _by_vectors(flow: Flow) -> bool:
    chains = [flow.chain, *(variant.chain for variant in flow.variants)]
    steps = [step for chain in chains if chain is not None for step in chain.steps]
    return flow.chain is not None and any(step.retrieve and step.retrieve.embeddings for step in steps)
