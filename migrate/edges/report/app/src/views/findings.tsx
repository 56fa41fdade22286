// What was found in a case: the finding, where, both values, the rule that made it, and how many cases are alike.

import type { Approval, Finding, Json } from "../data";
import { hashOf, index as report } from "../state";
import { counted, Pill, plain, T } from "../words";
import { Lazy } from "./lazy";

interface FindingListProps {
  findings: Finding[];
  all: number;
  measured: boolean;
  approvals: Approval[];
}

export function FindingList({ findings, all, measured, approvals }: FindingListProps) {
  const counting = alike(findings.filter((finding) => !finding.explained));
  const explained = alike(findings.filter((finding) => finding.explained));
  return (
    <section class="finding-list" aria-label="Findings">
      {counting.length ? (
        <ul class="findings">
          {counting.map((finding, at) => (
            <FindingRow key={at} finding={finding} all={all} />
          ))}
        </ul>
      ) : (
        <p class="note">No finding counts against the candidate.</p>
      )}
      {measured ? null : <p class="note">The golden holds a single sample: its noise is unmeasured.</p>}
      {explained.some((finding) => finding.explained === "approval") ? <Approvals approvals={approvals} /> : null}
      {explained.length ? (
        <Lazy
          summary={
            <>
              {counted(explained.length, "difference")} that {explained.length === 1 ? "does" : "do"} not count:{" "}
              {[...new Set(explained.map((finding) => whyWords(finding.explained!)))].join(", ")}
            </>
          }
        >
          {() => (
            <ul class="findings">
              {explained.map((finding, at) => (
                <FindingRow key={at} finding={finding} all={all} />
              ))}
            </ul>
          )}
        </Lazy>
      ) : null}
    </section>
  );
}

// Whose approvals they are, and of whose answers; two of one act are told once.
function Approvals({ approvals }: { approvals: Approval[] }) {
  const told = [...new Map(approvals.map((one) => [JSON.stringify(one), one])).values()];
  return (
    <ul class="approvals" aria-label="Approvals">
      {told.map((one) => (
        <li class="note" key={`${one.candidate} ${one.reviewer} ${one.at} ${one.reason}`}>
          an answer of <T text={one.candidate} /> was accepted by <T text={one.reviewer || "a reviewer"} />
          {one.at ? ` on ${one.at.slice(0, 10)}` : ""}
          {one.reason ? <>: <T text={one.reason} /></> : null}
        </li>
      ))}
    </ul>
  );
}

const WHY: Record<string, string> = {
  noise: "the baseline's own noise",
  approval: "accepted",
  toleration: "tolerated",
  inner: "before the final answer",
  consequence: "after another answer",
};
const whyWords = (explained: string) => WHY[explained] ?? plain(explained);

// One line for what several samples show in their own words: the same kind, place and rule.
export function alike(findings: Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.kind, finding.path, finding.rule, finding.severity, finding.explained, finding.group]);
    const first = merged.get(key);
    if (first) first.samples = [...new Set([...first.samples, ...finding.samples])].sort((one, other) => one - other);
    else merged.set(key, { ...finding, samples: [...finding.samples] });
  }
  return [...merged.values()];
}

export function FindingRow({ finding, all }: { finding: Finding; all: number }) {
  const contract = finding.rung !== "agreement";
  return (
    <li class={finding.severity}>
      <div class="what">
        <Pill kind={finding.explained ?? finding.severity}>{finding.explained ? whyWords(finding.explained) : undefined}</Pill>
        <code class="path">
          <T text={finding.path} />
        </code>
        <b>{plain(finding.kind)}</b>
        <span class="note">
          {finding.samples.length ? `in ${finding.samples.length} of ${counted(all, "sample")}` : ""}
        </span>
        {finding.group ? (
          <a class="note" href={hashOf("cases", "", { q: `group:${finding.group}` })} title="all cases with this change">
            {groupSize(finding.group)}
          </a>
        ) : null}
      </div>
      <div class="sides">
        {finding.expected !== null && finding.expected !== undefined ? (
          <span>
            {contract ? "wanted" : "before"} <code class="before"><Short value={finding.expected} /></code>
          </span>
        ) : null}
        {finding.actual !== null && finding.actual !== undefined ? (
          <span>
            {contract ? "got" : "after"} <code class="after"><Short value={finding.actual} /></code>
          </span>
        ) : null}
      </div>
      <p class="why">
        <T text={finding.message} />
        {finding.rule ? (
          <span class="note">
            {" "}
            · made by <code><T text={finding.rule} /></code>
          </span>
        ) : null}
      </p>
    </li>
  );
}

function groupSize(id: string): string {
  const group = report.value!.groups.find((one) => one.id === id);
  if (!group) return "";
  const cases = Object.values(group.cases).reduce((sum, count) => sum + count, 0);
  return cases > 1 ? `${counted(cases, "case")} alike` : "";
}

// A text that without its quotes reads as a number, as true, false or null, or as nothing.
const READS_OTHERWISE = /^\s|\s$|^$|^(?:true|false|null|-?\d[\d.,]*)$/;

function Short({ value }: { value: Json }) {
  const text = (typeof value === "string" && !READS_OTHERWISE.test(value) ? value : JSON.stringify(value)).replace(/\s*\n\s*/g, " ⏎ ");
  return <T text={text.length > 160 ? `${text.slice(0, 160)}…` : text} />;
}
