// The documents of the report: their shapes, and how they are unpacked when they are wanted.

export type Severity = "breaking" | "drift" | "cosmetic";
export type FlowVerdict = "safe" | "unsafe" | "insufficient" | null;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Pair = { passed: number; total: number };
export type Both = { baseline: Pair; candidate: Pair } | null;

export interface Metric {
  name: "contract" | "agreement";
  cases: number;
  baseline: number | null;
  candidate: number | null;
  excess: number | null;
  low: number;
  high: number;
  margin: number;
  alpha: number;
  worse: number;
  better: number;
  missing: number;
  cases_needed: number | null;
}

export interface Quantiles {
  p50: number | null;
  p95: number | null;
  p50_interval: [number | null, number | null] | null;
  p95_interval: [number | null, number | null] | null;
  n: number;
  source: string;
}

export interface StepTimes {
  p50: number | null;
  p95: number | null;
  source: string;
}

// One step of a chain.
export interface Step {
  step: string;
  calls: { baseline: number; candidate: number };
  cost_usd: { baseline: string | null; candidate: string | null; ratio: string | null; unknown: number };
  latency_ms: { baseline: StepTimes; candidate: StepTimes };
}

export interface Evidence {
  flow: string;
  baseline: string;
  candidate: string;
  cases: number;
  samples: number;
  verdict: FlowVerdict;
  cases_needed: number | null;
  reasons: string[];
  metrics: Metric[];
  excluded: Record<string, string[]>;
  verdicts: Record<string, number>;
  rungs: Record<string, Both>;
  cost_usd: { baseline: string | null; candidate: string | null; ratio: string | null; unknown: number };
  latency_ms: { baseline: Quantiles; candidate: Quantiles };
  // Milliseconds at every twentieth of the cases, from the fastest to the slowest.
  latency_spread: { baseline: number[]; candidate: number[] };
  simulated: boolean;
  unjudged: Record<string, number>;
  people: People | null;
  steps?: Step[];
}

export interface Mean {
  mean: number;
  interval: [number, number];
  n: number;
}
export interface Agreement {
  alpha: number | null;
  interval: [number, number] | null;
  n: number;
}
export interface People {
  cases: number;
  of: number;
  ratings: number;
  raters: string[];
  preferred: { candidate: number; tie: number; baseline: number };
  preference: Mean;
  correctness: { baseline: number; candidate: number; difference: Mean };
  agreement: { preference: Agreement; correctness: Agreement };
  automatic: { flagged: { cases: number; no_worse_to_people: number }; passed: { cases: number; worse_to_people: number } };
  outdated: number;
}

export interface Group {
  id: string;
  flow: string;
  kind: string;
  severity: Severity;
  rung: string;
  path: string;
  title: string;
  cases: Record<string, number>;
  count: number;
  // Other groups that at least half of its cases are in as well, and how many.
  mates: [string, number][];
  // Those of them that are the same change, met by another rule.
  twins: string[];
}

export interface HistoryRow {
  run: string;
  at: string;
  simulated: boolean;
  candidate: string;
  cases: number;
  verdicts: Record<string, number>;
  cost_usd: string | null;
  unknown_cost: number;
  p50: number | null;
  p95: number | null;
  n: number;
}

export interface Rule {
  path: string;
  kind: string;
  value: Json;
  expires: string | null;
  reason: string | null;
}

export interface Flow {
  name: string;
  title: string;
  description: string;
  owner: string;
  critical: string | null;
  parse: string | null;
  place: string | null;
  rules: Rule[];
  tags: Record<string, string[]>;
  noise: { samples: Record<string, number>; unstable: number; paths: [string, number][]; more_paths: number };
  history: HistoryRow[];
}

export interface Run {
  id: string;
  started_at: string;
  finished_at: string | null;
  state: string;
  candidates: string[];
  simulated: boolean;
  git_commit: string | null;
  git_dirty: boolean | null;
  tool_version: string;
  python_version: string;
  provider: string;
  command: string;
  as_of: string;
  samples: number | null;
  accounts: Record<string, number>;
}

export interface Index {
  format: 1;
  run: Run;
  simulated: boolean;
  headline: { verdict: string; text: string };
  sentences: { candidate: string; verdict: string; flows: Record<string, number>; cases: Record<string, number> }[];
  closed: string[];
  leaving: string[];
  candidates: string[];
  verdicts: string[];
  severities: Severity[];
  rungs: string[];
  flows: Flow[];
  evidence: Evidence[];
  groups: Group[];
  cases: {
    flow: number[];
    candidate: number[];
    case: string[];
    verdict: number[];
    severity: number[];
    title: string[];
    groups: number[][];
    place: [number, number][];
    samples: [number, number][];
  };
  provenance: {
    calls: { side: string; asked: string; served: string; source: string; simulated: boolean; calls: number }[];
    days: Record<string, [string, string]>;
    prices: {
      model: string;
      tier: string;
      input: string | null;
      cached: string | null;
      output: string | null;
      source: string;
      as_of: string;
    }[];
    damaged: string[];
  };
  people: CaseMarks[];
  pages: Record<string, Json>;
  // Not in a page whose data an earlier version made.
  decided?: Kept[];
  // What was decided before the run and stands; absent where nothing was.
  counted?: Kept[];
}

