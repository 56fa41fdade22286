// What the page is showing, kept in the hash so that every view is a link; and what was decided on it.

import { batch, computed, effect, signal } from "@preact/signals";
import { openChunk, type Index, type Opened } from "./data";
import { find, meant, parseQuery, rowsOf, toggled, type Found, type Rows } from "./rows";

export type View = "overview" | "flow" | "cases" | "decisions" | "page";
export interface Route {
  view: View;
  name: string;
  params: URLSearchParams;
}

export const index = signal<Index | null>(null);
export const route = signal<Route>(readHash());

function readHash(): Route {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, name = ""] = path.split("/");
  const known: View[] = ["overview", "flow", "cases", "decisions", "page"];
  const safe = known.includes(view as View) ? (view as View) : "overview";
  return { view: safe, name: decoded(name), params: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hashOf(view: View, name = "", params: Record<string, string | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value) query.set(key, value);
  const text = query.toString();
  return `#/${view}${name ? `/${encodeURIComponent(name)}` : ""}${text ? `?${text}` : ""}`;
}

export function follow(): void {
  addEventListener("hashchange", () => (route.value = readHash()));
}

// What is read from its top: a view, or a case; a filter, a sample or a layout is not.
export const placeOf = ({ view, name, params }: Route) => JSON.stringify([view, name, params.get("c")]);

// Change some parameters of the view in place; what is typed makes no history.
export function put(params: Record<string, string | null>): void {
  const now = Object.fromEntries(route.value.params);
  const hash = hashOf(route.value.view, route.value.name, { ...now, ...params });
  if (hash === location.hash) return;
  history.replaceState(history.state, "", hash);
  route.value = readHash();
}

// --- Decisions ------------------------------------------------------------------------------------------------------

export type Verdict = "accept" | "reject" | "tolerate";
export interface Decision {
  verdict: Verdict;
  group: string | null;
  path: string | null;
  reason: string;
  expires: string | null;
  // Samples of a case that may show what is tolerated; null: all.
  at_most: number | null;
  at: string;
  // Who wrote it, of one that was written before this page was made.
  reviewer?: string;
}

// Row -> scope (a group's id, or empty for the whole case) -> decision.
export type Decided = ReadonlyMap<number, ReadonlyMap<string, Decision>>;

export const decisions = signal<Decided>(new Map());
export const skipped = signal<ReadonlySet<number>>(new Set());
export const reviewer = signal("");
// What was done, in words, and to which case; with everything as it was before.
interface Act {
  what: string;
  row: number;
}
const past: (Act & { decisions: Decided; skipped: ReadonlySet<number> })[] = [];

const NEEDS_DECISION = new Set(["breaking", "drift"]);

export function needsDecision(row: number): boolean {
  const { cases, verdicts } = index.value!;
  return NEEDS_DECISION.has(verdicts[cases.verdict[row]]);
}

// What was written between the run and the making of this page; a place is decided with every group that has it.
export const earlier = computed<Decided>(() => {
  const found = new Map<number, Map<string, Decision>>();
  if (!index.value) return found;
  const { cases, groups, decided = [] } = index.value;
  const rows = rowsByIdentity();
  for (const { flow, case_id, model, ...decision } of decided) {
    const row = rows.get(JSON.stringify([flow, case_id, model]));
    if (row === undefined || !needsDecision(row)) continue;
    const own = found.get(row) ?? new Map<string, Decision>();
    const { group, path } = decision;
    const there = cases.groups[row].map((number) => groups[number]).filter((one) => (group ? one.id === group : one.path === path));
    for (const scope of group || path ? there.map((one) => one.id) : [""]) {
      own.set(scope, last(own.get(scope), decision));
    }
    if (own.size) found.set(row, own);
  }
  return found;
});

// A toleration holds until its day, over a rejection as well: by the day that runs are judged as of.
const holds = ({ verdict, expires }: Decision) => verdict === "tolerate" && (expires === null || expires >= index.value!.run.as_of.slice(0, 10));

// Which of two decisions on one thing counts.
const last = (before: Decision | undefined, after: Decision) => (before && holds(before) && after.verdict === "reject" ? before : after);

function madeOf(row: number): Map<string, Decision> {
  const made = new Map(earlier.value.get(row));
  for (const [scope, decision] of decisions.value.get(row) ?? []) made.set(scope, last(made.get(scope), decision));
  return made;
}

// What was decided of one change of a case: by itself, or with the whole case.
export function decidedOn(row: number, scope: string): Decision | undefined {
  const made = madeOf(row);
  const [own, whole] = [made.get(scope), made.get("")];
  if (!own || !whole) return own ?? whole;
  return own.at > whole.at ? last(whole, own) : last(own, whole);
}

