// What was decided here, and how it leaves the page: as decisions.json, which `prompt-migrate apply` writes to goldens.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Index } from "../data";
import { documentOf } from "../records";
import {
  acts,
  clear,
  decisions,
  earlier,
  earlierCount,
  hashOf,
  listed,
  nameOf,
  openWords,
  reviewer,
  say,
  served,
  type Decision,
  type Listed,
} from "../state";
import { Command, counted, T } from "../words";
import { Writing } from "../writer";
import { aboutWords, bound, past, Signed } from "./deciding";

const SHOWN = 500;

// As the terminal counts them: a case may have several changes, and against two candidates it is two cases.
function onCases(rows: number[]): string {
  return `${counted(rows.length, "decision")} on ${counted(new Set(rows).size, "case")}`;
}

export function Decisions({ index }: { index: Index }) {
  const [here, before] = [listed(decisions.value), acts(earlier.value)];
  const { cases } = index;
  const line = ({ row, decision, scopes }: Listed, last: ComponentChildren): Line => ({
    ...decision,
    id: `${row} ${scopes.join(" ")}`,
    row,
    flow: index.flows[cases.flow[row]].name,
    case_id: cases.case[row],
    model: index.candidates[cases.candidate[row]],
    about: scopes.map((scope) => aboutWords(scope || null, scope ? decision.path : null)).join("; "),
    last,
  });
  const lines = [
    ...here.map((one) =>
      line(
        one,
        <button type="button" class="quiet" onClick={() => clear(one.row, one.scopes[0])}>
          take back
        </button>,
      ),
    ),
    ...before.map((one) => line(one, <Signed decision={one.decision} />)),
  ];
  return (
    <div class="page decisions">
      <h1>Decisions</h1>
      <p>
        {onCases(here.map(({ row }) => row))}
        {earlierCount.value ? ` here, ${onCases(before.map(({ row }) => row))} written before` : ""}; {openWords(cases.case.map((_, row) => row))}. <a href={hashOf("cases", "", { q: "decided:undecided,partly" })}>Go on</a>
      </p>
      {served ? <Writing index={index} /> : here.length ? <Download index={index} /> : <p class="note">Nothing was decided on this page yet. Decisions are kept in this browser until they are downloaded and applied.</p>}
      <Lines lines={lines} last={<span class="hidden">take back</span>} />
      <Counted index={index} />
    </div>
  );
}

// One decision, as both tables show it; `row`: of a case of this run.
interface Line extends Pick<Decision, "verdict" | "expires" | "at_most" | "reason"> {
  id: string;
  row?: number;
  flow: string;
  case_id: string;
  model: string;
  about: string;
  last: ComponentChildren;
}

function Lines({ lines, last }: { lines: Line[]; last: ComponentChildren }) {
  if (!lines.length) return null;
  return (
    <>
      <table class="plain stacked">
        <thead>
          <tr>
            <th scope="col">case</th>
            <th scope="col">flow</th>
            <th scope="col">candidate</th>
            <th scope="col">decided</th>
            <th scope="col">about</th>
            <th scope="col">reason</th>
            <th scope="col">{last}</th>
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, SHOWN).map((one) => (
            <tr key={one.id}>
              <th scope="row">{one.row === undefined ? <T text={one.case_id} /> : <a href={hashOf("cases", "", { c: nameOf(one.row) })}><T text={one.case_id} /></a>}</th>
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
              <td class="path">
                <T text={one.about} />
              </td>
              <td>
                <T text={one.reason} />
              </td>
              <td>{one.last}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > SHOWN ? <p class="note">and {counted(lines.length - SHOWN, "more decision")}</p> : null}
    </>
  );
}

// What the run went by: approvals and rejections stand in goldens, tolerations in prompt files, each with a line in the log.
function Counted({ index }: { index: Index }) {
  const kept = index.counted ?? [];
  const lines = kept.map((one, place) => ({
    ...one,
    id: String(place),
    about: aboutWords(one.group, one.path),
    last: (
      <span class="note">
        <T text={one.reviewer || "a reviewer"} /> on {one.at.slice(0, 10)}
      </span>
    ),
  }));
  return (
    <section>
      <h2>Decided before this run</h2>
      <p class="note">
        {kept.length ? `${counted(kept.length, "decision")} on this run's flows, which it counts. ` : "The logs hold none of this run's flows. "}
        Approvals and rejections stand in the goldens, tolerations in the prompt files. Those that a run passed by, also ones written by
        hand: <Command text={`prompt-migrate compare --run ${index.run.id}`} />
      </p>
      <Lines lines={lines} last="by" />
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

function save(document_: object): void {
  const link = document.createElement("a");
  const address = URL.createObjectURL(new Blob([`${JSON.stringify(document_, null, 2)}\n`], { type: "application/json" }));
  link.href = address;
  link.download = "decisions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
