"""The judge's room: the contract ladder of one answer, and answers compared beyond the baseline's own noise."""

from __future__ import annotations

from migrate.comparing.answers import Parsed, parse_answer
from migrate.comparing.baselines import leave_one_out
from migrate.comparing.comparison import compare
from migrate.comparing.contract import Contract, Inner, contract_of
from migrate.comparing.paths import parse_path
from migrate.comparing.patterns import check_pattern
from migrate.comparing.promises import contract_of_request
from migrate.comparing.schema import SchemaProblem, check_schema
from migrate.comparing.traces import inner_calls, judge
from migrate.comparing.verdict import Standing, case_verdict

__all__ = [
    "Contract",
    "Inner",
    "Parsed",
    "SchemaProblem",
    "Standing",
    "case_verdict",
    "check_pattern",
    "check_schema",
    "compare",
    "contract_of",
    "contract_of_request",
    "inner_calls",
    "judge",
    "leave_one_out",
    "parse_answer",
    "parse_path",
]
