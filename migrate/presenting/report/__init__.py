"""The report as data: nouns in, JSON documents out. An index of everything, and chunks of cases to open one by one.

No file, no HTML: what a page shows is tested here, and the page only shows it.
"""

from migrate.presenting.report.building import CHUNK, ReportBuilder
from migrate.presenting.report.overview import FORMAT, Facts

__all__ = ["CHUNK", "FORMAT", "Facts", "ReportBuilder"]
