// One case: what was asked, what both models answered, what differs and why it matters, and what to do about it.

import { useEffect, useMemo, useState } from "preact/hooks";
import { canonical, parseJson, typeOf } from "../diff";
import type { Answer, Finding, Index, Json, Opened, Request, Sample } from "../data";
import { found, hashOf, index as report, isOpen, open, openRow, put, route } from "../state";
import { Command, counted, dollars, Pill, plain, shell, T } from "../words";
import { Compare, TextDiff, Tree } from "./compare";
import { Deciding } from "./deciding";
import { quoted } from "./overview";
import { Timeline } from "./timeline";
import { diffTree } from "../diff";

export function CaseView({ index, row }: { index: Index; row: number }) {
  const [opened, setOpened] = useState<{ row: number; case: Opened } | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let stale = false;
    openRow(row).then(
      (one) => stale || (setProblem(""), setOpened({ row, case: one })),
      (error: unknown) => stale || setProblem(String(error)),
    );
    return () => void (stale = true);
  }, [row]);
  const ready = opened?.row === row;
  return (
    <article class="case" aria-busy={!ready} data-row={ready ? row : undefined}>
      <CaseHead index={index} row={row} />
      {problem ? <p class="warning">This case cannot be opened: {problem}</p> : null}
      {ready ? <Body index={index} row={row} opened={opened.case} /> : null}
    </article>
  );
}

function CaseHead({ index, row }: { index: Index; row: number }) {
  const { cases } = index;
  const flow = index.flows[cases.flow[row]];
  const candidate = index.candidates[cases.candidate[row]];
  const { rows } = found.value;
  const at = rows.indexOf(row);
  const others = sameCase(index, row);
  return (
    <header class="case-head">
      <div class="crumbs">
        <button type="button" class="quiet back" onClick={() => open(-1)}>
          ← list
        </button>
        <a href={hashOf("flow", flow.name)}>
          <T text={flow.name} />
        </a>
        <span>
          {at >= 0 ? `${at + 1} of ${rows.length}` : "outside the filter"}
          <button type="button" class="quiet" disabled={at <= 0} onClick={() => open(rows[at - 1])} aria-label="previous case">
            ↑
          </button>
          <button type="button" class="quiet" disabled={at >= rows.length - 1} onClick={() => open(rows[at + 1])} aria-label="next case">
            ↓
          </button>
        </span>
      </div>
      <h1>
        <T text={cases.case[row]} /> <Pill kind={index.verdicts[cases.verdict[row]]} />
      </h1>
      <p class="versus">
        against <b><T text={candidate} /></b>
        {others.map((other) => (
          <a key={other} href={linkTo(other)}>
            <T text={index.candidates[cases.candidate[other]]} />: {plain(index.verdicts[cases.verdict[other]])}
          </a>
        ))}
        {(flow.tags[cases.case[row]] ?? []).map((tag) => (
          <a class="tag" key={tag} href={hashOf("cases", "", { q: `tag:${quoted(tag)}` })}>
            <T text={tag} />
          </a>
        ))}
      </p>
    </header>
  );
}

function linkTo(row: number): string {
  const { cases, flows, candidates } = report.value!;
  const name = [flows[cases.flow[row]].name, cases.case[row], candidates[cases.candidate[row]]].map(encodeURIComponent).join("~");
  return hashOf("cases", "", { q: route.value.params.get("q"), c: name });
}

// The other candidates' rows of this case.
function sameCase(index: Index, row: number): number[] {
  const { cases } = index;
  const [chunk, at] = cases.place[row];
  return cases.place.flatMap(([one, other], number) => (one === chunk && other === at && number !== row ? [number] : []));
}

