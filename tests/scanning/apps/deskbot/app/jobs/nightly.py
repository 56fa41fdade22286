"""Runs at night, from the command line."""

import argparse

import openai

from app.chat import Conversation

COMPARED = ("gpt-4o", "gpt-4.1")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt-4o", help="what to ask, gpt-4o by default")
    parser.add_argument("--topic")
    args = parser.parse_args()

    digest = openai.chat.completions.create(
        model=args.model,
        messages=[{"role": "user", "content": f"Write a digest about {args.topic}."}],
    )
    print(digest.choices[0].message.content)

    for model in COMPARED:
        openai.responses.create(model=model, input=f"Digest of {args.topic} in one line")

    if openai.moderations.create(model="omni-moderation-latest", input=args.topic).results[0].flagged:
        return
    bob = Conversation("Bob")
    bob.say("hello")


if __name__ == "__main__":
    main()
