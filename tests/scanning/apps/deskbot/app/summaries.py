"""Long documents made short: notes of each part, then one text."""

import functools
import textwrap
from pathlib import Path
from string import Template

from openai import OpenAI

from app.settings import DEFAULT_MODEL, MODELS, settings

client = OpenAI()
HERE = Path(__file__).parent
NOTE = Template("Note the facts of part $number of $total.\n\n$text")

summarise_short = functools.partial(
    client.responses.create, model=MODELS["summary"]["short"], instructions="Summarise in two sentences."
)


def notes(parts):
    found = []
    for number, text in enumerate(parts, start=1):
        reply = client.chat.completions.create(
            model=MODELS["summary"]["long"],
            messages=[{"role": "user", "content": NOTE.substitute(number=number, total=len(parts), text=text)}],
            temperature=0,
        )
        found.append(reply.choices[0].message.content)
    return found


def merge(found: list[str], audience: str) -> str:
    instructions = textwrap.dedent(
        f"""
        Merge the notes into one text for {audience}.
        Say nothing that is not in the notes.
        """
    ).strip()
    reply = client.responses.create(
        model=DEFAULT_MODEL,
        instructions=instructions,
        input="\n\n".join(found),
        max_output_tokens=800,
        store=False,
    )
    return reply.output_text


def headline(text: str) -> str:
    return summarise_short(input=f"Text:\n{text}", max_output_tokens=60).output_text


def rewrite(text: str) -> str:
    wording = (HERE / "texts" / "rewrite.txt").read_text()
    reply = client.responses.create(model=settings.chat_model, input=wording + "\n" + text)
    return reply.output_text


def translate(text: str, language: str = "German") -> str:
    params = {"model": "gpt-4o", "temperature": settings.temperature}
    params["messages"] = [
        {"role": "system", "content": "Translate into " + language + ". Give the translation only."},
        {"role": "user", "content": text},
    ]
    return client.chat.completions.create(**params).choices[0].message.content
