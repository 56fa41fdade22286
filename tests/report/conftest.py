"""The fixtures of real browsers, and of a project that was replayed."""

from changed_project import changed, replayed
from report_browser import axe, chromium, firefox, firefoxes, tab, tabs
from small_project import recorded

__all__ = ["axe", "changed", "chromium", "firefox", "firefoxes", "recorded", "replayed", "tab", "tabs"]
