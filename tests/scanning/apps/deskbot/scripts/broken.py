# Half a merge: not Python.
from openai import OpenAI

client = OpenAI()
<<<<<<< HEAD
reply = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "hi"}],
)
=======
