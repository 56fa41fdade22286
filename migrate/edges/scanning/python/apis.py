"""The calls that ask a model: those of OpenAI's SDK, and of the libraries people put on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from migrate.edges.scanning.nouns import Kind


@dataclass(frozen=True, slots=True)
class Api:
    """How one call is given its model and its prompt."""

    name: str
    """As reports call it."""
    kind: Kind
    model: tuple[str, ...] = ("model",)
    """Keywords of the model; the first that is given counts."""
    model_at: int | None = None
    """Position of the model."""
    prompt: tuple[str, ...] = ("messages",)
    """Keywords of messages or input."""
    prompt_at: int | None = None
    system: tuple[str, ...] = ()
    """Keywords of instructions that stand before the messages."""
    binds: bool = False
    """True for a constructor: the prompt comes later, and somewhere else."""


def _method(path: str, kind: Kind, **more: str) -> tuple[tuple[str, ...], Api]:
    prompt = {"chat": ("messages",), "responses": ("input",), "embeddings": ("input",)}.get(kind, ("prompt", "input"))
    system = ("instructions",) if kind == "responses" else ()
    return tuple(path.split(".")), Api(path, kind, prompt=prompt, system=system, **more)  # type: ignore[arg-type]


METHODS: Final[Mapping[tuple[str, ...], Api]] = dict(
    [
        *(_method(f"chat.completions.{verb}", "chat") for verb in ("create", "parse", "stream", "run_tools")),
        *(_method(f"responses.{verb}", "responses") for verb in ("create", "parse", "stream")),
        _method("embeddings.create", "embeddings"),
        _method("completions.create", "completions"),
        *(
            _method(path, "other")
            for path in (
                *("responses.compact", "responses.connect", "responses.input_tokens.count"),
                *("images.generate", "images.edit", "images.create_variation", "moderations.create"),
                *("audio.transcriptions.create", "audio.translations.create", "audio.speech.create"),
                *("assistants.create", "assistants.update", "threads.create_and_run", "threads.create_and_run_poll"),
                *("threads.create_and_run_stream", "threads.runs.create", "threads.runs.create_and_poll"),
                *("threads.runs.stream", "threads.runs.create_and_stream", "fine_tuning.jobs.create"),
                *("realtime.connect", "realtime.sessions.create", "videos.create", "videos.create_and_poll"),
            )
        ),
    ]
)
"""Attributes after the client, without `beta` and the raw and streaming wrappers, -> what they do."""

WRAPPERS: Final = frozenset({"beta", "with_raw_response", "with_streaming_response"})
TELLING: Final = ("chat", "completions")
"""A call through these attributes is the SDK's form whoever owns them."""
SAME_CLIENT: Final = frozenset({"with_options", "copy", "with_middleware", "__enter__", "__aenter__"})

CLIENTS: Final = frozenset(
    {
        *("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI", "Client", "AsyncClient", "AzureClient"),
        *("BedrockOpenAI", "AsyncBedrockOpenAI"),
    }
)

OTHER_VENDORS: Final = frozenset(
    {
        *("anthropic", "groq", "together", "mistralai", "cohere", "cerebras", "fireworks", "huggingface_hub", "ollama"),
        *("zhipuai", "dashscope", "replicate", "google", "vertexai", "boto3", "ai21", "xai_sdk", "reka", "writerai"),
        *("sambanova", "volcenginesdkarkruntime", "qianfan", "llamaapi", "llama_api_client", "predibase", "lepton"),
        *("voyageai", "perplexity", "nebius", "deepinfra", "upstage", "clarifai", "requests", "httpx", "responses"),
        *("django", "sqlalchemy", "flask", "rest_framework", "stripe", "unittest", "pytest"),
    }
)
"""Libraries whose objects may have attributes of the same names and are no clients of OpenAI."""


def _named(name: str, kind: str, **more: object) -> Api:
    return Api(name, kind, **more)  # type: ignore[arg-type]


