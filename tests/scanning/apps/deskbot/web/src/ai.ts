import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

export async function poem(topic: string) {
  const { text } = await generateText({
    model: openai("gpt-4o-mini"),
    prompt: `Write a haiku about ${topic}.`,
  });
  return text;
}
