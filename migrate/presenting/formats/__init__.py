"""A run in the forms that CI systems read: text made of nouns, foreign text inert in each form's own way."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from migrate.presenting.formats.code_quality import code_quality
from migrate.presenting.formats.ctrf import ctrf
from migrate.presenting.formats.junit import junit
from migrate.presenting.formats.lines import CaseLine, Told, lines_of, rated
from migrate.presenting.formats.markdown import github, markdown
from migrate.presenting.formats.rows import csv_rows, json_lines

Form: TypeAlias = Callable[[Told], str]
"""Makes the text of a run, its evidence, its cases, and what people said of them."""

FORMS: Final[Mapping[str, Form]] = {
    "md": markdown,
    "github": github,
    "gitlab": code_quality,
    "junit": junit,
    "csv": csv_rows,
    "jsonl": json_lines,
    "ctrf": ctrf,
}
"""Name -> what makes the text."""

__all__ = ["FORMS", "CaseLine", "Form", "Told", "lines_of", "rated"]
