// The documents of `route --json`, `canary plan --json` and `canary check --json`, as far as the pages show them.

import type { Json, Metric } from "./data";

export interface Point {
  tiers: string[];
  tau: number | null;
  n: number;
  good: number;
  usd: number;
  excess: number;
  high: number;
  satisfactory: boolean;
  efficient: boolean;
}

export interface Option {
  candidate: string;
  run: string | null;
  standing: string;
  p: number | null;
  level: number | null;
  metrics: Metric[];
  cost: { baseline_usd: string; candidate_usd: string; ratio: number | null; n: number } | null;
  p95: { ratio: number | null; low: number | null; high: number | null; n: number; source: string };
  leaves: string | null;
  barred: string[];
  reasons: string[];
  cases_needed: number | null;
}

export interface FlowRoute {
  flow: string;
  verdict: string;
  model: string;
  baseline: string;
  // The candidate that saving, risk and p95 are about.
  about: string | null;
  critical: string;
  margin: number;
  requests_per_day: number | null;
  cases_needed: number | null;
  reasons: string[];
  // What the terminal prints of it: its row by the heads of the table, and why. Not in documents of earlier versions.
  printed?: { row: Record<string, string>; why: string[] };
  candidates: Option[];
  cascades: { curve: Point[]; left_out: number; unseen: number } | null;
}

export interface Route {
  simulated: boolean;
  synthetic: boolean;
  as_of: string;
  pinned: boolean;
  rollout_ends: string;
  q: number;
  flows_tested: number;
  expected_wrong: number;
  // What the heads of the printed rows mean.
  legend?: Record<string, string>;
  flows: FlowRoute[];
}

export interface Stage {
  share: number;
  share_kind: string;
  margin: number;
  n_candidate: number;
  n_control: number;
  days: number;
  ends_not_before: number;
  power_exact: number | null;
  expected_bad: { equal: number; at_margin: number };
  cost_delta_per_day: { cold_cache: number | null; warm_cache: number | null };
  rollback: { metric: string; table: [number, number][] }[];
  human_gate: boolean;
}

// One flow of a pool: what is its own beside the plan that all of them share.
export interface Stratum {
  flow: string;
  units_per_day: number;
  requests_per_day: number;
  evidence: { cases: number; excess: number | null; low: number | null; high: number | null };
  metrics: { name: string; rate: number; r0: number; weight: number; limit: number | null }[];
  // Of the first m bad answers of this member k of the candidate's stop the pool, by stage.
  rollback?: { share: number; table: [number, number][] }[];
}

export interface Behaviour {
  excess: number;
  harmed?: string | null;
  rollouts: number;
  promoted: number;
  rolled_back: number;
  rolled_back_by_member?: Record<string, number>;
  held: number;
  days: number;
  bad_answers: { mean: number; p95: number };
}

export interface Rollout {
  flow: string;
  baseline: string;
  candidate: string;
  critical: string;
  verdict: string;
  reasons: string[];
  // What the replay has against it, the worst first.
  doubts?: string[];
  assumptions: string[];
  simulated: boolean;
  evidence: { run: string; cases: number; excess: number | null; low: number | null; high: number | null };
  margin: number;
  units: string;
  units_per_day: number;
  budget: { total: number; per_day: number };
  starts_on_day: number;
  days: number;
  stages: Stage[];
  operating_characteristics: Behaviour[];
  strata?: Stratum[];
}

export interface Plan {
  plan_id: string;
  as_of: string;
  seed: number;
  newly_exposed: number;
  flows: Rollout[];
  unplanned?: { flow: string; reason: string; mend: string }[];
}

export interface Reading {
  name: string;
  hard: boolean;
  candidate: { bad: number; units: number };
  control: { bad: number; units: number };
  excess: number | null;
  upper: number | null;
  margin: number | null;
  e: number;
  threshold: number | null;
}

export interface MemberReading {
  flow: string;
  candidate: { bad: number; units: number };
  control: { bad: number; units: number };
  e: number;
  threshold: number;
}

export interface CheckSide {
  arm: string;
  calls: number;
  latency_ms: { p50: number | null; p95: number | null; p95_interval: [number | null, number | null]; deciles?: number[] | null };
  cost_usd: { calls: number; mean: number | null; interval: [number | null, number | null] };
}

export interface Check {
  flow: string;
  verdict: string;
  reason: string;
  sentences: string[];
  notes: string[];
  stage: number | null;
  share: number | null;
  started: string | null;
  seen_until: string | null;
  next_check: string | null;
  evidence: { e: number; threshold: number };
  budget: { spent: number | null; total: number | null };
  metrics: Reading[];
  sides: CheckSide[];
  strata?: MemberReading[];
  path: { at: string; e: number }[];
}

export interface Checked {
  plan_id: string;
  verdict: string;
  simulated: boolean;
  log: { lines: number; unreadable: number };
  flows: Check[];
}

const holds = (value: unknown, names: string[]): boolean => value !== null && typeof value === "object" && names.every((name) => name in value);
const listed = (document: Json, names: string[]): boolean => {
  const flows = holds(document, ["flows"]) ? (document as { flows: Json }).flows : null;
  return Array.isArray(flows) && flows.every((flow) => holds(flow, names));
};

// Whether a document has what its page is made of: one of another version is shown as it was printed.
export const asRoute = (document: Json): Route | null => (listed(document, ["candidates", "reasons", "verdict", "cascades"]) ? (document as unknown as Route) : null);
export const asPlan = (document: Json): Plan | null => (listed(document, ["stages", "budget", "assumptions", "operating_characteristics"]) ? (document as unknown as Plan) : null);
export const asCheck = (document: Json): Checked | null => (listed(document, ["path", "sentences", "metrics", "evidence"]) ? (document as unknown as Checked) : null);
