// Accept, reject or tolerate: a case, one of its changes, or a whole group of equal changes but for some.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Group, Index, Opened } from "../data";
import { acceptable, clear, decide, decisions, earlier, needsDecision, say, selected, skip, standing, type Decision, type Verdict } from "../state";
import { counted, Pill, plain, T } from "../words";
import { goToOpen } from "../keys";

export interface Asked {
  verdict: Verdict;
  row: number;
  // A group's id, or empty for the whole case.
  scope: string;
  // All cases of the group, and not this one alone.
  whole: boolean;
}

export const asked = signal<Asked | null>(null);

export const CANNOT_ACCEPT = "a broken contract cannot be accepted: mend the prompt, or tolerate it until a day (t)";

const PARTLY = "the case cannot be accepted as a whole, because part of it breaks the contract; its other changes can";

// Decide a case at once where nothing has to be said, else ask for the reason.
export function request(verdict: Verdict, row: number, scope = "", whole = false): void {
  if (row < 0) return say("no case is open");
  if (!needsDecision(row)) return say("nothing to decide here");
  if (verdict === "accept" && !canAccept(row, scope)) return say(CANNOT_ACCEPT);
  if (verdict === "accept" && !whole) {
    decide({ rows: [row], scope, decision: { verdict, group: scope || null, path: pathOf(scope), reason: "", expires: null, at_most: null } });
    say(`accepted ${scope ? "this change" : "this case"}; u undoes it`);
    if (standing(row) !== "partly") goToOpen(1);
  } else asked.value = { verdict, row, scope, whole };
}

let report: Index;
export function useReport(index: Index): void {
  report = index;
}
const groupOf = (scope: string): Group | undefined => report.groups.find((group) => group.id === scope);
const pathOf = (scope: string) => groupOf(scope)?.path ?? null;

function canAccept(row: number, scope: string): boolean {
  const group = groupOf(scope);
  return group ? group.rung === "agreement" : acceptable(row);
}

// The open groups of a case, the worst first: what `A` is about.
export function groupsOf(row: number): Group[] {
  return report.cases.groups[row].map((number) => report.groups[number]).filter((group) => group.severity !== "cosmetic");
}

export function rowsOfGroup(id: string): number[] {
  const number = report.groups.findIndex((group) => group.id === id);
  return report.cases.groups.flatMap((groups, row) => (groups.includes(number) ? [row] : []));
}

export function Deciding({ row, opened }: { row: number; opened: Opened }) {
  if (!needsDecision(row)) return null;
  const own = decisions.value.get(row);
  const blocked = !acceptable(row);
  const groups = groupsOf(row);
  const unseen = opened.trial.samples.some((sample) => sample.answer === null);
  return (
    <section class="deciding" aria-label="Decide">
      <div class="buttons">
        <button type="button" class="accept" disabled={blocked || unseen} onClick={() => request("accept", row)}>
          accept <kbd>a</kbd>
        </button>
        <button type="button" class="reject" onClick={() => request("reject", row)}>
          reject <kbd>r</kbd>
        </button>
        <button type="button" onClick={() => request("tolerate", row)}>
          tolerate <kbd>t</kbd>
        </button>
        <button type="button" onClick={() => (skip(row), goToOpen(1))}>
          skip <kbd>s</kbd>
        </button>
        {[...(own ?? [])].map(([scope, decision]) => (
          <span class={`made ${decision.verdict}`} key={scope}>
            {past(decision.verdict)}
            {scope ? ` for ${scope}` : ""}
            {decision.expires ? ` until ${decision.expires}` : ""}
            {bound(decision.at_most)}
            {decision.reason ? <>: <T text={decision.reason} /></> : null}{" "}
            <button type="button" class="quiet" onClick={() => clear(row, scope)}>
              take back
            </button>
          </span>
        ))}
      </div>
      {[...(earlier.value.get(row) ?? [])].map(([scope, decision]) => (
        <p class={`made ${decision.verdict}`} key={scope}>
          {past(decision.verdict)}
          {scope ? ` for ${scope}` : ""}
          {decision.expires ? ` until ${decision.expires}` : ""} <Signed decision={decision} />
          {decision.reason ? <>: <T text={decision.reason} /></> : null}
        </p>
      ))}
      {blocked ? <p class="note">{groups.some((group) => group.rung === "agreement") ? PARTLY : CANNOT_ACCEPT}</p> : null}
      {groups.some((group) => sizeOf(group) > 1) ? (
        <ul class="group-buttons">
          {groups
            .filter((group) => sizeOf(group) > 1)
            .map((group) => (
              <li key={group.id}>
                <Pill kind={group.severity} />
                <span class="path">
                  <T text={group.title} />
                </span>
                <span class="note">{counted(sizeOf(group), "case")}</span>
                {group.rung === "agreement" ? (
                  <button type="button" class="quiet" onClick={() => request("accept", row, group.id, true)}>
                    accept all
                  </button>
                ) : null}
                <button type="button" class="quiet" onClick={() => request("reject", row, group.id, true)}>
                  reject all
                </button>
                <button type="button" class="quiet" onClick={() => request("tolerate", row, group.id, true)}>
                  tolerate all
                </button>
              </li>
            ))}
        </ul>
      ) : null}
    </section>
  );
  function sizeOf(group: Group): number {
    return Object.values(group.cases).reduce((sum, count) => sum + count, 0);
  }

}

