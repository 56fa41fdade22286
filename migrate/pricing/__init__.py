"""Usage times a dated price table: what a call cost, exactly, or why that is not known."""

from migrate.pricing.overrides import read_overrides
from migrate.pricing.rows import Rates, Row, usd_text
from migrate.pricing.table import Priced, PriceTable

__all__ = ["PriceTable", "Priced", "Rates", "Row", "read_overrides", "usd_text"]
