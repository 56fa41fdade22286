// Accept, reject or tolerate: a case, one of its changes, or a whole group of equal changes but for some.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Group, Index, Opened } from "../data";
import { acceptable, caseWords, clear, decide, decidedOn, decisions, earlier, needsDecision, open, route, say, selected, skip, standing, undo, type Decision, type Verdict } from "../state";
import { goOn } from "../walk";
import { counted, Pill, plain, T } from "../words";

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
    const what = `accepted ${caseWords(row)}`;
    decide({ what, row }, { rows: [row], scope, decision: { verdict, group: scope || null, path: pathOf(scope), reason: "", expires: null, at_most: null } });
    told(what);
  } else asked.value = { verdict, row, scope, whole };
}

// Say what was done, by name: the case that is shown is the next one by then.
function told(what: string, rejected: number[] = []): void {
  const still = rejected.filter((row) => standing(row) === "tolerate").length;
  const all = rejected.length > 1 ? counted(still, "case") : "it";
  say(`${what}${still ? `; ${all} ${still === 1 ? "is" : "are"} tolerated all the same, until the day that was set` : ""}; u undoes it`);
  if (standing(selected.value) !== "partly") goOn();
}

export function leaveOut(row: number): void {
  if (row < 0) return say("no case is open");
  skip(row);
  told(`skipped ${caseWords(row)}`);
}

// Back to the case it was about, which may be decided on again.
export function takeBack(): void {
  const act = undo();
  if (!act) return say("nothing to undo");
  say(`undone: ${act.what}`);
  if (route.value.view === "cases") open(act.row);
}

