"""The stage on which the simulated provider is tested."""

from simulated_stage import stage

__all__ = ["stage"]
