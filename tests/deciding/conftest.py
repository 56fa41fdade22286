"""A replayed project with changes to decide on."""

from changed_project import changed, replayed
from small_project import recorded

__all__ = ["changed", "recorded", "replayed"]
