"""A page served to one browser on this machine, which may write: who may ask for what, and nothing else."""

from migrate.edges.serving.guard import Door
from migrate.edges.serving.server import IDLE_S, LARGEST, PageServer, Paper

__all__ = ["IDLE_S", "LARGEST", "Door", "PageServer", "Paper"]
