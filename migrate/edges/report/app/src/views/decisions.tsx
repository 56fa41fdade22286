// What was decided here, and how it leaves the page: as decisions.json, which `prompt-migrate apply` writes to goldens.

import { useState } from "preact/hooks";
import type { Index } from "../data";
import {
  clear,
  decisions,
  earlier,
  earlierCount,
  hashOf,
  nameOf,
  openCount,
  openRow,
  reviewer,
  say,
  served,
  type Decided,
  type Decision,
} from "../state";
import { Command, counted, T } from "../words";
import { Writing } from "../writer";
import { bound, past, Signed } from "./deciding";

const SHOWN = 500;

// As the terminal counts them: a case may have several changes, and against two candidates it is two cases.
function onCases(all: Decided): string {
  const made = [...all.values()].map((own) => own.size).filter((size) => size > 0);
  return `${counted(made.reduce((sum, size) => sum + size, 0), "decision")} on ${counted(made.length, "case")}`;
}

export function Decisions({ index }: { index: Index }) {
  const listed = (all: Decided, before: boolean) =>
    [...all].flatMap(([row, own]) => [...own].map(([scope, decision]) => ({ row, scope, decision, before })));
  const here = listed(decisions.value, false);
  const made = [...here, ...listed(earlier.value, true)];
  const { cases } = index;
  return (
    <div class="page decisions">
      <h1>Decisions</h1>
      <p>
        {onCases(decisions.value)}
        {earlierCount.value ? ` here, ${onCases(earlier.value)} written before` : ""}; {counted(openCount.value, "case")} still undecided.{" "}
        <a href={hashOf("cases", "", { q: "decided:undecided,partly" })}>Go on</a>
      </p>
      {served ? <Writing index={index} /> : here.length ? <Download index={index} /> : <p class="note">Nothing was decided on this page yet. Decisions are kept in this browser until they are downloaded and applied.</p>}
      {made.length ? (
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">case</th>
              <th scope="col">flow</th>
              <th scope="col">candidate</th>
              <th scope="col">decided</th>
              <th scope="col">about</th>
              <th scope="col">reason</th>
              <th scope="col">
                <span class="hidden">take back</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {made.slice(0, SHOWN).map(({ row, scope, decision, before }) => (
              <tr key={`${row} ${scope} ${before}`}>
                <th scope="row">
                  <a href={hashOf("cases", "", { c: nameOf(row) })}>
                    <T text={cases.case[row]} />
                  </a>
                </th>
                <td>
                  <T text={index.flows[cases.flow[row]].name} />
                </td>
                <td>
                  <T text={index.candidates[cases.candidate[row]]} />
                </td>
                <td>
                  {past(decision.verdict)}
                  {decision.expires ? ` until ${decision.expires}` : ""}
                  {bound(decision.at_most)}
                </td>
                <td class="path">{scope ? <T text={decision.path ?? scope} /> : "the whole case"}</td>
                <td>
                  <T text={decision.reason} />
                </td>
                <td>
                  {before ? (
                    <Signed decision={decision} />
                  ) : (
                    <button type="button" class="quiet" onClick={() => clear(row, scope)}>
                      take back
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {made.length > SHOWN ? <p class="note">and {counted(made.length - SHOWN, "more decision")}</p> : null}
      <Counted index={index} />
    </div>
  );
}

// What the run went by: approvals and rejections stand in goldens, tolerations in prompt files, each with a line in the log.
function Counted({ index }: { index: Index }) {
  const kept = index.counted ?? [];
  return (
    <section>
      <h2>Decided before this run</h2>
      <p class="note">
        {kept.length ? `${counted(kept.length, "decision")} on this run's flows, which it counts. ` : "The logs hold none of this run's flows. "}
        Approvals and rejections stand in the goldens, tolerations in the prompt files. Those that a run passed by, also ones written by
        hand: <Command text={`prompt-migrate compare --run ${index.run.id}`} />
      </p>
      {kept.length ? (
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">case</th>
              <th scope="col">flow</th>
              <th scope="col">candidate</th>
              <th scope="col">decided</th>
              <th scope="col">about</th>
              <th scope="col">reason</th>
              <th scope="col">by</th>
            </tr>
          </thead>
          <tbody>
            {kept.slice(0, SHOWN).map((one, place) => (
              <tr key={place}>
                <th scope="row">
                  <T text={one.case_id} />
                </th>
                <td>
                  <T text={one.flow} />
                </td>
                <td>
                  <T text={one.model} />
                </td>
                <td>
                  {past(one.verdict)}
                  {one.expires ? ` until ${one.expires}` : ""}
                  {bound(one.at_most)}
                </td>
                <td class="path">{one.path ?? one.group ? <T text={one.path ?? one.group ?? ""} /> : "the whole case"}</td>
                <td>
                  <T text={one.reason} />
                </td>
                <td class="note">
                  <T text={one.reviewer || "a reviewer"} /> on {one.at.slice(0, 10)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {kept.length > SHOWN ? <p class="note">and {counted(kept.length - SHOWN, "more decision")}</p> : null}
    </section>
  );
}

function Download({ index }: { index: Index }) {
  const [busy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      save(await documentOf(index));
      say("decisions.json was handed to the browser's downloads");
    } catch (error) {
      say(`not downloaded: ${String(error)}`);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="download">
      <label>
        Reviewer <input value={reviewer.value} placeholder="empty: apply asks git" onInput={(event) => (reviewer.value = event.currentTarget.value)} />
      </label>
      <button type="button" class="accept" disabled={busy} onClick={() => void download()}>
        {busy ? "gathering…" : "download decisions.json"}
      </button>
      <span>
        then <Command text="prompt-migrate apply decisions.json" />
      </span>
    </div>
  );
}

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

// Keeps migrate/schemas/decisions.schema.json. Hashes say what was seen, so that nothing else is blessed.
export async function documentOf(index: Index): Promise<{ format: 1; run: string; decisions: Record[] }> {
  const records: Record[] = [];
  for (const [row, own] of decisions.value) for (const decision of own.values()) records.push(await recordOf(index, row, decision));
  records.sort((one, other) => one.at.localeCompare(other.at));
  return { format: 1, run: index.run.id, decisions: records };
}

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

function save(document_: object): void {
  const link = document.createElement("a");
  const address = URL.createObjectURL(new Blob([`${JSON.stringify(document_, null, 2)}\n`], { type: "application/json" }));
  link.href = address;
  link.download = "decisions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
