// What differs between two answers: as JSON by path, else as text by line and word.

import { align } from "./align";

// --- JSON -------------------------------------------------------------------------------------------------------

// A number as it was written: 1.10 and 1.1 are told apart, and long ones keep their digits.
export class Num {
  constructor(readonly source: string) {}
}
export type Value = null | boolean | string | Num | Value[] | Map<string, Value>;

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;
const parseWith = JSON.parse as (text: string, reviver: Reviver) => unknown;

export interface Parsed {
  value: Value;
  fenced: boolean;
}

const FENCE = /^\s*```[a-zA-Z]*\s*\n([\s\S]*?)\n?\s*```\s*$/;

export function parseAnswer(text: string | null): Parsed | null {
  if (text === null) return null;
  const plain = parseJson(text);
  if (plain !== undefined) return plain instanceof Map || Array.isArray(plain) ? { value: plain, fenced: false } : null;
  const inner = FENCE.exec(text)?.[1];
  const repaired = inner === undefined ? undefined : parseJson(inner);
  return repaired instanceof Map || Array.isArray(repaired) ? { value: repaired, fenced: true } : null;
}

export function parseJson(text: string): Value | undefined {
  try {
    return parseWith(text, (_key, value, context) => {
      if (typeof value === "number") return new Num(context?.source ?? String(value));
      if (value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Num)) {
        return value instanceof Map ? value : new Map(Object.entries(value));
      }
      return value;
    }) as Value;
  } catch {
    return undefined;
  }
}

export type Change = "same" | "changed" | "type" | "added" | "removed";

export interface Node {
  key: string;
  path: string;
  change: Change;
  before?: Value;
  after?: Value;
  children?: Node[];
  // Leaves below that are equal, and those that differ.
  equal: number;
  different: number;
}

// `keys`: list path (`$.items`) -> field that aligns its items, from the flow's rules.
export function diffTree(before: Value, after: Value, keys: Map<string, string>): Node {
  return node("$", "$", before, after, keys);
}

function node(key: string, path: string, before: Value | undefined, after: Value | undefined, keys: Map<string, string>): Node {
  const one = before ?? null;
  const other = after ?? null;
  if (before === undefined || after === undefined) {
    const change = before === undefined ? "added" : "removed";
    return { key, path, change, before, after, equal: 0, different: 1 };
  }
  if (one instanceof Map && other instanceof Map) return branch(key, path, before, after, members(one, other, path, keys));
  if (Array.isArray(one) && Array.isArray(other)) return branch(key, path, before, after, items(one, other, path, keys));
  if (equal(one, other)) return { key, path, change: "same", before, after, equal: leaves(one), different: 0 };
  return { key, path, change: typeOf(one) === typeOf(other) ? "changed" : "type", before, after, equal: 0, different: 1 };
}

function branch(key: string, path: string, before: Value | undefined, after: Value | undefined, children: Node[]): Node {
  const same = children.reduce((sum, child) => sum + child.equal, 0);
  const different = children.reduce((sum, child) => sum + child.different, 0);
  return { key, path, change: different ? "changed" : "same", before, after, children, equal: same, different };
}

function members(one: Map<string, Value>, other: Map<string, Value>, path: string, keys: Map<string, string>): Node[] {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].map((name) => node(name, step(path, name), one.get(name), other.get(name), keys));
}

function items(one: Value[], other: Value[], path: string, keys: Map<string, string>): Node[] {
  const field = keys.get(path.replace(/\[\d+\]/g, "[*]"));
  const pairs = field ? byField(one, other, field) : byPlace(one, other);
  return pairs.map(([before, after], at) => node(`[${at}]`, `${path}[${at}]`, before, after, keys));
}

type Aligned = [Value | undefined, Value | undefined][];

// Equal items first, so that one inserted item does not shift all that follow.
function byPlace(one: Value[], other: Value[]): Aligned {
  const print = (list: Value[]) => list.map(canonical);
  const pairs: Aligned = [];
  let before = 0;
  let after = 0;
  let gone: Value[] = [];
  let come: Value[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(gone.length, come.length); at++) pairs.push([gone[at], come[at]]);
    gone = [];
    come = [];
  };
  for (const { kind, count } of align(print(one), print(other))) {
    if (kind === "removed") gone.push(...one.slice(before, (before += count)));
    else if (kind === "added") come.push(...other.slice(after, (after += count)));
    else {
      flush();
      for (let at = 0; at < count; at++) pairs.push([one[before++], other[after++]]);
    }
  }
  flush();
  return pairs;
}

