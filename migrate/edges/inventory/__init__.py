"""The inventory: prompt files and their cases, read strictly into flows."""

from migrate.edges.inventory.chains import with_vectors
from migrate.edges.inventory.files import discover
from migrate.edges.inventory.loading import load, load_flow, load_policies, load_readable

__all__ = ["discover", "load", "load_flow", "load_policies", "load_readable", "with_vectors"]