_LITELLM: Final = {
    **{
        f"litellm.{verb}": _named(f"litellm.{verb}", "chat", model_at=0, prompt_at=1)
        for verb in ("completion", "acompletion", "batch_completion", "completion_with_retries")
    },
    **{
        f"litellm.{verb}": _named(f"litellm.{verb}", "embeddings", model_at=0, prompt=("input",), prompt_at=1)
        for verb in ("embedding", "aembedding")
    },
    **{
        f"litellm.{verb}": _named(
            f"litellm.{verb}", "responses", prompt=("input",), prompt_at=0, model_at=1, system=("instructions",)
        )
        for verb in ("responses", "aresponses")
    },
    **{
        f"litellm.{verb}": _named(f"litellm.{verb}", "completions", prompt=("prompt",), prompt_at=0, model_at=1)
        for verb in ("text_completion", "atext_completion")
    },
    **{
        f"litellm.{verb}": _named(f"litellm.{verb}", "other", prompt=("prompt", "input"))
        for verb in ("image_generation", "aimage_generation", "transcription", "atranscription", "moderation")
    },
}
ROUTER_METHODS: Final = frozenset(
    {"completion", "acompletion", "embedding", "aembedding", "responses", "aresponses", "text_completion"}
)

_MODEL_NAMES: Final = ("model", "model_name")
_AZURE_NAMES: Final = ("azure_deployment", "deployment_name", "deployment", "model", "model_name")
_LANGCHAIN: Final = {
    **{
        f"{package}.{name}": _named(
            f"langchain.{name}",
            kind,
            model=_AZURE_NAMES if "Azure" in name else _MODEL_NAMES,
            model_at=None,
            prompt=(),
            binds=True,
        )
        for name, kind in (
            ("ChatOpenAI", "chat"), ("AzureChatOpenAI", "chat"), ("OpenAI", "completions"),
            ("AzureOpenAI", "completions"), ("OpenAIEmbeddings", "embeddings"),
            ("AzureOpenAIEmbeddings", "embeddings"), ("ChatLiteLLM", "chat"),
        )
        for package in (
            "langchain_openai", "langchain_openai.chat_models", "langchain_openai.llms", "langchain_openai.embeddings",
            "langchain_community.chat_models", "langchain_community.llms", "langchain_community.embeddings",
            "langchain.chat_models", "langchain.llms", "langchain.embeddings", "langchain.chat_models.openai",
            "langchain.embeddings.openai", "langchain.llms.openai", "langchain_litellm", "langchain",
            "langchain_community.embeddings.openai", "langchain_community.chat_models.openai",
        )
    },
    **{
        f"{package}.{verb}": _named("langchain.init_chat_model", "chat", model_at=0, prompt=(), binds=True)
        for package, verb in (
            ("langchain.chat_models", "init_chat_model"), ("langchain", "init_chat_model"),
            ("langchain.chat_models.base", "init_chat_model"),
        )
    },
    "langchain.embeddings.init_embeddings": _named(
        "langchain.init_embeddings", "embeddings", model_at=0, prompt=(), binds=True
    ),
    "langchain.agents.create_agent": _named(
        "langchain.create_agent", "agent", model_at=0, prompt=(), system=("system_prompt", "prompt")
    ),
    "langgraph.prebuilt.create_react_agent": _named(
        "langgraph.create_react_agent", "agent", model_at=0, prompt=(), system=("prompt", "state_modifier")
    ),
}  # fmt: skip

