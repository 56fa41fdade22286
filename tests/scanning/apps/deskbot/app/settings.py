"""What the service is told by its surroundings."""

import os
from enum import Enum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_MODEL = "gpt-4o"  # gpt-4o since the spring release
SMALL_MODEL = os.environ.get("DESKBOT_SMALL_MODEL", "gpt-4o-mini")

MODELS = {
    "triage": "gpt-4o-mini",
    "reply": DEFAULT_MODEL,
    "summary": {"short": "gpt-4o-mini", "long": "gpt-4o-2024-08-06"},
}

PRICES = {
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
}


class Tier(str, Enum):
    FULL = "gpt-4o"
    SMALL = "gpt-4o-mini"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DESKBOT_")

    chat_model: str = "gpt-4o"
    extract_model: str = Field(default="gpt-4o-2024-11-20", description="Reads documents")
    temperature: float = 0.2


settings = Settings()
