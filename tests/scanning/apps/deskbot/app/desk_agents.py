"""The agent that looks orders up."""

from agents import Agent, ModelSettings, Runner, function_tool

from app.settings import DEFAULT_MODEL


@function_tool
def find_order(number: str) -> str:
    """Return the state of an order."""
    return f"{number}: sent"


order_agent = Agent(
    name="Orders",
    instructions="Look the order up before you answer. Never guess.",
    model=DEFAULT_MODEL,
    tools=[find_order],
    model_settings=ModelSettings(temperature=0.1),
)


async def look_up(question: str) -> str:
    result = await Runner.run(order_agent, question)
    return result.final_output