let report: Index;
export function useReport(index: Index): void {
  report = index;
}
// What a decision is about, in one form wherever it was made: a change by its title, or the whole case.
export function aboutWords(group: string | null, path: string | null): string {
  if (!group && !path) return "the whole case";
  return groupOf(group ?? "")?.title ?? path ?? "a change that this run does not have";
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
  const blocked = !acceptable(row);
  const groups = groupsOf(row);
  const unseen = opened.trial.samples.some((sample) => sample.answer === null);
  const several = groups.filter((group) => sizeOf(group) > 1);
  return (
    <section class="deciding" aria-label="Decide">
      <div class="buttons">
        <Choice verdict="accept" row={row} disabled={blocked || unseen} />
        <Choice verdict="reject" row={row} />
        <Choice verdict="tolerate" row={row} />
        <button type="button" onClick={() => leaveOut(row)}>
          skip <kbd>s</kbd>
        </button>
        {[...(decisions.value.get(row) ?? [])].map(([scope, decision]) => (
          <span class={`made ${decision.verdict}`} key={scope}>
            <Made decision={decision} />{" "}
            <button type="button" class="quiet" onClick={() => clear(row, scope)}>
              take back
            </button>
          </span>
        ))}
      </div>
      {[...(earlier.value.get(row) ?? [])].map(([scope, decision]) => (
        <p class={`made ${decision.verdict}`} key={scope}>
          <Made decision={{ ...decision, group: scope || null }} /> <Signed decision={decision} />
        </p>
      ))}
      <Held row={row} />
      {blocked ? <p class="note">{groups.some((group) => group.rung === "agreement") ? PARTLY : CANNOT_ACCEPT}</p> : null}
      {several.length ? (
        <ul class="group-buttons">
          {several.map((group) => (
            <GroupButtons key={group.id} row={row} group={group} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

// Which holds, of a rejection of the whole case and tolerations of its changes.
function Held({ row }: { row: number }) {
  const whole = [earlier.value, decisions.value].some((all) => all.get(row)?.get("")?.verdict === "reject");
  const count = groupsOf(row).filter((group) => decidedOn(row, group.id)?.verdict === "tolerate").length;
  if (!whole || !count) return null;
  const several = count > 1;
  if (standing(row) === "tolerate") return <p class="note">{several ? "The tolerations hold" : "The toleration holds"} over the rejection.</p>;
  if (standing(row) !== "reject") return null;
  return <p class="note">{several ? "The tolerations are of those changes" : "The toleration is of that change"} alone: the rest of the case stays rejected.</p>;
}

// Alike until it is decided: a button that has its colour is what was decided of the case.
function Choice({ verdict, row, disabled = false }: { verdict: Verdict; row: number; disabled?: boolean }) {
  return (
    <button type="button" class={verdict} disabled={disabled} aria-pressed={standing(row) === verdict} onClick={() => request(verdict, row)}>
      {verdict} <kbd>{verdict[0]}</kbd>
    </button>
  );
}

function Made({ decision: { verdict, group, path, expires, at_most, reason } }: { decision: Decision }) {
  return (
    <>
      {past(verdict)} <T text={aboutWords(group, path)} />
      {expires ? ` until ${expires}` : ""}
      {bound(at_most)}
      {reason ? <>: <T text={reason} /></> : null}
    </>
  );
}

const sizeOf = (group: Group) => Object.values(group.cases).reduce((sum, count) => sum + count, 0);

function GroupButtons({ row, group }: { row: number; group: Group }) {
  const able = (["accept", "reject", "tolerate"] as const).filter((verdict) => verdict !== "accept" || group.rung === "agreement");
  return (
    <li>
      <Pill kind={group.severity} />
      <span class="path">
        <T text={group.title} />
      </span>
      <span class="note">{counted(sizeOf(group), "case")}</span>
      {able.map((verdict) => (
        <button type="button" class="quiet" key={verdict} onClick={() => request(verdict, row, group.id, true)}>
          {verdict} all
        </button>
      ))}
    </li>
  );
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
  const [all] = useState(() => (whole ? rowsOfGroup(scope).filter((one) => needsDecision(one)) : [row]));
  // What was decided of this change, by itself or with its case, is not decided on again unless it is wanted.
  const [before] = useState(() => new Map(whole ? all.flatMap((one) => verdictOn(one, scope)) : []));
  const [left, setLeft] = useState<ReadonlySet<number>>(() => new Set(before.keys()));
  const [reason, setReason] = useState("");
  const [expires, setExpires] = useState(() => inDays(TOLERATED_DAYS, index.run.as_of));
  const [most, setMost] = useState("");
  const [chosen, setChosen] = useState(scope || (verdict === "tolerate" ? (groupsOf(row)[0]?.id ?? "") : ""));
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const rows = all.filter((one) => !left.has(one));
  // Of a twin too: what was decided of it by itself stays so, unless its case was taken in again.
  const twinRows = (id: string) => shared(rows, id).filter((one) => !whole || before.has(one) || !decidedOn(one, id));
  const twins = twinsOf(chosen, verdict).filter((one) => twinRows(one.id).length > 0);
  const needsReason = verdict !== "accept";
  const today = inDays(0, index.run.as_of);
  const over = verdict === "tolerate" && expires !== "" && expires < today;
  const unreasoned = needsReason && reason.trim() === "";
  const ready = rows.length > 0 && !unreasoned && (verdict !== "tolerate" || (expires !== "" && !over));
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (unreasoned) document.getElementById("reason")?.focus();
    if (!ready) return;
    const said = { verdict, reason: reason.trim(), expires: verdict === "tolerate" ? expires : null, at_most: verdict === "tolerate" && Number(most) > 0 ? Number(most) : null };
    const also = twins.filter((one) => !alone.has(one.id)).map((one) => one.id);
    const what = `${past(verdict)} ${rows.length === 1 ? caseWords(rows[0]) : counted(rows.length, "case")}`;
    const first = rows.includes(row) ? row : rows[0];
    decide({ what, row: first }, ...[chosen, ...also].map((id) => ({ rows: id === chosen ? rows : twinRows(id), scope: id, decision: { ...said, group: id || null, path: pathOf(id) } })));
    asked.value = null;
    told(what, verdict === "reject" ? rows : []);
  };
  return (
    <form method="dialog" noValidate onSubmit={submit}>
      <h2 id="question">
        {verdict[0].toUpperCase() + verdict.slice(1)} {whole ? counted(rows.length, "case") : <T text={caseWords(row)} />}
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
        <input
          id="reason"
          value={reason}
          required={needsReason}
          autofocus
          aria-invalid={tried && unreasoned}
          aria-describedby="unreasoned"
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <p class="refused" id="unreasoned" aria-live="polite">
        {tried && unreasoned ? `A reason is needed: it stands wherever this case is ${past(verdict)}.` : ""}
      </p>
      {verdict === "tolerate" ? (
        <label>
          Until
          <input type="date" value={expires} min={today} required onInput={(event) => setExpires(event.currentTarget.value)} />
        </label>
      ) : null}
      {tried && verdict === "tolerate" && expires === "" ? (
        <p class="refused" role="alert">
          A day is needed: nothing is tolerated for ever.
        </p>
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
          <T text={one.title} /> <span class="note">{`${one.severity}, ${whole ? `${twinRows(one.id).length} of these` : "in this case"}`}</span>
        </label>
      ))}
      {whole ? <Members index={index} all={all} before={before} left={left} setLeft={setLeft} /> : null}
      {whole && !rows.length ? (
        <p class="refused" role="alert">
          No case is left: tick one.
        </p>
      ) : null}
      <div class="buttons">
        <button type="submit" class={verdict} disabled={over || (whole && !rows.length)}>
          {verdict} {counted(rows.length, "case")}
        </button>
        <button type="button" onClick={() => (asked.value = null)}>
          cancel
        </button>
      </div>
    </form>
  );
}

function verdictOn(row: number, scope: string): [number, Verdict][] {
  const made = decidedOn(row, scope);
  return made ? [[row, made.verdict]] : [];
}

function flipped<T>(from: ReadonlySet<T>, one: T): ReadonlySet<T> {
  const next = new Set(from);
  if (!next.delete(one)) next.add(one);
  return next;
}

// The other groups that are the same change, as far as they can be decided on alike.
function twinsOf(id: string, verdict: Verdict): Group[] {
  const twins = (groupOf(id)?.twins ?? []).flatMap((twin) => groupOf(twin) ?? []);
  return twins.filter((twin) => twin.severity !== "cosmetic" && (verdict !== "accept" || twin.rung === "agreement"));
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
  // What was decided of some of them.
  before: ReadonlyMap<number, Verdict>;
  left: ReadonlySet<number>;
  setLeft: (left: ReadonlySet<number>) => void;
}

function Members({ index, all, before, left, setLeft }: MembersProps) {
  const { cases } = index;
  return (
    <fieldset>
      <legend>All but those left out</legend>
      {before.size ? <Before all={all} before={before} left={left} setLeft={setLeft} /> : null}
      <div class="members" tabIndex={0}>
        {all.slice(0, SHOWN).map((row) => (
          <label key={row}>
            <input type="checkbox" checked={!left.has(row)} onChange={() => setLeft(flipped(left, row))} />
            <T text={cases.case[row]} /> <span class="note"><T text={index.candidates[cases.candidate[row]]} /></span>
            {before.has(row) ? <span class={`made ${before.get(row)}`}> {past(before.get(row)!)} already</span> : null}
          </label>
        ))}
      </div>
      {all.length > SHOWN ? (
        <p class="note">
          and {counted(all.length - SHOWN, "more case")}, {all.slice(SHOWN).some((row) => left.has(row)) ? "all of them included that are not decided" : "all of them included"}
        </p>
      ) : null}
    </fieldset>
  );
}

// How many of a group were decided before, what became of them, and one tick that takes them in as well.
function Before({ all, before, left, setLeft }: Omit<MembersProps, "index">) {
  const made = (["accept", "reject", "tolerate"] as const).map((verdict) => ({ verdict, count: [...before.values()].filter((one) => one === verdict).length }));
  const told = made.filter(({ count }) => count).map(({ verdict, count }) => `${past(verdict)} ${count}`);
  const included = [...before.keys()].every((row) => !left.has(row));
  const flip = () => setLeft(new Set(included ? [...left, ...before.keys()] : [...left].filter((row) => !before.has(row))));
  return (
    <>
      <p>
        {counted(all.length, "case")}, {before.size} of them decided already: {told.join(", ")}.
      </p>
      <label class="again">
        <input type="checkbox" checked={included} onChange={flip} /> decide on these again too
      </label>
    </>
  );
}

export function groupAtHand(): string {
  const row = selected.value;
  if (row < 0) return "";
  const groups = groupsOf(row);
  const open = groups.find((group) => !decisions.value.get(row)?.has(group.id));
  return (open ?? groups[0])?.id ?? "";
}

