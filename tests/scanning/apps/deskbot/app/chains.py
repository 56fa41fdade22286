"""The parts that were built on LangChain."""

from langchain.chat_models import init_chat_model
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from .extract import Line
from .settings import SMALL_MODEL

llm = ChatOpenAI(model="gpt-4o", temperature=0, max_retries=2, api_key="sk-not-a-real-key")
small = ChatOpenAI(model_name=SMALL_MODEL)
routed = init_chat_model("gpt-4o", model_provider="openai")
vectors = OpenAIEmbeddings(model="text-embedding-3-small")

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "You answer questions about {product}."),
        MessagesPlaceholder("history"),
        ("human", "{question}"),
    ]
)
answer_chain = PROMPT | llm | StrOutputParser()


def line_of(text: str):
    return small.with_structured_output(Line).invoke([("human", f"Read one line: {text}")])