function Body({ index, row, opened }: { index: Index; row: number; opened: Opened }) {
  const { item, trial, texts } = opened;
  const flow = index.flows[index.cases.flow[row]];
  const candidate = index.candidates[trial.candidate];
  return (
    <>
      {trial.note ? (
        <p class="warning">
          <T text={trial.note} />
        </p>
      ) : null}
      {trial.samples.flatMap((sample) =>
        sample.calls.flatMap((call) =>
          call.no_reply ? (
            <p class="warning" key={`${sample.index} ${call.ordinal}`}>
              sample {sample.index}: {plain(call.no_reply.kind)}, <T text={call.no_reply.message} />
            </p>
          ) : (
            []
          ),
        ),
      )}
      {item.golden ? null : <p class="warning">There is no golden to compare with now.</p>}
      <Deciding row={row} opened={opened} />
      <FindingList findings={trial.findings} rules={flow.rules.map((rule) => rule.path)} all={trial.samples.length} measured={trial.noise_measured} />
      {trial.unjudged.map((what) => (
        <p class="note" key={what}>
          not judged: <T text={what} />
        </p>
      ))}
      <Samples index={index} row={row} opened={opened} />
      <Prompt golden={item.golden?.requests ?? []} candidate={trial.requests} texts={texts} names={[item.golden?.baseline ?? "baseline", candidate]} />
      <section class="measures" aria-label="Cost and time">
        <h2>Cost and time</h2>
        <p class="note">
          mean of a sample: {dollars(trial.cost_usd[1])} (baseline {dollars(trial.cost_usd[0])})
        </p>
        <Timeline golden={item.golden?.samples ?? []} candidate={trial.samples} texts={texts} names={[item.golden?.baseline ?? "", candidate]} />
      </section>
      <section class="again" aria-label="Run it again">
        <h2>Run it again</h2>
        <Command text={`pytest --model ${shell(candidate)} -k ${shell(`${flow.name} and ${item.case}`)}`} />
        {flow.place ? (
          <p class="note">
            prompt file: <code><T text={flow.place} /></code>
          </p>
        ) : null}
      </section>
    </>
  );
}

// --- Findings -------------------------------------------------------------------------------------------------------

interface FindingListProps {
  findings: Finding[];
  rules: string[];
  all: number;
  measured: boolean;
}

