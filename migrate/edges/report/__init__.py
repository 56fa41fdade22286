"""The report's files: one page that holds everything, or a page with chunks beside it where that would be too large.

`app/` holds the page's own program, in TypeScript; `bundle/` is what is built of it and shipped.
"""

from migrate.edges.report.writing import (
    LARGEST_PAGE,
    Packed,
    Packing,
    pack,
    rating_page,
    served_report,
    write_report,
    write_text,
)

__all__ = [
    "LARGEST_PAGE",
    "Packed",
    "Packing",
    "pack",
    "rating_page",
    "served_report",
    "write_report",
    "write_text",
]
