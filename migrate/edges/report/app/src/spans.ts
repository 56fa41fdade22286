// Where each call of a sample stands on a line of time.

import type { Call, Sample } from "./data";

export interface Spans {
  // `time`: milliseconds from the first question. `row`: when calls began is not known, so they are drawn one after
  // another. `order`: some duration is unknown, so places in a row of equal ones.
  kind: "time" | "row" | "order";
  bars: { from: number; length: number }[];
  length: number;
}

// Waiting for rate limits is in none of them.
export function spansOf(sample: Sample | undefined): Spans {
  const calls = sample?.calls ?? [];
  if (!calls.every((call) => call.ms !== undefined && call.ms !== null)) {
    return { kind: "order", bars: calls.map((_, at) => ({ from: at, length: 1 })), length: calls.length };
  }
  if (calls.every((call) => call.step !== undefined)) return spanned("time", calls, inSteps(calls));
  if (calls.length === 1) return spanned("time", calls, [0]);
  if (calls.every((call) => call.began_ms !== undefined)) {
    const first = Math.min(...calls.map((call) => call.began_ms!));
    return spanned("time", calls, calls.map((call) => call.began_ms! - first));
  }
  let end = 0;
  return spanned("row", calls, calls.map((call) => (end += call.ms!) - call.ms!));
}

// Calls of one step are made at once, steps wait for each other.
function inSteps(calls: Call[]): number[] {
  const longest = new Map<string, number>();
  for (const call of calls) longest.set(call.step!, Math.max(longest.get(call.step!) ?? 0, call.ms!));
  const begins = new Map<string, number>();
  let now = 0;
  for (const [step, length] of longest) {
    begins.set(step, now);
    now += length;
  }
  return calls.map((call) => begins.get(call.step!)!);
}

function spanned(kind: "time" | "row", calls: Call[], starts: number[]): Spans {
  const bars = calls.map((call, at) => ({ from: starts[at], length: call.ms! }));
  return { kind, bars, length: Math.max(0, ...bars.map((bar) => bar.from + bar.length)) };
}