function FindingList({ findings, all, measured }: FindingListProps) {
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
      {explained.length ? (
        <details>
          <summary>{counted(explained.length, "difference")} that something explains: {[...new Set(explained.map((finding) => WHY[finding.explained!] ?? finding.explained!))].join(", ")}</summary>
          <ul class="findings">
            {explained.map((finding, at) => (
              <FindingRow key={at} finding={finding} all={all} />
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}

const WHY: Record<string, string> = {
  noise: "the baseline's own noise",
  approval: "an approval",
  toleration: "a toleration",
  inner: "a call before the final answer",
  consequence: "an earlier answer that changed the question",
};

// One line for what several samples show in their own words: the same kind, place and rule.
function alike(findings: Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.kind, finding.path, finding.rule, finding.severity, finding.explained, finding.group]);
    const first = merged.get(key);
    if (first) first.samples = [...new Set([...first.samples, ...finding.samples])].sort((one, other) => one - other);
    else merged.set(key, { ...finding, samples: [...finding.samples] });
  }
  return [...merged.values()];
}

function FindingRow({ finding, all }: { finding: Finding; all: number }) {
  const contract = finding.rung !== "agreement";
  return (
    <li class={finding.severity}>
      <div class="what">
        <Pill kind={finding.explained ?? finding.severity} />
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

function Short({ value }: { value: Json }) {
  const text = (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s*\n\s*/g, " ⏎ ");
  return <T text={text.length > 160 ? `${text.slice(0, 160)}…` : text} />;
}

// --- Samples side by side -------------------------------------------------------------------------------------------

interface Kind {
  key: string;
  samples: Sample[];
}

// Equal answers stand together: five times the same is one thing to read.
function kindsOf(samples: Sample[], texts: string[]): Kind[] {
  const kinds = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = keyOf(sample.answer, texts);
    kinds.set(key, [...(kinds.get(key) ?? []), sample]);
  }
  return [...kinds].map(([key, alike]) => ({ key, samples: alike }));
}

function keyOf(answer: Answer | null, texts: string[]): string {
  if (!answer) return "none";
  const same = (text: string) => {
    const value = parseJson(text);
    return value === undefined || typeOf(value) === "string" ? text : canonical(value);
  };
  const text = answer.text === null ? "" : same(texts[answer.text]);
  const tools = (answer.tools ?? []).map(([name, at]) => [name, same(texts[at])]);
  return JSON.stringify([text, tools, answer.refusal === undefined ? "" : texts[answer.refusal], answer.finish]);
}

function Samples({ index, row, opened }: { index: Index; row: number; opened: Opened }) {
  const { item, trial, texts } = opened;
  const { params } = route.value;
  const goldens = useMemo(() => kindsOf(item.golden?.samples ?? [], texts), [opened]);
  const answers = useMemo(() => kindsOf(trial.samples, texts), [opened]);
  const worst = trial.findings.find((finding) => !finding.explained)?.samples[0];
  const chosen = choose(answers, params.get("s"), worst);
  const against = choose(goldens, params.get("g"), nearest(goldens, answers[chosen], texts));
  const raw = params.get("raw") === "1";
  const unified = params.get("layout") === "unified";
  const keys = new Map(index.flows[index.cases.flow[row]].rules.filter((rule) => rule.kind === "key" && typeof rule.value === "string").map((rule) => [rule.path, rule.value as string]));
  const golden = goldens[against]?.samples[0];
  const answer = answers[chosen]?.samples[0];
  const twins = new Set(goldens.map((kind) => kind.key));
  return (
    <section class={`answers ${unified ? "unified" : ""}`} aria-label="Answers">
      <div class="sample-bar">
        <h2>Answers</h2>
        <span class="spacer" />
        <button type="button" class="quiet" aria-pressed={raw} onClick={() => put({ raw: raw ? null : "1" })} title="key: x">
          raw text
        </button>
        <button type="button" class="quiet" aria-pressed={unified} onClick={() => put({ layout: unified ? null : "unified" })} title="key: v">
          unified
        </button>
      </div>
      <div class="two heads">
        <Strip title={`golden, ${item.golden?.baseline ?? "none"}`} kinds={goldens} at={against} name="g" twins={new Set()} />
        <Strip title={index.candidates[trial.candidate]} kinds={answers} at={chosen} name="s" twins={twins} />
      </div>
      <Refusals golden={golden} answer={answer} texts={texts} />
      {textOf(golden, texts) === null && textOf(answer, texts) === null ? null : (
        <Compare before={textOf(golden, texts)} after={textOf(answer, texts)} raw={raw} keys={keys} />
      )}
      <ToolCalls golden={golden?.answer ?? null} answer={answer?.answer ?? null} texts={texts} raw={raw} />
    </section>
  );
}

const textOf = (sample: Sample | undefined, texts: string[]) => (sample?.answer?.text == null ? null : texts[sample.answer.text]);

function choose(kinds: Kind[], asked: string | null, usual: number | undefined): number {
  const wanted = asked === null ? usual : Number(asked);
  const at = kinds.findIndex((kind) => kind.samples.some((sample) => sample.index === wanted));
  return Math.max(at, 0);
}

// The golden sample that shares most with the answer, so that the difference shown is the smallest there is.
function nearest(goldens: Kind[], answer: Kind | undefined, texts: string[]): number | undefined {
  if (!answer || goldens.length < 2) return undefined;
  const words = (sample: Sample) => new Set((textOf(sample, texts) ?? "").split(/\W+/));
  const mine = words(answer.samples[0]);
  const scored = goldens.map((kind) => {
    if (kind.key === answer.key) return { kind, score: 2 };
    const theirs = words(kind.samples[0]);
    let shared = 0;
    for (const word of mine) if (theirs.has(word)) shared++;
    return { kind, score: shared / (mine.size + theirs.size - shared || 1) };
  });
  return scored.reduce((best, one) => (one.score > best.score ? one : best)).kind.samples[0].index;
}

interface StripProps {
  title: string;
  kinds: Kind[];
  at: number;
  name: "g" | "s";
  twins: Set<string>;
}

function Strip({ title, kinds, at, name, twins }: StripProps) {
  const all = kinds.reduce((sum, kind) => sum + kind.samples.length, 0);
  return (
    <div class="strip-of">
      <h3>
        <T text={title} />
        <span class="note">
          {" "}
          {counted(all, "sample")}
          {kinds.length > 1 || all > 1 ? `, ${counted(kinds.length, "different answer")}` : ""}
        </span>
      </h3>
      <div role="group" aria-label={`samples of ${title}`} class="kinds">
        {kinds.map((kind, place) => {
          const broken = kind.samples.some((sample) => !sample.kept);
          const label = `${kind.samples.map((sample) => sample.index).join(",")}`;
          return (
            <button
              type="button"
              key={kind.key}
              class={`kind ${place === at ? "on" : ""} ${broken ? "broken" : ""} ${twins.has(kind.key) ? "twin" : ""}`}
              aria-pressed={place === at}
              title={`${counted(kind.samples.length, "sample")}${broken ? ", breaks the contract" : ""}${twins.has(kind.key) ? ", equal to a golden sample" : ""}`}
              onClick={() => put({ [name]: String(kind.samples[0].index) })}
            >
              {broken ? "✕ " : twins.has(kind.key) ? "= " : ""}
              {label}
              {kind.samples.length > 1 ? <b> ×{kind.samples.length}</b> : null}
            </button>
          );
        })}
      </div>
    </div>
  );
}

function Refusals({ golden, answer, texts }: { golden: Sample | undefined; answer: Sample | undefined; texts: string[] }) {
  const words = (sample: Sample | undefined) => {
    if (!sample?.answer) return sample ? "no answer" : "";
    const { finish, refusal } = sample.answer;
    const parts = [refusal === undefined ? "" : `refused: ${texts[refusal]}`, ["stop", "tool_calls"].includes(finish) ? "" : `ended by ${plain(finish)}`];
    return parts.filter(Boolean).join("; ");
  };
  const [before, after] = [words(golden), words(answer)];
  if (!before && !after) return null;
  return (
    <div class="two">
      <p class={before ? "warning" : ""}>{before ? <T text={before} /> : null}</p>
      <p class={after ? "warning" : ""}>{after ? <T text={after} /> : null}</p>
    </div>
  );
}

function ToolCalls({ golden, answer, texts, raw }: { golden: Answer | null; answer: Answer | null; texts: string[]; raw: boolean }) {
  const before = golden?.tools ?? [];
  const after = answer?.tools ?? [];
  if (!before.length && !after.length) return null;
  const count = Math.max(before.length, after.length);
  return (
    <div class="tool-calls">
      <h3>Tool calls</h3>
      {Array.from({ length: count }, (_, at) => (
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

// --- The prompt as sent ----------------------------------------------------------------------------------------------

interface PromptProps {
  golden: Request[];
  candidate: Request[];
  texts: string[];
  names: [string, string];
}

interface Message {
  role: string;
  text: string;
}

function Prompt({ golden, candidate, texts, names }: PromptProps) {
  const one = golden[0];
  const other = candidate[0];
  if (!one && !other) return null;
  const before = one ? messagesOf(one, texts) : [];
  const after = other ? messagesOf(other, texts) : [];
  // Of a call whose text can no longer be rendered the key is known: it says whether the question was the same.
  const unkept = other && !after.length && !SHOWN_APART_NAMES.some((name) => name in other.body);
  const same = one && other && (unkept ? one.prompt_key === other.prompt_key : JSON.stringify(before) === JSON.stringify(after));
  const differing = one && other && !unkept ? parameters(one, other, texts) : [];
  const shown = other && !unkept ? after : before;
  return (
    <details class="prompt">
      <summary>
        Prompt as sent{" "}
        <span class="note">
          {same
            ? `the same messages to both${unkept ? ", by their key" : ""}`
            : unkept
              ? "the candidate's text was not kept, and the prompt file has changed: only its key is known"
              : one && other
                ? "different messages"
                : `to ${other ? names[1] : names[0]} only`}
          {differing.length ? `; ${differing.join(", ")}` : ""}
        </span>
      </summary>
      {same || unkept || !one || !other
        ? shown.map((message, at) => (
            <div class="message" key={at}>
              <h3>{message.role}</h3>
              <pre tabIndex={0}>
                <T text={message.text} />
              </pre>
            </div>
          ))
        : Array.from({ length: Math.max(before.length, after.length) }, (_, at) => (
            <div class="message" key={at}>
              <h3>{after[at]?.role ?? before[at]?.role}</h3>
              <TextDiff before={before[at]?.text ?? ""} after={after[at]?.text ?? ""} />
            </div>
          ))}
      <Rest request={other && !unkept ? other : one} texts={texts} />
    </details>
  );
}

function messagesOf(request: Request, texts: string[]): Message[] {
  const body = request.body;
  const list = Array.isArray(body.messages) ? body.messages : Array.isArray(body.input) ? body.input : [];
  const first: Message[] = body.instructions ? [{ role: "instructions", text: said(body.instructions, texts) }] : [];
  if (body.input !== undefined && !Array.isArray(body.input)) first.push({ role: "user", text: said(body.input, texts) });
  return [
    ...first,
    ...list.map((item) => {
      const message = item as { [key: string]: Json };
      const rest = Object.fromEntries(Object.entries(message).filter(([key]) => !["role", "content"].includes(key)));
      const extra = Object.keys(rest).length ? `\n${JSON.stringify(full(rest, texts), null, 2)}` : "";
      return { role: String(message.role ?? message.type ?? ""), text: said(message.content ?? null, texts) + extra };
    }),
  ];
}

// A value of a request with its texts in place.
function full(value: Json, texts: string[]): Json {
  if (Array.isArray(value)) return value.map((item) => full(item, texts));
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$text === "number") return texts[value.$text];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, full(item, texts)]));
}

function said(value: Json, texts: string[]): string {
  const whole = full(value, texts);
  if (typeof whole === "string") return whole;
  if (whole === null) return "";
  if (Array.isArray(whole) && whole.every((part) => part !== null && typeof part === "object" && "text" in part)) {
    return whole.map((part) => String((part as { text: Json }).text)).join("\n");
  }
  return JSON.stringify(whole, null, 2);
}

const SHOWN_APART_NAMES = ["messages", "input", "instructions"];
const SHOWN_APART = new Set(SHOWN_APART_NAMES);

function rest(request: Request, texts: string[]): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(request.body).filter(([key]) => !SHOWN_APART.has(key)).map(([key, value]) => [key, full(value, texts)]));
}

function parameters(one: Request, other: Request, texts: string[]): string[] {
  const [before, after] = [rest(one, texts), rest(other, texts)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.map((name) => (name === "model" ? `model ${String(before.model)} → ${String(after.model)}` : `${name} differs`));
}

function Rest({ request, texts }: { request: Request; texts: string[] }) {
  return (
    <div class="message">
      <h3>parameters, tools and format</h3>
      <pre tabIndex={0}>
        <T text={JSON.stringify(rest(request, texts), null, 2)} />
      </pre>
    </div>
  );
}

export function nextOpen(from: number, step: 1 | -1): number {
  const { rows } = found.value;
  const at = rows.indexOf(from);
  for (let place = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step; place >= 0 && place < rows.length; place += step) {
    if (isOpen(rows[place])) return rows[place];
  }
  return -1;
}