// What was decided of a row: that of its changes once one is rejected or each is decided on.
export function standing(row: number): Verdict | "partly" | "undecided" | "none" {
  const made = madeOf(row);
  if (!made.size) return needsDecision(row) ? "undecided" : "none";
  const { cases, groups } = index.value!;
  const changes = cases.groups[row].map((number) => groups[number]).filter((group) => group.severity !== "cosmetic");
  const verdicts = changes.length ? changes.map((group) => decidedOn(row, group.id)?.verdict) : [...made.values()].map((one) => one.verdict);
  // Whatever else changed in it, it will fail and has to be mended.
  if (verdicts.includes("reject")) return "reject";
  if (verdicts.includes(undefined)) return "partly";
  return verdicts.includes("tolerate") ? "tolerate" : "accept";
}

const isUnsettled = (row: number) => ["undecided", "partly"].includes(standing(row));
export const isOpen = (row: number) => isUnsettled(row) && !skipped.value.has(row);
// Left for later, and not decided since.
const isSkipped = (row: number) => skipped.value.has(row) && isUnsettled(row);

function remember(act: Act): void {
  past.push({ ...act, decisions: decisions.value, skipped: skipped.value });
}

export interface Part {
  rows: number[];
  scope: string;
  decision: Omit<Decision, "at">;
}

// Several parts are one act: made at one moment, and taken back together.
export function decide(act: Act, ...parts: Part[]): void {
  remember(act);
  const at = new Date().toISOString();
  const next = new Map(decisions.value);
  for (const { rows, scope, decision } of parts) for (const row of rows) next.set(row, new Map(next.get(row)).set(scope, { ...decision, at }));
  decisions.value = next;
}

export function skip(row: number): void {
  remember({ what: `skipped ${caseWords(row)}`, row });
  skipped.value = new Set([...skipped.value, row]);
}

export function clear(row: number, scope: string): void {
  remember({ what: `took back what was decided of ${caseWords(row)}`, row });
  const next = new Map(decisions.value);
  const own = new Map(next.get(row));
  own.delete(scope);
  if (own.size) next.set(row, own);
  else next.delete(row);
  decisions.value = next;
}

// Take the last act back, and return it; undefined where nothing was done.
export function undo(): Act | undefined {
  const last = past.pop();
  if (!last) return undefined;
  batch(() => {
    decisions.value = last.decisions;
    skipped.value = last.skipped;
  });
  return last;
}

// A case by its name; against which candidate, where there are several.
export function caseWords(row: number): string {
  const { cases, candidates } = index.value!;
  return `${cases.case[row]}${candidates.length > 1 ? ` against ${candidates[cases.candidate[row]]}` : ""}`;
}

// A case with a broken contract cannot be accepted: an approval is read by the agreement rung only.
// One that fails because a change was rejected breaks none.
export function acceptable(row: number): boolean {
  const { cases, groups } = index.value!;
  return cases.groups[row].every((number) => groups[number].rung === "agreement");
}

export interface Listed {
  row: number;
  decision: Decision;
  scopes: string[];
}

export const listed = (all: Decided): Listed[] => [...all].flatMap(([row, own]) => [...own].map(([scope, decision]) => ({ row, decision, scopes: [scope] })));

// What was written before is told act by act: one that was of several changes of a case was made once.
export function acts(all: Decided): Listed[] {
  const found = new Map<string, Listed>();
  for (const one of listed(all)) {
    const { at, verdict, reason } = one.decision;
    const key = JSON.stringify([one.row, at, verdict, reason]);
    const first = found.get(key);
    if (first) first.scopes.push(...one.scopes);
    else found.set(key, one);
  }
  return [...found.values()];
}

const sizeOf = (all: Decided) => [...all.values()].reduce((sum, own) => sum + own.size, 0);
export const decidedCount = computed(() => sizeOf(decisions.value));
export const earlierCount = computed(() => acts(earlier.value).length);
export const openRows = computed(() => (index.value ? index.value.cases.case.flatMap((_, row) => (isOpen(row) ? [row] : [])) : []));

// What is left of some cases, said alike wherever it is counted.
export function openWords(rows: number[]): string {
  const open = rows.filter(isOpen);
  const partly = open.filter((row) => standing(row) === "partly").length;
  const left = rows.filter(isSkipped).length;
  const told = (count: number, what: string) => `${count.toLocaleString("en")} ${what}`;
  return [told(open.length - partly, "undecided"), ...(partly ? [told(partly, "partly decided")] : []), ...(left ? [told(left, "skipped")] : [])].join(", ");
}

