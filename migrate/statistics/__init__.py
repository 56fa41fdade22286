"""Intervals and quantiles: plain numbers in, plain numbers out, no libraries."""

from migrate.statistics.proportions import wilson
from migrate.statistics.quantiles import quantile, quantile_interval

__all__ = ["quantile", "quantile_interval", "wilson"]
