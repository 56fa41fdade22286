import OpenAI from "openai";
import { ChatOpenAI } from "@langchain/openai";

const client = new OpenAI();
const FALLBACK = process.env.DESKBOT_WEB_MODEL ?? "gpt-4o-mini"; // not "gpt-4o"

export type Model = "gpt-4o" | "gpt-4o-mini";

export async function suggest(title: string, body: string) {
  const reply = await client.chat.completions.create({
    model: "gpt-4o",
    temperature: 0.3,
    messages: [
      { role: "system", content: "Suggest three tags." },
      { role: "user", content: `Title: ${title}\nBody: ${body.trim()}` },
    ],
  });
  return reply.choices[0].message.content;
}

export const stream = (text: string) =>
  client.responses.create({ model: FALLBACK, input: text, stream: true });

// client.chat.completions.create({ model: "gpt-4" }) is gone
export const llm = new ChatOpenAI({ model: "gpt-4o", temperature: 0 });

export function limit(model: string): number {
  return model === "gpt-4o" ? 16384 : 4096;
}
