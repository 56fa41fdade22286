"""Facts taken out of documents, in a form that programs read."""

import json
from datetime import date
from enum import Enum
from typing import Literal, Optional

from openai import OpenAI
from pydantic import BaseModel, Field

from .settings import settings

CONTRACT = {
    "name": "contract",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"party": {"type": "string"}, "ends": {"type": ["string", "null"]}},
        "required": ["party", "ends"],
        "additionalProperties": False,
    },
}


class Currency(str, Enum):
    EUR = "EUR"
    GBP = "GBP"


class Line(BaseModel):
    sku: str = Field(description="Article number as printed")
    quantity: int = Field(ge=1)
    price: float


class Invoice(BaseModel):
    """One invoice."""

    number: str
    issued: date
    currency: Currency
    lines: list[Line]
    kind: Literal["invoice", "credit"] = "invoice"
    note: Optional[str] = None


class Extractor:
    model = settings.extract_model

    def __init__(self, client: OpenAI, language="en"):
        self.client = client
        self.language = language

    def invoice(self, text: str) -> Invoice:
        reply = self.client.chat.completions.parse(
            model=self.model,
            messages=[
                {"role": "system", "content": f"Read the invoice. It is in {self.language}."},
                {"role": "user", "content": text},
            ],
            response_format=Invoice,
            temperature=0,
        )
        return reply.choices[0].message.parsed

    def contract(self, text: str) -> dict:
        reply = self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": "user", "content": f"Read the contract.\n<contract>\n{text}\n</contract>"}],
            response_format={"type": "json_schema", "json_schema": CONTRACT},
        )
        return json.loads(reply.choices[0].message.content)

    def tags(self, text: str) -> list[str]:
        reply = self.client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "Give tags as JSON: {\"tags\": [...]}\n" + text}],
            response_format={"type": "json_object"},
        )
        return json.loads(reply.choices[0].message.content)["tags"]

    def lines(self, text: str):
        return self.client.responses.parse(
            model=self.model,
            input=[{"role": "user", "content": [{"type": "input_text", "text": f"Read the lines:\n{text}"}]}],
            text_format=Line,
        ).output_parsed

    def photo(self, url: str) -> str:
        reply = self.client.chat.completions.create(
            model="gpt-4o",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is damaged?"},
                        {"type": "image_url", "image_url": {"url": url}},
                    ],
                }
            ],
        )
        return reply.choices[0].message.content
