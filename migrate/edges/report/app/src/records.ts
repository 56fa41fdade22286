// A decision as it leaves the page: keeps migrate/schemas/decisions.schema.json.

import type { Index } from "./data";
import { decisions, openRow, reviewer, type Decision } from "./state";

export interface Record {
  flow: string;
  case_id: string;
  model: string;
  group: string | null;
  path: string | null;
  verdict: Decision["verdict"];
  base_sha256: string | null;
  candidate_sha256: string;
  reason: string;
  reviewer: string;
  at: string;
  expires?: string;
  at_most?: number;
}

export async function documentOf(index: Index): Promise<{ format: 1; run: string; decisions: Record[] }> {
  const records: Record[] = [];
  for (const [row, own] of decisions.value) for (const decision of own.values()) records.push(await recordOf(index, row, decision));
  records.sort((one, other) => one.at.localeCompare(other.at));
  return { format: 1, run: index.run.id, decisions: records };
}

// Hashes say what was seen, so that nothing else is blessed.
export async function recordOf(index: Index, row: number, decision: Decision): Promise<Record> {
  const { cases } = index;
  const { item, trial } = await openRow(row);
  return {
    flow: index.flows[cases.flow[row]].name,
    case_id: cases.case[row],
    model: index.candidates[cases.candidate[row]],
    group: decision.group,
    path: decision.path,
    verdict: decision.verdict,
    base_sha256: item.golden?.sha256 ?? null,
    candidate_sha256: trial.sha256,
    reason: decision.reason,
    reviewer: reviewer.value,
    at: decision.at,
    ...(decision.expires ? { expires: decision.expires } : {}),
    ...(decision.at_most ? { at_most: decision.at_most } : {}),
  };
}
