"""Prompts and cases of other tools, and logs of production, read as data: nothing of them is run or fetched."""

from migrate.edges.importers.nouns import LINED, Found, Harvest, Refused, Row
from migrate.edges.importers.parameters import asked
from migrate.edges.importers.reading import harvest_of
from migrate.edges.importers.rows import Mapped, mapping_of
from migrate.edges.importers.sampling import Drawn, Wanted, drawn
from migrate.edges.importers.sources import Source, source_of

__all__ = [
    "LINED",
    "Drawn",
    "Found",
    "Harvest",
    "Mapped",
    "Refused",
    "Row",
    "Source",
    "Wanted",
    "asked",
    "drawn",
    "harvest_of",
    "mapping_of",
    "source_of",
]