_FRAMEWORKS: Final = {
    "agents.Agent": _named("agents.Agent", "agent", prompt=(), system=("instructions",)),
    "agents.OpenAIChatCompletionsModel": _named(
        "agents.OpenAIChatCompletionsModel", "chat", model_at=0, prompt=(), binds=True
    ),
    "agents.OpenAIResponsesModel": _named(
        "agents.OpenAIResponsesModel", "responses", model_at=0, prompt=(), binds=True
    ),
    "pydantic_ai.Agent": _named(
        "pydantic_ai.Agent", "agent", model_at=0, prompt=(), system=("instructions", "system_prompt")
    ),
    **{
        f"pydantic_ai.models.openai.{name}": _named(
            f"pydantic_ai.{name}", "chat", model=("model_name",), model_at=0, prompt=(), binds=True
        )
        for name in ("OpenAIModel", "OpenAIChatModel", "OpenAIResponsesModel")
    },
    **{
        f"llama_index.{path}": _named(f"llama_index.{path.rsplit('.', 1)[1]}", kind, model_at=at, prompt=(), binds=True)
        for path, kind, at in (
            ("llms.openai.OpenAI", "chat", 0), ("llms.azure_openai.AzureOpenAI", "chat", 0), ("llms.OpenAI", "chat", 0),
            ("embeddings.openai.OpenAIEmbedding", "embeddings", None),
            ("embeddings.OpenAIEmbedding", "embeddings", None), ("llms.litellm.LiteLLM", "chat", 0),
        )
    },
    "dspy.LM": _named("dspy.LM", "chat", model_at=0, prompt=(), binds=True),
    "crewai.LLM": _named("crewai.LLM", "chat", model_at=0, prompt=(), binds=True),
    "instructor.from_provider": _named("instructor.from_provider", "chat", model_at=0, prompt=(), binds=True),
    "autogen_ext.models.openai.OpenAIChatCompletionClient": _named(
        "autogen.OpenAIChatCompletionClient", "chat", prompt=(), binds=True
    ),
    **{
        f"haystack.components.{path}": _named(f"haystack.{path.rsplit('.', 1)[1]}", kind, prompt=(), binds=True)
        for path, kind in (
            ("generators.OpenAIGenerator", "chat"), ("generators.chat.OpenAIChatGenerator", "chat"),
            ("embedders.OpenAITextEmbedder", "embeddings"), ("embedders.OpenAIDocumentEmbedder", "embeddings"),
        )
    },
    **{
        f"smolagents.{name}": _named(
            f"smolagents.{name}", "chat", model=("model_id",), model_at=0, prompt=(), binds=True
        )
        for name in ("OpenAIServerModel", "OpenAIModel", "LiteLLMModel")
    },
    "semantic_kernel.connectors.ai.open_ai.OpenAIChatCompletion": _named(
        "semantic_kernel.OpenAIChatCompletion", "chat", model=("ai_model_id",), model_at=0, prompt=(), binds=True
    ),
}  # fmt: skip

_OLD: Final = {
    f"openai.{name}.{verb}": _named(
        f"openai.{name}.{verb}",
        kind,
        model=("model", "engine", "deployment_id"),
        prompt=("messages",) if kind == "chat" else ("prompt", "input"),
    )
    for name, kind in (("ChatCompletion", "chat"), ("Completion", "completions"), ("Embedding", "embeddings"))
    for verb in ("create", "acreate")
}
"""The module-level classes of the SDK before 1.0."""

CALLS: Final[Mapping[str, Api]] = {**_LITELLM, **_LANGCHAIN, **_FRAMEWORKS, **_OLD}
"""Full name of a library's function or class -> what calling it does."""


def method_of(path: tuple[str, ...]) -> Api | None:
    """Return what a chain of attributes after a client calls; None when it asks no model."""
    return METHODS.get(tuple(step for step in path if step not in WRAPPERS))


def is_client(path: str) -> bool:
    """Return True when calling a library's name makes a client of OpenAI's SDK, or one with the same face."""
    head, _, last = path.rpartition(".")
    return last in CLIENTS and "openai" in head and path not in CALLS


def owner_of(path: str) -> str:
    """Return the library a name comes from."""
    return path.split(".", 1)[0]


NOT_PARAMETERS: Final = frozenset(
    {
        *("api_key", "openai_api_key", "azure_api_key", "azure_ad_token", "azure_ad_token_provider", "organization"),
        *("openai_organization", "openai_api_base", "base_url", "api_base", "azure_endpoint", "api_version", "timeout"),
        *("request_timeout", "max_retries", "num_retries", "http_client", "http_async_client", "extra_headers"),
        *("default_headers", "headers", "extra_query", "default_query", "extra_body", "callbacks", "callback_manager"),
        *("openai_api_version", "openai_api_type", "api_type", "verbose", "tags", "streaming_callback", "token"),
        *("handoffs", "name", "id", "idempotency_key", "custom_llm_provider", "model_provider", "provider"),
        *("openai_client", "client", "async_client", "checkpointer", "state_schema", "middleware", "event_handler"),
        *(
            "response_model",
            "max_attempts",
            "deps_type",
            "api_token",
            "password",
            "secret",
            "cache",
            "rate_limiter",
            "llm_provider",
        ),
    }
)
"""Keywords that say how to reach the model, or belong to a framework, and are no part of the question."""
