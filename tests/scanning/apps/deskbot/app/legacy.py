"""Not touched since the SDK was young."""

import openai

ENGINE = "gpt-3.5-turbo-instruct"


def greet(name, tone="friendly"):
    return openai.ChatCompletion.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Greet %s in a %s tone." % (name, tone)}],
    )["choices"][0]["message"]["content"]


def complete(text):
    return openai.Completion.create(engine=ENGINE, prompt="Continue:\n" + text, max_tokens=50)["choices"][0]["text"]
