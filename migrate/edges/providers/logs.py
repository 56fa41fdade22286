"""Logs of the SDK and its transport, redacted: at level DEBUG they quote ids, headers and requests as they came."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

LIBRARIES: Final = ("openai", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp")


class Redacting(logging.Filter):
    """Takes secrets out of a record before any handler sees it."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._redact(record.getMessage()), ()
        return True


def redact_logs(redact: Callable[[str], str]) -> None:
    """Redact what the libraries under a provider log from now on; a later call takes the place of an earlier one."""
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in LIBRARIES]
    for name in dict.fromkeys([*LIBRARIES, *known]):
        logger = logging.getLogger(name)
        for old in [found for found in logger.filters if isinstance(found, Redacting)]:
            logger.removeFilter(old)
        logger.addFilter(Redacting(redact))
