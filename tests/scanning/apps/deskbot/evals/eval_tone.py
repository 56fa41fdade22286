from openai import OpenAI

judge = OpenAI()


def tone(text):
    return judge.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": f"Rate the tone of: {text}"}], logprobs=True
    )
