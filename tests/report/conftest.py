"""The fixtures of a real browser, and of a project that was replayed."""

from changed_project import changed, replayed
from report_browser import axe, chromium, tab, tabs
from small_project import recorded

__all__ = ["axe", "changed", "chromium", "recorded", "replayed", "tab", "tabs"]