// The page of `review --web`, which hands what is decided to the one writer at once.
export const served = document.documentElement.dataset.writer !== undefined;

// Kept in the browser where it allows that, so that closing the page loses nothing.
const key = () => `prompt-migrate:decisions:${index.value!.run.id}`;

export function keepDecisions(): void {
  try {
    // A served page learns from the writer what was decided.
    const kept = served ? null : (JSON.parse(localStorage.getItem(key()) ?? "null") as [string, [string, Decision][]][] | null);
    if (kept) decisions.value = new Map(readKept(kept));
    reviewer.value = localStorage.getItem("prompt-migrate:reviewer") ?? "";
  } catch {
    // Without storage decisions live as long as the page.
  }
  effect(() => {
    const { value } = decisions;
    const name = reviewer.value;
    try {
      if (served) return;
      const kept = [...value].map(([row, own]) => [identity(row), [...own]]);
      if (kept.length) localStorage.setItem(key(), JSON.stringify(kept));
      else localStorage.removeItem(key());
      if (name) localStorage.setItem("prompt-migrate:reviewer", name);
    } catch {
      // The same.
    }
  });
}

function readKept(kept: [string, [string, Decision][]][]): [number, Map<string, Decision>][] {
  const places = rowsByIdentity();
  return kept.flatMap(([name, own]) => {
    const row = places.get(name);
    return row === undefined ? [] : [[row, new Map(own)] as [number, Map<string, Decision>]];
  });
}

export function rowsByIdentity(): Map<string, number> {
  const rows = new Map<string, number>();
  for (let row = 0; row < index.value!.cases.case.length; row++) rows.set(identity(row), row);
  return rows;
}

export function identity(row: number): string {
  const { cases, flows, candidates } = index.value!;
  return JSON.stringify([flows[cases.flow[row]].name, cases.case[row], candidates[cases.candidate[row]]]);
}

// --- The list ---------------------------------------------------------------------------------------------------------

export const rows = computed<Rows | null>(() =>
  index.value ? rowsOf(index.value, (row) => (isSkipped(row) ? "skipped" : standing(row))) : null,
);
export const filter = computed(() => route.value.params.get("q") ?? "");
export const textRows = signal<ReadonlySet<number> | null>(null);
export const searching = signal<{ done: number; all: number } | null>(null);
const NOTHING: Found = { rows: [], counts: { verdict: new Map(), model: new Map(), flow: new Map(), decided: new Map() } };
// The filter as it is meant: `verdict:brea` is the chip of what breaks.
export const query = computed(() => (rows.value ? meant(rows.value, parseQuery(filter.value)) : parseQuery("")));
export const found = computed<Found>(() => (rows.value ? find(rows.value, query.value, textRows.value) : NOTHING));

export function toggle(name: string, value: string): void {
  put({ q: toggled(query.value, name, value) || null });
}

// The row that is open, by its place in the list of all cases.
export const selected = computed<number>(() => {
  const named = route.value.params.get("c");
  if (!named || !index.value) return -1;
  return rowNamed(named);
});

export function nameOf(row: number): string {
  const { cases, flows, candidates } = index.value!;
  return [flows[cases.flow[row]].name, cases.case[row], candidates[cases.candidate[row]]].map(encodeURIComponent).join("~");
}

let names: Map<string, number> | null = null;
function rowNamed(name: string): number {
  if (!names) {
    names = new Map();
    for (let row = 0; row < index.value!.cases.case.length; row++) names.set(nameOf(row), row);
  }
  return names.get(name) ?? -1;
}

export function open(row: number): void {
  put({ c: row < 0 ? null : nameOf(row), s: null, g: null });
}

export async function openRow(row: number): Promise<Opened> {
  const { cases } = index.value!;
  const [chunk, at] = cases.place[row];
  const { cases: items, texts } = await openChunk(chunk);
  const trial = items[at].trials.find((one) => one.candidate === cases.candidate[row])!;
  return { item: items[at], trial, texts };
}

// --- How it is shown --------------------------------------------------------------------------------------------------

export type Theme = "auto" | "light" | "dark";
export const theme = signal<Theme>("auto");
export const helpOpen = signal(false);
export const printing = signal(false);
export const said = signal("");

export function say(text: string): void {
  said.value = text;
}

export function keepTheme(): void {
  try {
    const kept = localStorage.getItem("prompt-migrate:theme");
    if (kept === "light" || kept === "dark") theme.value = kept;
  } catch {
    // The system's choice stays.
  }
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    try {
      localStorage.setItem("prompt-migrate:theme", theme.value);
    } catch {
      // The same.
    }
  });
}