function byField(one: Value[], other: Value[], field: string): Aligned {
  const name = (value: Value) => (value instanceof Map && value.has(field) ? canonical(value.get(field)!) : null);
  const left = [...other];
  const pairs: Aligned = one.map((before) => {
    const key = name(before);
    const at = key === null ? -1 : left.findIndex((after) => name(after) === key);
    return [before, at < 0 ? undefined : left.splice(at, 1)[0]];
  });
  return [...pairs, ...left.map((after): [undefined, Value] => [undefined, after])];
}

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const step = (path: string, name: string) => (PLAIN.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`);

export function typeOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof Num) return "number";
  if (Array.isArray(value)) return "array";
  return value instanceof Map ? "object" : typeof value;
}

function equal(one: Value, other: Value): boolean {
  return canonical(one) === canonical(other);
}

export function canonical(value: Value): string {
  if (value instanceof Num) return String(Number(value.source)) === value.source ? value.source : `${Number(value.source)}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Map) {
    const parts = [...value].map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`);
    return `{${parts.sort().join(",")}}`;
  }
  return JSON.stringify(value);
}

export function pretty(value: Value, indent = ""): string {
  const deeper = `${indent}  `;
  if (value instanceof Num) return value.source;
  if (Array.isArray(value)) {
    return value.length ? `[\n${value.map((item) => deeper + pretty(item, deeper)).join(",\n")}\n${indent}]` : "[]";
  }
  if (value instanceof Map) {
    const lines = [...value].map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${pretty(item, deeper)}`);
    return lines.length ? `{\n${lines.join(",\n")}\n${indent}}` : "{}";
  }
  return JSON.stringify(value);
}

function leaves(value: Value): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + leaves(item), 0) || 1;
  if (value instanceof Map) return [...value.values()].reduce((sum: number, item) => sum + leaves(item), 0) || 1;
  return 1;
}

// --- Text -------------------------------------------------------------------------------------------------------

export interface Piece {
  text: string;
  kind: "same" | "added" | "removed";
}

export interface Words {
  before: Piece[];
  after: Piece[];
  // True where so much differs that marks would be confetti.
  rewritten: boolean;
}

const REWRITTEN = 0.6;
const LONGEST = 20_000;

export function diffWords(before: string, after: string): Words {
  if (before.length + after.length > LONGEST || shareNothing(before, after)) return plainly(before, after);
  const parts = joined(wordParts(before, after));
  const size = (kind: Piece["kind"]) => parts.reduce((sum, part) => (part.kind === kind ? sum + weight(part.text) : sum), 0);
  const changed = Math.max(size("added"), size("removed"));
  if (changed > 12 && changed / (changed + size("same")) > REWRITTEN) return plainly(before, after);
  return {
    before: parts.filter((part) => part.kind !== "added"),
    after: parts.filter((part) => part.kind !== "removed"),
    rewritten: false,
  };
}

// Words are compared without the blanks behind them: half as many, a quarter of the time. Blanks that differ are a
// change all the same.
function wordParts(before: string, after: string): Piece[] {
  const [left, right] = [tokens(before), tokens(after)];
  const parts: Piece[] = [];
  const add = (text: string, kind: Piece["kind"]) => {
    const last = parts[parts.length - 1];
    if (last?.kind === kind) last.text += text;
    else parts.push({ text, kind });
  };
  let one = 0;
  let other = 0;
  for (const { kind, count } of align(left.map(bare), right.map(bare))) {
    for (let at = 0; at < count; at++) {
      if (kind === "removed") add(left[one++], kind);
      else if (kind === "added") add(right[other++], kind);
      else alike(left[one++], right[other++], add);
    }
  }
  return parts;
}

function alike(before: string, after: string, add: (text: string, kind: Piece["kind"]) => void): void {
  if (before === after) return add(before, "same");
  const word = bare(before);
  if (word) add(word, "same");
  if (before.length > word.length) add(before.slice(word.length), "removed");
  if (after.length > word.length) add(after.slice(word.length), "added");
}

// A word or a sign, with the blanks behind it; blanks at the very beginning stand alone.
const TOKEN = /(?:[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_])\s*|^\s+/gu;
// Scripts that put no blanks between words are compared character by character.
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const tokens = (text: string) => (text.match(TOKEN) ?? []).flatMap((token) => (DENSE.test(token) ? [...token] : [token]));
const bare = (token: string) => token.trimEnd();

