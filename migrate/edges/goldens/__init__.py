"""Goldens as files in git: `fixtures/<flow>/<case>.json` and `fixtures/<flow>/measurements.json`."""

from migrate.edges.goldens.store import GoldenFiles

__all__ = ["GoldenFiles"]
