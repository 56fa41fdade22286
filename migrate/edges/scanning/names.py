"""Names of language models in text: which words are one, and where a word begins and ends."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from migrate.catalogue import known_models

ROUTERS: Final = (
    *("openai", "azure", "azure_ai", "azure_openai", "azure-openai", "openrouter", "litellm", "litellm_proxy"),
    *("openai-chat", "openai-responses", "openai_chat", "chat", "responses", "models", "github", "github_copilot"),
    *("oai", "portkey", "helicone", "vercel", "gateway", "aiml", "text-completion-openai", "custom_openai"),
)
"""What routers and frameworks put before a model's own name: `openai/gpt-4o`, `azure:gpt-4o`."""

_ROUTER: Final = rf"(?:(?:{'|'.join(map(re.escape, ROUTERS))})[/:])*"
_OWN: Final = (
    r"(?:gpt-?(?:\d|image|audio|realtime|oss)[\w.]*(?:-[\w.]+)*"
    r"|chatgpt-[\w.-]*\w|o[1-9](?:-(?:mini|pro|preview|deep-research))*(?:-\d{4}-\d\d-\d\d)?"
    r"|text-(?:embedding|davinci|curie|babbage|ada)-[\w.-]*\w|(?:davinci|babbage)-002|code-davinci-\d+"
    r"|codex-mini-latest|computer-use-preview|omni-moderation-[\w.-]*\w|text-moderation-[\w.-]*\w"
    r"|whisper-1|tts-1(?:-hd)?(?:-\d+)?|dall-e-[23]|sora-\d[\w-]*"
    r"|ft:[\w.-]+(?::[\w.-]*){1,3})"
)
_NAME: Final = re.compile(rf"{_ROUTER}{_OWN}", re.IGNORECASE)
_LISTED: Final = re.compile(rf"\s*{_ROUTER}{_OWN}(?:\s*[,;|]\s*[\w.:/@-]*\d[\w.:/@-]*)*\s*", re.IGNORECASE)
_PREFIX: Final = re.compile(_ROUTER, re.IGNORECASE)
_SHORT: Final = re.compile(r"o[1-9](?:-.*)?", re.IGNORECASE)
_FILE: Final = re.compile(r".*\.(?:json|ya?ml|py|txt|md|csv|toml|ts|js|html|png|jpe?g|onnx|bin|log)", re.IGNORECASE)
MODEL_KEY: Final = re.compile(r"(?i).*(?:model|engine|deployment|llm).*")
LONGEST: Final = 120
_START: Final = r"(?<![\w.])(?<!(?<!:)-)(?<!\bft:)"
"""Where a name may begin: not inside a longer one; a shell's `${MODEL:-gpt-4o}` is no longer one."""


def is_model(text: str) -> bool:
    """Return True when a whole text is the name of a model of OpenAI's, with or without a router's prefix."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None and not _FILE.fullmatch(text)


def is_telling(text: str, key: str) -> bool:
    """Return True when a text names a model where it stands: a short name such as `o1` only under a key for models."""
    if not is_model(text):
        return False
    return not _SHORT.fullmatch(own_name(text)) or MODEL_KEY.fullmatch(key) is not None


def own_name(text: str) -> str:
    """Return a name without a router's prefix."""
    prefix = _PREFIX.match(text)
    return text[prefix.end() :] if prefix else text


def has_router(text: str) -> bool:
    """Return True when a router's prefix stands before a name."""
    return own_name(text) != text


def is_list_of_models(text: str) -> bool:
    """Return True when a whole text is model names with commas between them."""
    return len(text) <= 20 * LONGEST and _LISTED.fullmatch(text) is not None


@lru_cache(maxsize=256)
def word(model: str) -> re.Pattern[str]:
    """Return what finds a model's name as a word: `gpt-4o` is in `openai/gpt-4o`, and not in `gpt-4o-mini`,
    `my-gpt-4o`, `gpt-4o.json`, `ft:gpt-4o:acme` or `gpt-4o_v2`.
    """
    return re.compile(rf"{_START}{re.escape(model)}(?![\w-]|\.\w|:[\w-]*:)")


@lru_cache(maxsize=256)
def snapshots(model: str) -> re.Pattern[str]:
    """Return what finds dated names of a model: `gpt-4o-2024-08-06`, `gpt-4-0613`."""
    date = r"[-@](?:\d{4}-\d\d-\d\d|\d{8}|\d{4})"
    return re.compile(rf"{_START}{re.escape(model)}{date}(?![\w-]|\.\w)")


@cache
def _identifiers() -> dict[str, str]:
    return {_squeezed(name): name for name in reversed(known_models())}


def of_identifier(identifier: str) -> str | None:
    """Return the model that a constant of another language's library is called after: `GPT4oMini`, `GPT_4_1`."""
    return _identifiers().get(_squeezed(identifier))


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
