// One flow: what became of it rung by rung, why its verdict is what it is, what changed, and how it went before.

import { Fragment } from "preact";
import { Bar, Legend, MarginChart, Strip } from "../charts";
import { Spread } from "../plots";
import type { Evidence, Flow, Index, Step, StepTimes } from "../data";
import { hashOf } from "../state";
import { counted, dollars, FlowVerdictPill, minute, ms, percent, plain, SCROLL, T, times, verdictWords } from "../words";
import { Changes, metricWords, quoted } from "./overview";
import { People } from "./people";

export function FlowPage({ index, name }: { index: Index; name: string }) {
  const flow = index.flows.find((one) => one.name === name);
  const evidence = index.evidence.filter((one) => one.flow === name);
  if (!flow || !evidence.length) return <Unknown index={index} name={name} />;
  return (
    <div class="page flow">
      <Head flow={flow} evidence={evidence} />
      <section aria-labelledby="why">
        <h2 id="why">Verdict</h2>
        <Why evidence={evidence} candidates={index.candidates} />
      </section>
      <section aria-labelledby="rungs">
        <h2 id="rungs">Rungs</h2>
        <p class="note">Samples that pass each rung, of all samples of the cases it applies to; never only of those that passed the one before.</p>
        <Funnel evidence={evidence} rungs={index.rungs} />
      </section>
      <section aria-labelledby="groups">
        <h2 id="groups">Equal changes</h2>
        <Changes groups={index.groups.filter((group) => group.flow === name)} index={index} />
      </section>
      <section aria-labelledby="people">
        <h2 id="people">People</h2>
        <People evidence={evidence} />
      </section>
      <section aria-labelledby="noise">
        <h2 id="noise">The baseline's own noise</h2>
        <Noise flow={flow} evidence={evidence} />
      </section>
      <section aria-labelledby="latency">
        <h2 id="latency">Latency</h2>
        <Latency evidence={evidence} candidates={index.candidates} />
      </section>
      {evidence.some(isChain) ? (
        <section aria-labelledby="steps">
          <h2 id="steps">Steps</h2>
          <Steps evidence={evidence.filter(isChain)} />
        </section>
      ) : null}
      <section aria-labelledby="history">
        <h2 id="history">Over runs</h2>
        <History flow={flow} now={index.run.id} />
      </section>
      {flow.rules.length ? (
        <section aria-labelledby="rules">
          <h2 id="rules">Rules</h2>
          <ul class="rules">
            {flow.rules.map((rule) => (
              <li key={`${rule.path} ${rule.kind}`}>
                <code>
                  <T text={rule.path} />
                </code>{" "}
                {plain(rule.kind)} {rule.value === null ? "" : <code><T text={JSON.stringify(rule.value)} /></code>}
                {rule.expires ? `, until ${rule.expires}` : ""}
                {rule.reason ? <> (<T text={rule.reason} />)</> : null}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </div>
  );
}

function Unknown({ index, name }: { index: Index; name: string }) {
  return (
    <div class="page">
      <h1>
        No flow “<T text={name} />” in this run
      </h1>
      <ul>
        {index.flows.map((flow) => (
          <li key={flow.name}>
            <a href={hashOf("flow", flow.name)}>
              <T text={flow.name} />
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Head({ flow, evidence }: { flow: Flow; evidence: Evidence[] }) {
  const facts = [
    flow.critical ? `${flow.critical} criticality` : "",
    flow.owner ? `owned by ${flow.owner}` : "",
    flow.parse ? (flow.parse === "text" ? "answers in prose" : `answers in ${flow.parse === "json" ? "raw JSON" : "fenced JSON"}`) : "",
    flow.place ?? "",
  ].filter(Boolean);
  return (
    <header>
      <p class="crumbs">
        <a href={hashOf("overview")}>Overview</a> / flow
      </p>
      <h1>
        <T text={flow.name} />
      </h1>
      {flow.title && flow.title !== flow.name ? (
        <p class="title">
          <T text={flow.title} />
        </p>
      ) : null}
      {flow.description ? (
        <p>
          <T text={flow.description} />
        </p>
      ) : null}
      <p class="note">
        <T text={facts.join(" · ")} />
      </p>
      <ul class="standings">
        {evidence.map((one) => (
          <li key={one.candidate}>
            <FlowVerdictPill verdict={one.verdict} />
            <b>
              <T text={one.baseline} /> → <T text={one.candidate} />
            </b>
            <a href={hashOf("cases", "", { q: `flow:${quoted(flow.name)} model:${quoted(one.candidate)}` })}>{counted(one.cases, "case")}</a>
            <span class="cases">
              {Object.entries(one.verdicts)
                .filter(([, count]) => count)
                .map(([verdict, count]) => (
                  <a key={verdict} href={hashOf("cases", "", { q: `flow:${quoted(flow.name)} model:${quoted(one.candidate)} verdict:${verdict}` })}>
                    <b class={`count ${verdict}`}>{count}</b> {verdictWords(verdict)}
                  </a>
                ))}
            </span>
          </li>
        ))}
      </ul>
    </header>
  );
}

function Why({ evidence, candidates }: { evidence: Evidence[]; candidates: string[] }) {
  return (
    <>
      <p class="note">
        How many of a hundred answers get worse. Mark: what was seen. Line: the bounds. Dashed: the margin this flow is allowed. Safe when the whole
        line lies left of it, unsafe when it lies right of it.
      </p>
      <Legend names={candidates} />
      <div {...SCROLL}>
        <MarginChart evidence={evidence} candidates={candidates} />
      </div>
      <div {...SCROLL}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">candidate</th>
              <th scope="col">contract, points worse (bounds; margin)</th>
              <th scope="col">agreement, points worse (bounds; margin)</th>
              <th scope="col">why</th>
            </tr>
          </thead>
          <tbody>
            {evidence.map((one) => (
              <tr key={one.candidate}>
                <th scope="row">
                  <T text={one.candidate} />
                </th>
                <td>{metricWords(one, "contract")}</td>
                <td>{metricWords(one, "agreement")}</td>
                <td>
                  {one.reasons.map((reason) => (
                    <div key={reason}>
                      <T text={reason} />
                    </div>
                  ))}
                  {one.reasons.length ? null : one.verdict === "safe" ? "kept by both, with room to the margin" : "no verdict was asked for"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {evidence.flatMap((one) =>
        Object.entries(one.excluded).map(([why, cases]) => (
          <p class="note" key={`${one.candidate} ${why}`}>
            Not weighed for <T text={one.candidate} />: {counted(cases.length, "case")}, {why}.
          </p>
        )),
      )}
      {evidence.flatMap((one) =>
        Object.entries(one.unjudged).map(([check, cases]) => (
          <p class="note" key={`${one.candidate} ${check}`}>
            Not judged: <T text={check} /> ({counted(cases, "case")}).
          </p>
        )),
      )}
    </>
  );
}

function Funnel({ evidence, rungs }: { evidence: Evidence[]; rungs: string[] }) {
  const promised = rungs.filter((rung) => evidence.some((one) => one.rungs[rung]));
  const left = rungs.filter((rung) => !promised.includes(rung));
  return (
    <>
      <div {...SCROLL}>
        <table class="funnel">
          <thead>
            <tr>
              <th scope="col">rung</th>
              <th scope="col">baseline</th>
              {evidence.map((one) => (
                <th scope="col" key={one.candidate}>
                  <T text={one.candidate} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {promised.map((rung) => {
              const first = evidence.find((one) => one.rungs[rung])!.rungs[rung]!.baseline;
              return (
                <tr key={rung}>
                  <th scope="row">{rung}</th>
                  <td>
                    <Share passed={first.passed} total={first.total} kind="base" />
                  </td>
                  {evidence.map((one) => {
                    const both = one.rungs[rung];
                    if (!both) return <td key={one.candidate}>–</td>;
                    const { baseline, candidate } = both;
                    const lost = candidate.total > 0 && baseline.total > 0 && candidate.passed / candidate.total < baseline.passed / baseline.total;
                    return (
                      <td key={one.candidate}>
                        <Share passed={candidate.passed} total={candidate.total} kind={lost ? "lost" : "kept"} />
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {left.length ? <p class="note">Not promised by this flow: {left.join(", ")}.</p> : null}
    </>
  );
}

function Share({ passed, total, kind }: { passed: number; total: number; kind: string }) {
  return (
    <span class="share">
      <Bar share={total ? passed / total : 0} kind={kind} />
      <b>{percent(passed, total)}</b>
      <small>
        {passed} of {total}
      </small>
    </span>
  );
}

function Noise({ flow, evidence }: { flow: Flow; evidence: Evidence[] }) {
  const sizes = Object.entries(flow.noise.samples);
  const agreement = evidence[0].metrics.find((metric) => metric.name === "agreement");
  if (!sizes.length) return <p class="note">No golden could be read.</p>;
  const single = flow.noise.samples["1"];
  return (
    <>
      <p>
        {sizes.map(([count, cases]) => `${counted(cases, "case")} with ${counted(Number(count), "sample")}`).join(", ")}.{" "}
        {agreement?.baseline != null
          ? `Held against its own other samples, the baseline agrees with itself in ${(agreement.baseline * 100).toFixed(1)}% of them (mean over ${counted(agreement.cases, "case")}).`
          : "How far the baseline agrees with itself was not measured."}{" "}
        {flow.noise.unstable ? `In ${counted(flow.noise.unstable, "case")} it keeps its own contract in some samples only.` : ""}
      </p>
      {single ? <p class="warning">{counted(single, "case")} with a single sample: noise is unmeasured there, every other value counts as drift.</p> : null}
      {flow.noise.paths.length ? (
        <div {...SCROLL}>
          <table class="plain">
            <caption>Where it varies most: differences its own noise explains</caption>
            <thead>
              <tr>
                <th scope="col">path</th>
                <th scope="col">cases and candidates</th>
              </tr>
            </thead>
            <tbody>
              {flow.noise.paths.map(([path, cases]) => (
                <tr key={path}>
                  <th scope="row" class="path">
                    <T text={path} />
                  </th>
                  <td class="number">{cases}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <p class="note">
          {evidence.some((one) => one.verdicts.within_noise)
            ? "No single place had to be explained by noise: the cases within noise differ in form, in what a rule of the flow allows, or in wording no less alike than the baseline's own."
            : "No difference had to be explained by noise."}
        </p>
      )}
      {flow.noise.more_paths ? <p class="note">and {counted(flow.noise.more_paths, "more path")}</p> : null}
    </>
  );
}

const QUANTILES = [1, 5, 10, 15, 18, 19, 20];

function Latency({ evidence, candidates }: { evidence: Evidence[]; candidates: string[] }) {
  const sides = [
    { name: evidence[0].baseline, values: evidence[0].latency_spread?.baseline ?? [], of: evidence[0].latency_ms.baseline },
    ...evidence.map((one) => ({ name: one.candidate, values: one.latency_spread?.candidate ?? [], of: one.latency_ms.candidate })),
  ];
  return (
    <>
      <p class="note">The share of cases that are answered by then, over case means. Mark: half of them.</p>
      <Legend names={candidates} baseline={evidence[0].baseline} />
      <Spread evidence={evidence} candidates={candidates} />
      <div {...SCROLL}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">answered within</th>
              {QUANTILES.map((at) => (
                <th scope="col" key={at}>
                  {at === 20 ? "the slowest" : `${at * 5}%`}
                </th>
              ))}
              <th scope="col">n</th>
              <th scope="col">source</th>
            </tr>
          </thead>
          <tbody>
            {sides.map((side) => (
              <tr key={side.name}>
                <th scope="row">
                  <T text={side.name} />
                </th>
                {QUANTILES.map((at) => (
                  <td class="number" key={at}>
                    {ms(side.values[at])}
                  </td>
                ))}
                <td class="number">{side.of.n}</td>
                <td>{side.of.source}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const isChain = (one: Evidence) => (one.steps ?? []).length > 1;

// What each step of a chain costs and takes, as the terminal's table has it under the flow.
function Steps({ evidence }: { evidence: Evidence[] }) {
  return (
    <>
      <p class="note">
        Ratios are candidate over baseline. That of the cost is not of the two sums: it is of what a sample spends on the step, in the cases where both
        sides made it and every cost is known. A step that one side never made has no ratio.
      </p>
      <div {...SCROLL}>
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">candidate</th>
              <th scope="col">step</th>
              <th scope="col">calls (baseline)</th>
              <th scope="col">cost, all samples (baseline)</th>
              <th scope="col">cost ratio of a sample, where both made it</th>
              <th scope="col">p50 (baseline)</th>
              <th scope="col">p50 ratio</th>
              <th scope="col">p95 (baseline)</th>
              <th scope="col">p95 ratio</th>
            </tr>
          </thead>
          <tbody>
            {evidence.flatMap((one) => one.steps!.map((step, at) => <StepRow key={`${one.candidate} ${step.step}`} candidate={at ? "" : one.candidate} step={step} />))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function StepRow({ candidate, step }: { candidate: string; step: Step }) {
  const { calls, cost_usd: cost } = step;
  const { baseline, candidate: made } = step.latency_ms;
  return (
    <tr>
      <td>
        <T text={candidate} />
      </td>
      <th scope="row">
        <T text={step.step} />
      </th>
      <td class="number">{calls.candidate === calls.baseline ? calls.candidate : `${calls.candidate} (${calls.baseline})`}</td>
      <td class="number">
        {dollars(cost.candidate)} ({dollars(cost.baseline)}){cost.unknown ? `, ${counted(cost.unknown, "call")} unknown` : ""}
      </td>
      <td class="number">{times(cost.ratio === null ? null : Number(cost.ratio))}</td>
      {(["p50", "p95"] as const).map((name) => (
        <Fragment key={name}>
          <td class="number">
            {ms(made[name])} ({ms(baseline[name])})
          </td>
          <td class="number">{comparable(baseline, made) ? times(made[name]! / baseline[name]!) : "–"}</td>
        </Fragment>
      ))}
    </tr>
  );
}

const WARM = ", warm prompt cache";

// Both sides were measured, and both cold or both warm.
function comparable(baseline: StepTimes, candidate: StepTimes): boolean {
  return baseline.source.endsWith(WARM) === candidate.source.endsWith(WARM) && Boolean(baseline.p50 && baseline.p95) && candidate.p50 !== null && candidate.p95 !== null;
}

function History({ flow, now }: { flow: Flow; now: string }) {
  if (!flow.history.length) return <p class="note">This is the first run of it.</p>;
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col">day (UTC)</th>
            <th scope="col">model</th>
            <th scope="col">breaking and drift</th>
            <th scope="col">cases</th>
            <th scope="col">cost</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">n</th>
          </tr>
        </thead>
        <tbody>
          {flow.history.map((row) => (
            <tr key={`${row.run} ${row.candidate}`} class={row.run === now ? "now" : ""}>
              <th scope="row">
                {row.run}
                {row.simulated ? " (simulated)" : ""}
                {row.run === now ? " (this one)" : ""}
              </th>
              <td>{minute(row.at)}</td>
              <td>
                <T text={row.candidate} />
              </td>
              <td>
                <Strip verdicts={row.verdicts} cases={row.cases} /> {row.verdicts.breaking ?? 0} and {row.verdicts.drift ?? 0}
              </td>
              <td class="number">{row.cases}</td>
              <td class="number">
                {dollars(row.cost_usd)}
                {row.unknown_cost ? `, ${row.unknown_cost} unknown` : ""}
              </td>
              <td class="number">{ms(row.p50)}</td>
              <td class="number">{ms(row.p95)}</td>
              <td class="number">{row.n}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

