"""Others that look alike: none of this asks OpenAI.

    client.chat.completions.create(model="gpt-4o", messages=[])
"""

import anthropic
from groq import Groq

from app.models import Survey

groq = Groq()
claude = anthropic.Anthropic()


def ask_groq(text):
    return groq.chat.completions.create(model="llama-3.3-70b-versatile", messages=[{"role": "user", "content": text}])


def ask_claude(text):
    return claude.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": text}])


def store(survey: Survey, user):
    # client.chat.completions.create(model="gpt-4o") was here once
    survey.responses.create(user=user, text="gpt-4o was nice")
    return survey.embeddings.create(vector=[1, 2])
