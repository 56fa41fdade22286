// Search in every answer and prompt: unpacks the chunks one after another, and shows what it has so far.

import { effect } from "@preact/signals";
import { openChunk } from "./data";
import { filter, index, searching, textRows } from "./state";
import { parseQuery } from "./rows";

let running = 0;

export function searchTexts(): void {
  let last = "";
  effect(() => {
    const wanted = (parseQuery(filter.value).tokens.get("text") ?? []).join(" ").toLowerCase();
    if (wanted === last) return;
    last = wanted;
    running++;
    if (wanted) void search(wanted, running);
    else {
      textRows.value = null;
      searching.value = null;
    }
  });
}

async function search(wanted: string, mine: number): Promise<void> {
  const { cases } = index.value!;
  const byChunk = new Map<number, number[]>();
  cases.place.forEach(([chunk], row) => byChunk.set(chunk, [...(byChunk.get(chunk) ?? []), row]));
  const hits = new Set<number>();
  let done = 0;
  textRows.value = new Set();
  for (const [number, rows] of byChunk) {
    const chunk = await openChunk(number);
    if (mine !== running) return;
    const matching = new Set(chunk.texts.flatMap((text, at) => (text.toLowerCase().includes(wanted) ? [at] : [])));
    for (const row of rows) {
      const item = chunk.cases[cases.place[row][1]];
      const trial = item.trials.find((one) => one.candidate === cases.candidate[row]);
      if (matching.size && mentions([item.golden, trial], matching)) hits.add(row);
    }
    textRows.value = new Set(hits);
    searching.value = { done: ++done, all: byChunk.size };
  }
  searching.value = null;
}

// Every number under these names is the number of a text.
const TEXTS = new Set(["text", "$text", "refusal"]);

function mentions(value: unknown, matching: ReadonlySet<number>): boolean {
  if (Array.isArray(value)) {
    return value.some((item) => mentions(item, matching));
  }
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([name, item]) => {
    if (TEXTS.has(name)) return typeof item === "number" && matching.has(item);
    if (name === "tools" && Array.isArray(item)) return item.some((tool) => Array.isArray(tool) && matching.has(tool[1] as number));
    return mentions(item, matching);
  });
}
