// A sample of several calls, call by call: both models on one line of time, what each was asked and answered, and what
// was found there.

import { align } from "../align";
import { parseJson } from "../diff";
import type { Answer, Call, Finding, Request, Sample } from "../data";
import { spansOf, type Spans } from "../spans";
import { counted, Pill, plain, seconds, T } from "../words";
import { Compare, Tree } from "./compare";
import { diffTree } from "../diff";
import { alike, FindingRow } from "./findings";
import { Lazy } from "./lazy";
import { Prompt } from "./prompt";

interface Side {
  name: string;
  sample: Sample | undefined;
  requests: Request[];
}

interface Props {
  golden: Side;
  candidate: Side;
  findings: Finding[];
  all: number;
  texts: string[];
  raw: boolean;
}

export function Calls({ golden, candidate, findings, all, texts, raw }: Props) {
  const sides = [golden, candidate] as const;
  const spans = sides.map((side) => spansOf(side.sample)) as [Spans, Spans];
  const inOrder = spans.some((one) => one.kind === "order");
  const longest = Math.max(1, ...spans.map((one) => (inOrder ? one.bars.length : one.length)));
  return (
    <section class="calls" aria-label="Calls">
      <h2>Calls</h2>
      <p class="note">
        Sample {golden.sample?.index ?? "–"} of the golden above, sample {candidate.sample?.index ?? "–"} of the candidate below it.{" "}
        {scaleWords(spans)}
      </p>
      <ol class="call-list">
        {pairsOf(golden.sample?.calls ?? [], candidate.sample?.calls ?? []).map((at) => (
          <CallRow
            key={`${golden.sample?.index} ${candidate.sample?.index} ${at.join(" ")}`}
            at={at}
            sides={sides}
            bars={spans.map((one, side) => barOf(one, at[side], inOrder, longest)) as [Bar, Bar]}
            findings={at[1] === null ? [] : findings.filter((finding) => callOf(finding) === at[1] && isOf(finding, candidate.sample))}
            all={all}
            texts={texts}
            raw={raw}
          />
        ))}
      </ol>
      {inOrder ? null : (
        <p class="note">
          together: {seconds(spans[0].length)} and {seconds(spans[1].length)}
        </p>
      )}
    </section>
  );
}

const isOf = (finding: Finding, sample: Sample | undefined) => !finding.samples.length || finding.samples.includes(sample?.index ?? -1);

// The places of a call among the golden's and among the candidate's; null: that side did not make it.
type Places = [number | null, number | null];

// Calls of one step stand opposite each other, and those of several in their order; calls without steps by their order.
export function pairsOf(golden: Call[], candidate: Call[]): Places[] {
  const named = [golden, candidate].every((calls) => calls.every((call) => call.step !== undefined));
  const names = (calls: Call[]) => calls.map((call) => (named ? call.step! : ""));
  const pairs: Places[] = [];
  let [before, after] = [0, 0];
  for (const { kind, count } of align(names(golden), names(candidate))) {
    for (let one = 0; one < count; one++) pairs.push([kind === "added" ? null : before++, kind === "removed" ? null : after++]);
  }
  return pairs;
}

function scaleWords(spans: [Spans, Spans]): string {
  if (spans.some((one) => one.kind === "order")) return "Not every duration is known: the bars show the order of the calls alone.";
  const row = spans.some((one) => one.kind === "row") ? " When each call began is not known: they are drawn one after another." : "";
  return `Bars: request to last byte, one scale for both; waiting for limits is not in them.${row}`;
}

// The call a finding is about: `$calls[2].total` is the third; none for the final answer.
export function callOf(finding: Finding): number | null {
  const found = /^\$calls\[(\d+)\]/.exec(finding.path);
  return found ? Number(found[1]) : null;
}

interface Bar {
  from: number;
  length: number;
}

function barOf(spans: Spans, at: number | null, inOrder: boolean, longest: number): Bar {
  const bar = at === null ? undefined : spans.bars[at];
  if (at === null || !bar) return { from: 0, length: 0 };
  if (inOrder) return { from: (at / longest) * 100, length: (1 / longest) * 100 };
  return { from: (bar.from / longest) * 100, length: Math.max((bar.length / longest) * 100, 0.6) };
}

interface RowProps {
  at: Places;
  sides: readonly [Side, Side];
  bars: [Bar, Bar];
  findings: Finding[];
  all: number;
  texts: string[];
  raw: boolean;
}

function CallRow({ at, sides, bars, findings, all, texts, raw }: RowProps) {
  const calls = sides.map((side, which) => (at[which] === null ? undefined : side.sample?.calls[at[which]])) as [Call | undefined, Call | undefined];
  const found = alike(findings);
  const counting = found.filter((finding) => !finding.explained);
  const worst = (["breaking", "drift"] as const).find((severity) => counting.some((finding) => finding.severity === severity));
  const explained = found.length - found.filter((finding) => !finding.explained).length;
  const step = calls[1]?.step ?? calls[0]?.step;
  return (
    <li class={worst ?? ""}>
      <Lazy
        summary={
          <>
            <span class="call-name">
              {(at[1] ?? at[0]!) + 1}
              {step ? <> <T text={step} /></> : null}
            </span>
            <Lane calls={calls} bars={bars} />
            <span class="call-says">
              {worst ? <Pill kind={worst}>{counted(counting.filter((finding) => finding.severity === worst).length, worst === "drift" ? "drift" : "break", worst === "drift" ? "drifts" : "breaks")}</Pill> : null}
              {explained ? <Pill kind="keep">{counted(explained, "difference")}</Pill> : null}
              {calls.map((call, side) => (call?.no_reply ? <Pill key={side} kind="no_reply">{plain(call.no_reply.kind)}</Pill> : null))}
              {!calls[0] ? <span class="note">made by the candidate only</span> : !calls[1] ? <span class="note">not made by the candidate</span> : null}
            </span>
          </>
        }
      >
        {() => <CallBody at={at} sides={sides} calls={calls} findings={found} all={all} texts={texts} raw={raw} />}
      </Lazy>
    </li>
  );
}

