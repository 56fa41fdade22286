"""Projects for the plugin's specification: goldens are recorded once, and every test gets a copy of its own."""

from __future__ import annotations

from flow_project import app, fresh_app, recorded_app
from small_project import fresh, project, recorded

__all__ = ["app", "fresh", "fresh_app", "project", "recorded", "recorded_app"]
