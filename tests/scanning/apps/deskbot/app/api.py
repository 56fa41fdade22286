"""The HTTP service."""

from typing import Annotated

from fastapi import Depends, FastAPI
from openai import AsyncOpenAI
from pydantic import BaseModel

from app.llm import ask_async, get_async_client

app = FastAPI()
Client = Annotated[AsyncOpenAI, Depends(get_async_client)]


class Question(BaseModel):
    text: str
    model: str = "gpt-4o-mini"


@app.post("/ask")
async def ask_endpoint(question: Question, client: Client):
    reply = await client.chat.completions.create(
        model=question.model,
        messages=[
            {"role": "system", "content": "Answer the customer in the language of the question."},
            {"role": "user", "content": question.text},
        ],
    )
    return {"answer": reply.choices[0].message.content}


@app.post("/sentiment")
async def sentiment(text: str):
    return await ask_async(
        [{"role": "user", "content": f"Sentiment of the text, one word:\n{text}"}], model="gpt-4o-mini"
    )


@app.post("/image")
async def image(text: str, client: AsyncOpenAI = Depends(get_async_client)):
    return await client.images.generate(model="dall-e-3", prompt=text)
