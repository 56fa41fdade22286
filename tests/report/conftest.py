"""The fixtures of a real browser."""

from report_browser import axe, chromium, tab, tabs

__all__ = ["axe", "chromium", "tab", "tabs"]
