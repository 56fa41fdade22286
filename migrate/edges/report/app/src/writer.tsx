// The page as `review --web` serves it: what is decided is written at once, and what is taken back is undone there too.

import { effect, signal } from "@preact/signals";
import { ask } from "./ask";
import type { Index, Kept } from "./data";
import { recordOf, type Record } from "./records";
import { caseWords, decisions, reviewer, rowsByIdentity, say, served, type Decided, type Decision } from "./state";
import { Command, counted, T } from "./words";

const AT_ONCE = 500;

interface One {
  row: number;
  scope: string;
  decision: Decision;
}
interface Outcome {
  status: "written" | "already" | "refused";
  why: string;
}
interface Refusal extends One {
  act: "decide" | "undo";
  why: string;
}
// What the writer has: the same shape as the page's own decisions.
const written = signal<Decided>(new Map());
const waiting = signal(0);
const refusals = signal<Refusal[]>([]);
const ended = signal("");
let busy = false;

export async function follow(report: Index): Promise<void> {
  if (!served) return;
  written.value = decisions.value = readKept(await ask<{ decisions: Kept[] }>("written", {}));
  effect(() => {
    if (decisions.value !== written.value) void hand(report);
  });
}

function readKept({ decisions: kept }: { decisions: Kept[] }): Decided {
  const rows = rowsByIdentity();
  const found = new Map<number, Map<string, Decision>>();
  for (const { flow, case_id, model, verdict, group, path, reason, expires, at_most, at } of kept) {
    const row = rows.get(JSON.stringify([flow, case_id, model]));
    if (row === undefined) continue;
    const decision = { verdict, group, path, reason, expires, at_most, at };
    found.set(row, new Map(found.get(row)).set(group ?? "", decision));
  }
  return found;
}

// Hand over what differs until nothing does: first what is taken back, then what is new, in one queue.
async function hand(report: Index): Promise<void> {
  if (busy || ended.value) return;
  busy = true;
  try {
    for (;;) {
      const gone = missing(written.value, decisions.value);
      const made = missing(decisions.value, written.value);
      if (!gone.length && !made.length) break;
      waiting.value = gone.length + made.length;
      await (gone.length ? tell(report, "undo", gone.slice(0, AT_ONCE)) : tell(report, "decide", made.slice(0, AT_ONCE)));
    }
  } catch (problem) {
    ended.value = String(problem instanceof Error ? problem.message : problem);
    say("not written: the review has ended, or its server cannot be reached");
  } finally {
    busy = false;
    waiting.value = 0;
  }
}

function missing(here: Decided, there: Decided): One[] {
  return [...here].flatMap(([row, own]) =>
    [...own].filter(([scope, decision]) => there.get(row)?.get(scope) !== decision).map(([scope, decision]) => ({ row, scope, decision })),
  );
}

async function tell(report: Index, act: "decide" | "undo", some: One[]): Promise<void> {
  const records: Record[] = [];
  for (const { row, decision } of some) records.push(await recordOf(report, row, decision));
  const answer = await ask<{ decisions: Outcome[] }>(act, { format: 1, run: report.run.id, decisions: records });
  const refused: Refusal[] = [];
  some.forEach((one, place) => {
    const { status, why } = answer.decisions[place];
    const stands = (act === "decide") === (status !== "refused");
    written.value = put(written.value, one, stands);
    if (status !== "refused") return;
    refused.push({ ...one, act, why });
    decisions.value = put(decisions.value, one, stands);
  });
  refusals.value = [...refused, ...refusals.value];
  if (refused.length) return say(`refused: ${counted(refused.length, "decision")}: ${refused[0].why}`);
  say(act === "decide" ? `written: ${actWords(some)}; u undoes it` : `taken back: ${actWords(some)}`);
}

function actWords(some: One[]): string {
  const { verdict } = some[0].decision;
  const rows = [...new Set(some.map(({ row }) => row))];
  const of = rows.length === 1 ? caseWords(rows[0]) : counted(rows.length, "case");
  return `${counted(some.length, "decision")}, ${verdict} of ${of}`;
}

function put(before: Decided, { row, scope, decision }: One, stands: boolean): Decided {
  const next = new Map(before);
  const own = new Map(next.get(row));
  if (stands) own.set(scope, decision);
  else own.delete(scope);
  if (own.size) next.set(row, own);
  else next.delete(row);
  return next;
}

const count = (all: Decided) => [...all.values()].reduce((sum, own) => sum + own.size, 0);

export function Status() {
  if (!served) return null;
  const words = ended.value ? "review ended" : waiting.value ? `writing ${waiting.value}…` : `${count(written.value)} written`;
  return <span class={`pill writer${ended.value ? " breaking" : ""}`}>{words}</span>;
}

export function Writing({ index }: { index: Index }) {
  const unwritten = missing(decisions.value, written.value).length;
  return (
    <section aria-label="What was written">
      {ended.value ? (
        <p class="refused" role="alert">
          The review has ended ({ended.value}); {counted(unwritten, "decision")} not written. Start again: <Command text="prompt-migrate review --web" />
        </p>
      ) : (
        <p class="note">
          Every decision is written to goldens and prompt files at once: <Command text="git diff" /> shows them. Ctrl-C in the terminal ends the review and
          suggests a commit message.
        </p>
      )}
      <label>
        Reviewer <input value={reviewer.value} placeholder="empty: the name git signs with" onInput={(event) => (reviewer.value = event.currentTarget.value)} />
      </label>
      {refusals.value.length ? (
        <>
          <h2>Refused</h2>
          <ul class="refusals">
            {refusals.value.map(({ row, act, decision, why }, place) => (
              <li key={place}>
                <T text={index.cases.case[row]} /> <span class="note"><T text={index.candidates[index.cases.candidate[row]]} /></span>: {act === "undo" ? "undo of " : ""}
                {decision.verdict}: <T text={why} />
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}
