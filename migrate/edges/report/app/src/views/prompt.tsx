// What one call asked of both models, as it was sent: the same messages once, different ones as a difference.

import type { Json, Request } from "../data";
import { T } from "../words";
import { TextDiff } from "./compare";
import { Lazy } from "./lazy";

interface Props {
  golden: Request | undefined;
  candidate: Request | undefined;
  texts: string[];
  names: [string, string];
}

interface Message {
  role: string;
  text: string;
}

export function Prompt({ golden, candidate, texts, names }: Props) {
  if (!golden && !candidate) return null;
  const pair = paired(golden, candidate, texts);
  return (
    <Lazy
      class="prompt"
      summary={
        <>
          Prompt as sent <span class="note">{words(pair, names)}</span>
        </>
      }
    >
      {() => <Body pair={pair} texts={texts} />}
    </Lazy>
  );
}

interface Pair {
  golden: Request | undefined;
  candidate: Request | undefined;
  before: Message[];
  after: Message[];
  // Of a call whose text can no longer be put together the key is known: it says whether the question was the same.
  unkept: boolean;
  same: boolean;
  differing: string[];
}

function paired(golden: Request | undefined, candidate: Request | undefined, texts: string[]): Pair {
  const before = golden ? messagesOf(golden, texts) : [];
  const after = candidate ? messagesOf(candidate, texts) : [];
  const unkept = candidate !== undefined && !after.length && !APART.some((name) => name in candidate.body);
  const both = golden !== undefined && candidate !== undefined;
  const same = both && (unkept ? golden.prompt_key === candidate.prompt_key : JSON.stringify(before) === JSON.stringify(after));
  return { golden, candidate, before, after, unkept, same, differing: both && !unkept ? parameters(golden, candidate, texts) : [] };
}

function words({ golden, candidate, unkept, same, differing }: Pair, names: [string, string]): string {
  const what = same
    ? `the same messages to both${unkept ? ", by their key" : ""}`
    : unkept
      ? "the candidate was asked something else, whose text was not kept: only its key is known"
      : golden && candidate
        ? "different messages"
        : `to ${candidate ? names[1] : names[0]} only`;
  return [what, ...(differing.length ? [differing.join(", ")] : [])].join("; ");
}

function Body({ pair, texts }: { pair: Pair; texts: string[] }) {
  const { golden, candidate, before, after, unkept, same } = pair;
  const shown = candidate && !unkept ? after : before;
  const alone = same || unkept || !golden || !candidate;
  return (
    <>
      {unkept && !same && golden ? <p class="note">This is what the baseline was asked.</p> : null}
      {alone
        ? shown.map((message, at) => (
            <div class="message" key={at}>
              <h3>
                <T text={message.role} />
              </h3>
              <pre tabIndex={0}>
                <T text={message.text} />
              </pre>
            </div>
          ))
        : Array.from({ length: Math.max(before.length, after.length) }, (_, at) => (
            <div class="message" key={at}>
              <h3>
                <T text={after[at]?.role ?? before[at]?.role} />
              </h3>
              <TextDiff before={before[at]?.text ?? ""} after={after[at]?.text ?? ""} />
            </div>
          ))}
      <Rest request={(candidate && !unkept ? candidate : golden)!} texts={texts} />
    </>
  );
}

function messagesOf(request: Request, texts: string[]): Message[] {
  const body = request.body;
  const list = Array.isArray(body.messages) ? body.messages : Array.isArray(body.input) ? body.input : [];
  const first: Message[] = body.instructions ? [{ role: "instructions", text: said(body.instructions, texts) }] : [];
  if (body.input !== undefined && !Array.isArray(body.input)) first.push({ role: "user", text: said(body.input, texts) });
  return [
    ...first,
    ...list.map((item) => {
      const message = item as { [key: string]: Json };
      const rest = Object.fromEntries(Object.entries(message).filter(([key]) => !["role", "content"].includes(key)));
      const extra = Object.keys(rest).length ? `\n${JSON.stringify(full(rest, texts), null, 2)}` : "";
      return { role: String(message.role ?? message.type ?? ""), text: said(message.content ?? null, texts) + extra };
    }),
  ];
}

// A value of a request with its texts in place.
function full(value: Json, texts: string[]): Json {
  if (Array.isArray(value)) return value.map((item) => full(item, texts));
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$text === "number") return texts[value.$text];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, full(item, texts)]));
}

function said(value: Json, texts: string[]): string {
  const whole = full(value, texts);
  if (typeof whole === "string") return whole;
  if (whole === null) return "";
  if (Array.isArray(whole) && whole.every((part) => part !== null && typeof part === "object" && "text" in part)) {
    return whole.map((part) => String((part as { text: Json }).text)).join("\n");
  }
  return JSON.stringify(whole, null, 2);
}

const APART = ["messages", "input", "instructions"];

function rest(request: Request, texts: string[]): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(request.body).filter(([key]) => !APART.includes(key)).map(([key, value]) => [key, full(value, texts)]));
}

function parameters(one: Request, other: Request, texts: string[]): string[] {
  const [before, after] = [rest(one, texts), rest(other, texts)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.map((name) => (name === "model" ? `model ${String(before.model)} → ${String(after.model)}` : `${name} differs`));
}

function Rest({ request, texts }: { request: Request; texts: string[] }) {
  return (
    <div class="message">
      <h3>parameters, tools and format</h3>
      <pre tabIndex={0}>
        <T text={JSON.stringify(rest(request, texts), null, 2)} />
      </pre>
    </div>
  );
}