// What two texts can have in common at most is the words that both have, in whatever order: where that is too little
// already, looking for the order would only take time.
function shareNothing(before: string, after: string): boolean {
  const left = new Map<string, number>();
  for (const token of tokens(before)) left.set(bare(token), (left.get(bare(token)) ?? 0) + 1);
  let shared = 0;
  for (const token of tokens(after)) {
    const count = left.get(bare(token)) ?? 0;
    if (count) shared += weight(token);
    if (count) left.set(bare(token), count - 1);
  }
  const changed = Math.max(weight(before), weight(after)) - shared;
  return changed > 12 && changed / (changed + shared) > REWRITTEN;
}

const weight = (text: string) => text.replace(/\s+/g, "").length;

function plainly(before: string, after: string): Words {
  return { before: [{ text: before, kind: "same" }], after: [{ text: after, kind: "same" }], rewritten: true };
}

// Islands of two or fewer equal words between changes become part of the change: they only look alike.
function joined(parts: Piece[]): Piece[] {
  const result: Piece[] = [];
  let gone = "";
  let come = "";
  const flush = () => {
    if (gone) result.push({ text: gone, kind: "removed" });
    if (come) result.push({ text: come, kind: "added" });
    gone = come = "";
  };
  parts.forEach((part, at) => {
    if (part.kind === "removed") gone += part.text;
    else if (part.kind === "added") come += part.text;
    else if (gone && come && at + 1 < parts.length && isIsland(part.text)) {
      gone += part.text;
      come += part.text;
    } else {
      flush();
      result.push(part);
    }
  });
  flush();
  return result;
}

const isIsland = (text: string) => !text.includes("\n") && text.trim().split(/\s+/).length <= 1 && text.trim().length <= 4;

export interface Line {
  before?: string;
  after?: string;
  same: boolean;
}

export function diffLines(before: string, after: string): Line[] {
  const lines: Line[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  const flush = () => {
    for (let at = 0; at < Math.max(gone.length, come.length); at++) {
      lines.push({ before: gone[at], after: come[at], same: false });
    }
    gone = [];
    come = [];
  };
  const [left, right] = [before.split("\n"), after.split("\n")];
  let one = 0;
  let other = 0;
  for (const { kind, count } of align(left, right)) {
    if (kind === "removed") gone.push(...left.slice(one, (one += count)));
    else if (kind === "added") come.push(...right.slice(other, (other += count)));
    else {
      flush();
      lines.push(...left.slice(one, (one += count)).map((text) => ({ before: text, after: text, same: true })));
      other += count;
    }
  }
  flush();
  return lines;
}

// --- Characters that are not seen --------------------------------------------------------------------------------

const NAMES: Record<number, string> = {
  0x09: "TAB",
  0x0d: "CR",
  0x1b: "ESC",
  0xa0: "NBSP",
  0xad: "SHY",
  0x200b: "ZWSP",
  0x200c: "ZWNJ",
  0x200d: "ZWJ",
  0x200e: "LRM",
  0x200f: "RLM",
  0x202a: "LRE",
  0x202b: "RLE",
  0x202c: "PDF",
  0x202d: "LRO",
  0x202e: "RLO",
  0x202f: "NNBSP",
  0x2028: "LS",
  0x2029: "PS",
  0x2060: "WJ",
  0x2066: "LRI",
  0x2067: "RLI",
  0x2068: "FSI",
  0x2069: "PDI",
  0xfeff: "BOM",
};
const UNSEEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{e0fff}]|[\ud800-\udfff]| +(?=\n)| +$/gu;

export interface Run {
  text: string;
  // What an unseen character is called; empty for plain text.
  unseen: string;
}

// `ends`: the text ends a line, so that blanks at its end are unseen too.
export function visible(text: string, ends = true): Run[] {
  const runs: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (!ends && match[0][0] === " " && match.index + match[0].length === text.length) continue;
    if (match.index > from) runs.push({ text: text.slice(from, match.index), unseen: "" });
    runs.push({ text: match[0], unseen: nameOf(match[0]) });
    from = match.index + match[0].length;
  }
  if (from < text.length) runs.push({ text: text.slice(from), unseen: "" });
  return runs;
}

function nameOf(char: string): string {
  if (char[0] === " ") return "·".repeat(char.length);
  const code = char.codePointAt(0)!;
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
