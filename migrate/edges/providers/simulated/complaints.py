"""What the server refuses, in the error shape of the OpenAI API."""

from __future__ import annotations

from migrate.vocabulary import Json


class Refused(Exception):
    """A request the API would answer with an error body."""

    def __init__(self, status: int, message: str, *, kind: str, code: str | None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Refused:
    """400: the body cannot be acted on."""
    return Refused(400, message, kind="invalid_request_error", code=code, param=param)


def no_key() -> Refused:
    """401: no bearer token; any text will do for the simulated provider."""
    return Refused(
        401,
        "You didn't provide an API key. The simulated provider takes any: Authorization: Bearer ANYTHING.",
        kind="invalid_request_error",
        code="invalid_api_key",
    )


def unknown_model(name: str) -> Refused:
    """404: no such model."""
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refused(404, message, kind="invalid_request_error", code="model_not_found")


def unknown_url(method: str, path: str) -> Refused:
    """404: no such endpoint here."""
    served = "chat completions, responses, embeddings and models"
    message = f"Invalid URL ({method} {path}): the simulated provider serves {served}."
    return Refused(404, message, kind="invalid_request_error", code="unknown_url")


def context_exceeded(limit: int, tokens: int) -> Refused:
    """400: the input does not fit the model's context window."""
    return bad_request(
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    )


def output_too_large(param: str, asked: int, limit: int) -> Refused:
    """400: more output is asked for than the model can write."""
    return bad_request(
        f"{param} is too large: {asked}. This model supports at most {limit} completion tokens.",
        param=param,
        code="invalid_value",
    )


def unsupported(name: str, other: str | None = None) -> Refused:
    """400: the model does not take this parameter, or knows it by another name."""
    hint = f" Use '{other}' instead." if other else ""
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return bad_request(message, param=name, code="unsupported_parameter")