function Lane({ calls, bars }: { calls: [Call | undefined, Call | undefined]; bars: [Bar, Bar] }) {
  return (
    <span class="lanes">
      {calls.map((call, side) => (
        <span key={side} class="lane-of">
          <svg class="span" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="rest" width="100" height="8" />
            {call ? <rect class={side ? "kept" : "base"} x={bars[side].from} width={bars[side].length} height="8" /> : null}
          </svg>
          <span class="note">
            {call ? (
              <>
                <T text={call.served ?? call.model ?? ""} /> {seconds(call.ms)}
              </>
            ) : (
              "–"
            )}
          </span>
        </span>
      ))}
    </span>
  );
}

function CallBody({ at, sides, calls, findings, all, texts, raw }: Omit<RowProps, "bars"> & { calls: [Call | undefined, Call | undefined] }) {
  const asked = sides.map((side, which) => side.requests[calls[which]?.asked ?? calls[which]?.ordinal ?? -1]) as [Request | undefined, Request | undefined];
  const answers = sides.map((side, which) => answerOf(side.sample, calls[which])) as [Answer | null, Answer | null];
  return (
    <div class="call-body">
      {findings.length ? (
        <ul class="findings">
          {findings.map((finding, place) => (
            <FindingRow key={place} finding={finding} all={all} />
          ))}
        </ul>
      ) : (
        <p class="note">Nothing was found at this call.</p>
      )}
      <h3>
        Answer <span class="note">{["golden", "candidate"].flatMap((side, which) => (at[which] === null ? [] : [`${side} ${at[which]! + 1}`])).join(", ")}</span>
      </h3>
      <InnerAnswers answers={answers} texts={texts} raw={raw} />
      <Prompt golden={calls[0] && asked[0]} candidate={calls[1] && asked[1]} texts={texts} names={[sides[0].name, sides[1].name]} />
    </div>
  );
}

// A call that answers as its sample does keeps no answer of its own.
function answerOf(sample: Sample | undefined, call: Call | undefined): Answer | null {
  if (!call || call.no_reply) return null;
  return call.answer ?? sample?.answer ?? null;
}

function InnerAnswers({ answers, texts, raw }: { answers: [Answer | null, Answer | null]; texts: string[]; raw: boolean }) {
  const [before, after] = answers.map((answer) => (answer?.text == null ? null : texts[answer.text]));
  const tools = answers.map((answer) => answer?.tools ?? []);
  return (
    <>
      {before === null && after === null ? null : <Compare before={before} after={after} raw={raw} keys={new Map()} />}
      {Array.from({ length: Math.max(tools[0].length, tools[1].length) }, (_, at) => (
        <ToolPair key={at} at={at} before={tools[0][at]} after={tools[1][at]} texts={texts} raw={raw} />
      ))}
      {before === null && after === null && !tools[0].length && !tools[1].length ? <p class="note">no answer</p> : null}
    </>
  );
}

// --- Tool calls -----------------------------------------------------------------------------------------------------

export function ToolCalls({ golden, answer, texts, raw }: { golden: Answer | null; answer: Answer | null; texts: string[]; raw: boolean }) {
  const before = golden?.tools ?? [];
  const after = answer?.tools ?? [];
  if (!before.length && !after.length) return null;
  return (
    <div class="tool-calls">
      <h3>Tool calls</h3>
      {Array.from({ length: Math.max(before.length, after.length) }, (_, at) => (
        <ToolPair key={at} at={at} before={before[at]} after={after[at]} texts={texts} raw={raw} />
      ))}
    </div>
  );
}

type Tool = [string, number] | undefined;

function ToolPair({ at, before, after, texts, raw }: { at: number; before: Tool; after: Tool; texts: string[]; raw: boolean }) {
  const name = (tool: Tool, kind: "del" | "ins") => {
    if (!tool) return <i class="note">not called</i>;
    const text = <T text={tool[0]} />;
    if (before?.[0] === after?.[0]) return <code>{text}</code>;
    return <code>{kind === "del" ? <del>{text}</del> : <ins>{text}</ins>}</code>;
  };
  const [one, other] = [before ? parseJson(texts[before[1]]) : undefined, after ? parseJson(texts[after[1]]) : undefined];
  const both = one !== undefined && other !== undefined && !raw;
  return (
    <div class="tool">
      <div class="two heads">
        <p>
          {at + 1}. {name(before, "del")}
        </p>
        <p>
          {at + 1}. {name(after, "ins")}
        </p>
      </div>
      {both ? (
        <Tree root={diffTree(one, other, new Map())} />
      ) : (
        <div class="two">
          <pre>{before ? <T text={texts[before[1]]} /> : null}</pre>
          <pre>{after ? <T text={texts[after[1]]} /> : null}</pre>
        </div>
      )}
    </div>
  );
}
