"""Tickets sorted and routed."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from .llm import ask, get_client
from .settings import MODELS, Tier

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"))
LABELS = ["billing", "delivery", "returns", "other"]

ROUTE = {
    "type": "function",
    "function": {
        "name": "route_ticket",
        "description": "Hand the ticket to a team.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "team": {"type": "string", "enum": ["billing", "warehouse", "support"]},
                "urgent": {"type": "boolean"},
            },
            "required": ["team", "urgent"],
            "additionalProperties": False,
        },
    },
}


def classify(ticket) -> str:
    """Return one label."""
    return ask(
        "Sort this ticket into one of: {labels}.\n\nTicket: {text}".format(labels=", ".join(LABELS), text=ticket.body),
        model=MODELS["triage"],
        temperature=0,
        max_tokens=3,
    )


def route(ticket):
    reply = get_client().chat.completions.create(
        model=Tier.SMALL.value,
        messages=[
            {"role": "system", "content": "Route tickets. Call the tool exactly once."},
            {"role": "user", "content": json.dumps(ticket.as_dict())},
        ],
        tools=[ROUTE],
        tool_choice={"type": "function", "function": {"name": "route_ticket"}},
        parallel_tool_calls=False,
        seed=7,
    )
    return reply.choices[0].message.tool_calls[0]


def draft_reply(ticket, orders):
    template = TEMPLATES.get_template("reply.j2")
    prompt = template.render(customer=ticket.customer, orders=orders, body=ticket.body)
    return ask(prompt, temperature=0.4)


def is_spam(text):
    verdict = ask("Is this spam? Answer yes or no.\n%s" % text, system="You are a spam filter.", model=Tier.SMALL)
    return verdict.strip().lower().startswith("yes")
