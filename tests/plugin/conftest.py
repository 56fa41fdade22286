"""Projects for the plugin's specification: goldens are recorded once, and every test gets a copy of its own."""

from __future__ import annotations

from small_project import fresh, project, recorded

__all__ = ["fresh", "project", "recorded"]
