// One case: what was asked, what both models answered, what differs and why it matters, and what to do about it.

import { useEffect, useMemo, useState } from "preact/hooks";
import { canonical, parseJson, typeOf } from "../diff";
import type { Answer, Index, Opened, Request, Sample } from "../data";
import { acceptable, found, hashOf, nameOf, open, openRow, printing, put, route, standing, type Verdict } from "../state";
import { Command, counted, dollars, Pill, plain, shell, T, verdictWords } from "../words";
import { Calls, ToolCalls } from "./calls";
import { Compare } from "./compare";
import { Deciding, groupsOf } from "./deciding";
import { FindingList } from "./findings";
import { quoted } from "./overview";
import { Said } from "./people";
import { Prompt } from "./prompt";
import { Timeline } from "./timeline";

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
            <T text={index.candidates[cases.candidate[other]]} />: {verdictWords(index.verdicts[cases.verdict[other]])}
          </a>
        ))}
        {(flow.tags[cases.case[row]] ?? []).map((tag) => (
          <a class="tag" key={tag} href={hashOf("cases", "", { q: `tag:${quoted(tag)}` })}>
            <T text={tag} />
          </a>
        ))}
      </p>
      <Said index={index} row={row} />
    </header>
  );
}

const linkTo = (row: number) => hashOf("cases", "", { q: route.value.params.get("q"), c: nameOf(row) });

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
      <FindingList findings={trial.findings} all={trial.samples.length} measured={trial.noise_measured} approvals={item.golden?.approvals ?? []} />
      {trial.unjudged.map((what) => (
        <p class="note" key={what}>
          not judged: <T text={what} />
        </p>
      ))}
      <Samples index={index} row={row} opened={opened} />
      <section class="measures" aria-label="Cost and time">
        <h2>Cost and time</h2>
        <p class="note">
          mean of a sample: {dollars(trial.cost_usd[1])} (baseline {dollars(trial.cost_usd[0])})
        </p>
        <Timeline golden={item.golden?.samples ?? []} candidate={trial.samples} texts={texts} names={[item.golden?.baseline ?? "", candidate]} />
      </section>
      <section class="again" aria-label="As commands">
        <h2>As commands</h2>
        <dl class="commands">
          {commandsOf(index, row).map(([what, command]) => (
            <div key={what}>
              <dt>
                <T text={what} />
              </dt>
              <dd>
                <Command text={command} />
              </dd>
            </div>
          ))}
        </dl>
        {flow.place ? (
          <p class="note">
            prompt file: <code><T text={flow.place} /></code>
          </p>
        ) : null}
      </section>
    </>
  );
}

// What can be done about a case outside this page: run it again, decide on it, decide on all that changed as it did most.
function commandsOf(index: Index, row: number): [string, string][] {
  const { cases, run } = index;
  const [flow, id, candidate] = [index.flows[cases.flow[row]].name, cases.case[row], index.candidates[cases.candidate[row]]];
  const commands: [string, string][] = [["run it again", `pytest --model ${shell(candidate)} -k ${shell(`${flow} and ${id}`)}`]];
  if (!["undecided", "partly"].includes(standing(row))) return commands;
  const deciding = (verdict: Verdict, what: string) => `prompt-migrate ${verdict} --run ${shell(run.id)} ${what}${ASKED[verdict]}`;
  const one = `--flow ${shell(flow)} --case ${shell(id)} --candidate ${shell(candidate)}`;
  const [worst] = groupsOf(row);
  const able = (accepts: boolean) => (["accept", "reject", "tolerate"] as const).filter((verdict) => accepts || verdict !== "accept");
  commands.push(...able(acceptable(row)).map((verdict): [string, string] => [`${verdict} the case`, deciding(verdict, one)]));
  if (!worst) return commands;
  const all = `all with ${worst.title}`;
  return [...commands, ...able(worst.rung === "agreement").map((verdict): [string, string] => [`${verdict} ${all}`, deciding(verdict, `--group ${worst.id}`)])];
}

const ASKED: Record<Verdict, string> = { accept: "", reject: " --reason WHY", tolerate: " --until DAY --reason WHY" };

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
  // On paper each answer stands under its heading.
  const unified = params.get("layout") === "unified" && !printing.value;
  const keys = new Map(index.flows[index.cases.flow[row]].rules.filter((rule) => rule.kind === "key" && typeof rule.value === "string").map((rule) => [rule.path, rule.value as string]));
  const golden = goldens[against]?.samples[0];
  const answer = answers[chosen]?.samples[0];
  const twins = new Set(goldens.map((kind) => kind.key));
  const sides = {
    golden: { name: item.golden?.baseline ?? "baseline", sample: golden, requests: item.golden?.requests ?? [] },
    candidate: { name: index.candidates[trial.candidate], sample: answer, requests: trial.requests },
  };
  const several = [golden, answer].some((sample) => (sample?.calls.length ?? 0) > 1);
  return (
    <>
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
    {several ? (
      <Calls {...sides} findings={trial.findings} all={trial.samples.length} texts={texts} raw={raw} />
    ) : (
      <Prompt golden={askedOf(sides.golden)} candidate={askedOf(sides.candidate)} texts={texts} names={[sides.golden.name, sides.candidate.name]} />
    )}
    </>
  );
}

// The question of a sample of one call.
function askedOf({ sample, requests }: { sample: Sample | undefined; requests: Request[] }): Request | undefined {
  const call = sample?.calls[0];
  return requests[call?.asked ?? 0];
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
