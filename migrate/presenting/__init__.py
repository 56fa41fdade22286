"""Evidence in the form people and programs read: lines and documents, never printed here."""

from migrate.presenting.document import compare_document
from migrate.presenting.terminal import failure_lines, summary_lines

__all__ = ["compare_document", "failure_lines", "summary_lines"]