const isCounted = ({ at }: Decision) => at < (report.run.finished_at ?? report.run.started_at);

// Who wrote a decision that is not this page's own.
export const Signed = ({ decision }: { decision: Decision }) => (
  <span class="note">
    by <T text={decision.reviewer || "a reviewer"} /> on {decision.at.slice(0, 10)},{" "}
    {isCounted(decision) ? "before this run, which counts it" : "before this page was made; the next run counts it"}
  </span>
);

export const past = (verdict: string) => ({ accept: "accepted", reject: "rejected", tolerate: "tolerated" })[verdict] ?? plain(verdict);

export const bound = (most: number | null) => (most ? `, in at most ${counted(most, "sample")} a case` : "");

// --- The question ------------------------------------------------------------------------------------------------------

export function Question({ index }: { index: Index }) {
  const open = asked.value;
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = box.current;
    if (open && element && !element.open) element.showModal();
  }, [open]);
  if (!open) return null;
  return (
    <dialog ref={box} class="question" aria-labelledby="question" onClose={() => (asked.value = null)}>
      <Form key={`${open.verdict} ${open.row} ${open.scope}`} index={index} open={open} />
    </dialog>
  );
}

function Form({ index, open }: { index: Index; open: Asked }) {
  const { verdict, row, scope, whole } = open;
  const group = groupOf(scope);
  const all = whole ? rowsOfGroup(scope).filter((one) => needsDecision(one)) : [row];
  const [left, setLeft] = useState<ReadonlySet<number>>(new Set());
  const [reason, setReason] = useState("");
  const [expires, setExpires] = useState(() => inDays(TOLERATED_DAYS, index.run.as_of));
  const [most, setMost] = useState("");
  const [chosen, setChosen] = useState(scope || (verdict === "tolerate" ? (groupsOf(row)[0]?.id ?? "") : ""));
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const rows = all.filter((one) => !left.has(one));
  const twins = twinsOf(chosen, verdict).filter((one) => shared(rows, one.id).length > 0);
  const needsReason = verdict !== "accept";
  const today = inDays(0, index.run.as_of);
  const over = verdict === "tolerate" && expires !== "" && expires < today;
  const ready = rows.length > 0 && (!needsReason || reason.trim() !== "") && (verdict !== "tolerate" || (expires !== "" && !over));
  const { cases } = index;
  const submit = (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    const said = { verdict, reason: reason.trim(), expires: verdict === "tolerate" ? expires : null, at_most: verdict === "tolerate" && Number(most) > 0 ? Number(most) : null };
    const also = twins.filter((one) => !alone.has(one.id)).map((one) => one.id);
    decide(...[chosen, ...also].map((id) => ({ rows: id === chosen ? rows : shared(rows, id), scope: id, decision: { ...said, group: id || null, path: pathOf(id) } })));
    asked.value = null;
    say(`${past(verdict)} ${counted(rows.length, "case")}; u undoes it`);
    if (standing(selected.value) !== "partly") goToOpen(1);
  };
  return (
    <form method="dialog" onSubmit={submit}>
      <h2 id="question">
        {verdict[0].toUpperCase() + verdict.slice(1)} {whole ? counted(rows.length, "case") : <T text={cases.case[row]} />}
      </h2>
      {group ? (
        <p class="path">
          <T text={group.title} />
        </p>
      ) : null}
      <p class="note">{MEANING[verdict]}</p>
      {verdict === "tolerate" && !scope ? (
        <label>
          Which change
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
            {groupsOf(row).map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <label>
        Reason{needsReason ? "" : " (optional)"}
        <input value={reason} required={needsReason} autofocus onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {verdict === "tolerate" ? (
        <label>
          Until
          <input type="date" value={expires} min={today} required onInput={(event) => setExpires(event.currentTarget.value)} />
        </label>
      ) : null}
      {over ? (
        <p class="refused" role="alert">
          That day is over: runs are judged as of {today}, and it would let nothing pass.
        </p>
      ) : null}
      {verdict === "tolerate" ? (
        <label>
          At most so many samples of a case
          <input type="number" min={1} max={1000} step={1} placeholder="all" value={most} onInput={(event) => setMost(event.currentTarget.value)} />
        </label>
      ) : null}
      {twins.map((one) => (
        <label key={one.id} class="twin">
          <input type="checkbox" checked={!alone.has(one.id)} onChange={() => setAlone(flipped(alone, one.id))} /> and with it, at the same place:{" "}
          <T text={one.title} /> <span class="note">{`${one.severity}, ${whole ? `${shared(rows, one.id).length} of these` : "in this case"}`}</span>
        </label>
      ))}
      {whole ? <Members index={index} all={all} left={left} setLeft={setLeft} /> : null}
      <div class="buttons">
        <button type="submit" class={verdict} disabled={!ready}>
          {verdict} {counted(rows.length, "case")}
        </button>
        <button type="button" onClick={() => (asked.value = null)}>
          cancel
        </button>
      </div>
    </form>
  );
}

function flipped<T>(from: ReadonlySet<T>, one: T): ReadonlySet<T> {
  const next = new Set(from);
  if (!next.delete(one)) next.add(one);
  return next;
}

// Paths of a whole answer, of a call's, or of the calls of tools in it: a fence and a wrong fact are both there.
const WHOLE = /^\$(calls\[[^\]]*\])?\.?(tool_calls(\[\*\])?)?$/;

// Groups at the same place as one, that most of its cases are in as well: often it is one change, met by two rules.
function twinsOf(id: string, verdict: Verdict): Group[] {
  const group = groupOf(id);
  const mates = group && !WHOLE.test(group.path) ? group.mates.flatMap(([mate]) => groupOf(mate) ?? []) : [];
  return mates.filter((mate) => mate.path === group!.path && mate.severity !== "cosmetic" && (verdict !== "accept" || mate.rung === "agreement"));
}

function shared(rows: number[], id: string): number[] {
  const own = new Set(rowsOfGroup(id));
  return rows.filter((row) => own.has(row));
}

const TOLERATED_DAYS = 90;

// From the day runs are judged as of, which a project may have pinned.
function inDays(days: number, from: string): string {
  const start = Date.parse(from);
  return new Date((Number.isNaN(start) ? Date.now() : start) + days * 86_400_000).toISOString().slice(0, 10);
}

const MEANING: Record<Verdict, string> = {
  accept: "An approval of this answer is added beside the golden; today's samples stay as they are.",
  reject: "It keeps failing, with your reason.",
  tolerate: "A rule for this path, which ends on its day: then it fails again.",
};
const SHOWN = 200;

interface MembersProps {
  index: Index;
  all: number[];
  left: ReadonlySet<number>;
  setLeft: (left: ReadonlySet<number>) => void;
}

function Members({ index, all, left, setLeft }: MembersProps) {
  const { cases } = index;
  const flip = (row: number) => setLeft(flipped(left, row));
  return (
    <fieldset>
      <legend>All but those left out</legend>
      <div class="members" tabIndex={0}>
        {all.slice(0, SHOWN).map((row) => (
          <label key={row}>
            <input type="checkbox" checked={!left.has(row)} onChange={() => flip(row)} />
            <T text={cases.case[row]} /> <span class="note"><T text={index.candidates[cases.candidate[row]]} /></span>
          </label>
        ))}
      </div>
      {all.length > SHOWN ? <p class="note">and {counted(all.length - SHOWN, "more case")}, all of them included</p> : null}
    </fieldset>
  );
}

export function groupAtHand(): string {
  const row = selected.value;
  if (row < 0) return "";
  const groups = groupsOf(row);
  const open = groups.find((group) => !decisions.value.get(row)?.has(group.id));
  return (open ?? groups[0])?.id ?? "";
}