// A decision as the writer keeps it.
export interface Kept {
  flow: string;
  case_id: string;
  model: string;
  verdict: "accept" | "reject" | "tolerate";
  group: string | null;
  path: string | null;
  reason: string;
  expires: string | null;
  at_most: number | null;
  at: string;
  reviewer?: string;
}

// What people said of one case: means over its raters.
export interface CaseMarks {
  flow: number;
  candidate: number;
  case: string;
  raters: string[];
  // 1: the candidate is preferred, -1: the baseline.
  preference: number;
  // Marks from 1 to 5, baseline and candidate.
  correct: [number, number];
}

export interface Answer {
  text: number | null;
  finish: string;
  tools?: [string, number][];
  refusal?: number;
}

export interface Call {
  ordinal: number;
  // Its place among the requests; its ordinal unless said.
  asked?: number;
  model?: string;
  step?: string;
  served?: string;
  no_reply?: { kind: string; message: string };
  answer?: Answer | null;
  ms?: number;
  first_ms?: number;
  // When it began, on the sample's own clock.
  began_ms?: number;
  waited_ms?: number;
  input?: number;
  cached?: number;
  output?: number;
  usd?: string;
  source?: string;
  at?: string;
}

export interface Sample {
  index: number;
  kept: boolean;
  rungs: Record<string, boolean | null>;
  if_repaired?: Record<string, boolean | null>;
  answer: Answer | null;
  calls: Call[];
}

export interface Finding {
  rung: string;
  kind: string;
  severity: Severity;
  path: string;
  message: string;
  expected: Json;
  actual: Json;
  rule: string;
  explained: string | null;
  group: string | null;
  samples: number[];
}

export interface Request {
  api: string;
  prompt_key: string;
  body: { [key: string]: Json };
}

export interface Trial {
  candidate: number;
  verdict: string;
  note: string;
  noise_measured: boolean;
  unjudged: string[];
  sha256: string;
  findings: Finding[];
  requests: Request[];
  samples: Sample[];
  cost_usd: [number | null, number | null];
}

export interface Approval {
  candidate: string;
  reviewer: string;
  at: string;
  reason: string;
}

export interface Golden {
  baseline: string;
  sha256: string | null;
  // Answers that were accepted beside it: whoever gives one of them again agrees.
  approvals: Approval[];
  requests: Request[];
  samples: Sample[];
}

export interface Case {
  flow: string;
  case: string;
  golden: Golden | null;
  trials: Trial[];
}

export interface Chunk {
  cases: Case[];
  texts: string[];
}

export interface Opened {
  item: Case;
  trial: Trial;
  texts: string[];
}

async function unpack<T>(packed: string): Promise<T> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  // What is wrong with the bytes is told to the reader too.
  writer.write(bytesOf(packed)).catch(() => undefined);
  writer.close().catch(() => undefined);
  return JSON.parse(await new Response(readable).text()) as T;
}

type FromBase64 = { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

function bytesOf(packed: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as unknown as FromBase64;
  if (fromBase64) return fromBase64.call(Uint8Array, packed);
  const raw = atob(packed);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
  return bytes;
}

export function openIndex(): Promise<Index> {
  return unpack<Index>(document.getElementById("index")!.textContent!);
}

const KEPT = 40;
const chunks = new Map<number, Promise<Chunk>>();

// A chunk, unpacked once; the least lately opened ones are let go.
export function openChunk(number: number): Promise<Chunk> {
  let opened = chunks.get(number);
  chunks.delete(number);
  opened ??= packedChunk(number).then((packed) => unpack<Chunk>(packed));
  chunks.set(number, opened);
  if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value!);
  return opened;
}

async function packedChunk(number: number): Promise<string> {
  if (document.documentElement.dataset.chunks === "folder") return loadScript(number);
  const inline = await inPage(number);
  if (!inline) throw new Error("the rest of this file is missing: it was cut off");
  return inline.textContent!;
}

// Chunks stand behind the program, so that the page shows itself before the browser has read all of them.
async function inPage(number: number): Promise<HTMLElement | null> {
  const find = () => document.getElementById(`chunk-${number}`);
  // The element behind it says that the chunk itself is whole.
  if (document.readyState !== "loading" || document.getElementById(`chunk-${number + 1}`)) return find();
  await new Promise((done) => addEventListener("DOMContentLoaded", done, { once: true }));
  return find();
}

// --- Chunks beside the page: classic scripts, because a page opened from a file may load nothing else -------------

const arriving = new Map<number, (packed: string) => void>();

export function listenForChunks(): void {
  (globalThis as Record<string, unknown>)["promptMigrateChunk"] = (number: number, packed: string) =>
    arriving.get(number)?.(packed);
}

type Address = { createScriptURL(value: string): string };
type Policies = { createPolicy(name: string, rules: Address): Address };
let policy: Address | undefined;

function address(number: number): string {
  const plain = `chunks/${Math.trunc(number)}.js`;
  const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!types) return plain;
  policy ??= types.createPolicy("chunks", {
    createScriptURL: (value) => {
      if (!/^chunks\/\d+\.js$/.test(value)) throw new TypeError("not a chunk");
      return value;
    },
  });
  return policy.createScriptURL(plain);
}

function loadScript(number: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const done = (then: () => void) => {
      arriving.delete(number);
      script.remove();
      then();
    };
    arriving.set(number, (packed) => done(() => resolve(packed)));
    script.onerror = () => done(() => reject(new Error(`chunks/${number}.js is missing beside this page`)));
    script.src = address(number);
    document.head.append(script);
  });
}
