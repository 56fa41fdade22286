"""Names and JSON: what every other noun is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NewType, TypeAlias

Json: TypeAlias = Any
"""A parsed JSON value. `Any` because a recursive alias costs more in casts than it catches."""

JsonObject: TypeAlias = Mapping[str, Any]
FlowName = NewType("FlowName", str)
CaseId = NewType("CaseId", str)
JsonPath = NewType("JsonPath", str)
"""`$`, `$.items[0].price`, `$["odd key"]`; in rules also `$.items[*].price`."""

Api = Literal["chat", "responses"]
Endpoint = Literal["chat", "responses", "embeddings"]
"""What a call goes to: a prompt uses one of the two APIs, an application asks for embeddings beside them."""
Criticality = Literal["low", "medium", "high", "critical"]
Parse = Literal["json", "fenced", "text"]
"""How the application reads the answer: as raw JSON, as JSON after stripping a code fence, as text."""
