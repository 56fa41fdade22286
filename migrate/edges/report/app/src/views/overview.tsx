// The first thing seen: can we move? Then flow by flow, what it costs, how long it takes, and where it all comes from.

import { CostChart, LatencyChart, Legend } from "../charts";
import type { Both, Evidence, Group, Index } from "../data";
import { hashOf } from "../state";
import { between, Command, counted, day, dollars, FlowVerdictPill, minute, ms, percent, Pill, plain, points, SCROLL, T, times, verdictWords } from "../words";

const TOP_GROUPS = 8;

export function Overview({ index }: { index: Index }) {
  const flows = index.flows.map((flow) => flow.name);
  const toDecide = index.groups.filter((group) => group.severity !== "cosmetic").length;
  return (
    <div class="page overview">
      <Headline index={index} />
      <section aria-labelledby="matrix">
        <h2 id="matrix">Flows</h2>
        <RungLegend rungs={index.rungs} />
        <Matrix index={index} />
      </section>
      <div class="columns">
        <section aria-labelledby="changes">
          <h2 id="changes">Largest changes</h2>
          <Changes groups={index.groups.slice(0, TOP_GROUPS)} index={index} />
          {index.groups.length > TOP_GROUPS ? (
            <p class="note">
              {counted(toDecide, "group")} of equal changes
              {toDecide < index.groups.length ? `, and ${index.groups.length - toDecide} that change the form alone` : ""}; each flow's page lists its own.
            </p>
          ) : null}
        </section>
        <section aria-labelledby="cost">
          <h2 id="cost">Cost of an answer</h2>
          <p class="note">Candidate over baseline, mean over the cases whose cost is known on both sides; each side as it was billed in its run.</p>
          <Legend names={index.candidates} />
          <CostChart flows={flows} candidates={index.candidates} evidence={index.evidence} />
        </section>
      </div>
      <section aria-labelledby="latency">
        <h2 id="latency">Latency</h2>
        <p class="note">
          Bar: p50. Dot: p95, over case means. Thin line: 90% interval (each bound holds with 95%); › where n gives no upper bound, which for p95
          takes 59 cases.
        </p>
        <Legend names={index.candidates} baseline={[...new Set(index.evidence.map((one) => one.baseline))].join(", ")} />
        <div {...SCROLL}>
          <LatencyChart flows={flows} candidates={index.candidates} evidence={index.evidence} />
        </div>
      </section>
      <details class="figures">
        <summary>All figures as a table</summary>
        <Figures evidence={index.evidence} />
      </details>
      <Provenance index={index} />
    </div>
  );
}

function Headline({ index }: { index: Index }) {
  return (
    <header class={`headline ${index.headline.verdict}`}>
      <h1>
        <T text={index.headline.text} />
      </h1>
      <ul class="standings">
        {index.sentences.map((one) => (
          <li key={one.candidate}>
            <FlowVerdictPill verdict={one.verdict === "unknown" ? null : one.verdict} />
            <b>
              <T text={one.candidate} />
            </b>
            <span>
              {["safe", "unsafe", "insufficient", "unknown"]
                .filter((verdict) => one.flows[verdict])
                .map((verdict) => `${one.flows[verdict]} ${verdict === "unknown" ? "without a verdict" : verdict}`)
                .join(", ")}{" "}
              of {counted(Object.values(one.flows).reduce((sum, count) => sum + count, 0), "flow")}
            </span>
            <span class="cases">
              {index.verdicts
                .filter((verdict) => one.cases[verdict])
                .map((verdict) => (
                  <a key={verdict} href={hashOf("cases", "", { q: `verdict:${verdict} model:${quoted(one.candidate)}` })}>
                    <b class={`count ${verdict}`}>{one.cases[verdict]}</b> {verdictWords(verdict)}
                  </a>
                ))}
            </span>
          </li>
        ))}
      </ul>
      {index.candidates.map((candidate) => (
        <p class="note" key={candidate}>
          <T text={spentWords(index.evidence.filter((one) => one.candidate === candidate))} />
        </p>
      ))}
      {index.leaving.map((words) => (
        <p class="note" key={words}>
          <T text={words} />
        </p>
      ))}
      {index.closed.length ? (
        <details class="gates">
          <summary>The gate is closed: {counted(index.closed.length, "reason")}</summary>
          <ul>
            {index.closed.map((reason) => (
              <li key={reason}>
                <T text={reason} />
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </header>
  );
}

// As the terminal says it under its table.
function spentWords(evidence: Evidence[]): string {
  const sum = (side: "candidate" | "baseline") => {
    const known = evidence.map((one) => one.cost_usd[side]).filter((usd) => usd !== null);
    return dollars(known.length ? known.reduce((total, usd) => total + Number(usd), 0) : null);
  };
  const unknown = evidence.reduce((total, one) => total + one.cost_usd.unknown, 0);
  return `cost of all samples: ${evidence[0]?.candidate ?? ""} ${sum("candidate")}; baseline, when recorded, ${sum("baseline")}${unknown ? `; ${counted(unknown, "call")} whose cost is unknown not in it` : ""}`;
}

export const quoted = (text: string) => (/[\s",]/.test(text) ? `"${text.replaceAll('"', "")}"` : text);

function Matrix({ index }: { index: Index }) {
  const of = (flow: string, candidate: string) => index.evidence.find((one) => one.flow === flow && one.candidate === candidate);
  return (
    <div {...SCROLL}>
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">flow</th>
            {index.candidates.map((candidate) => (
              <th scope="col" key={candidate}>
                <T text={candidate} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {index.flows.map((flow) => (
            <tr key={flow.name}>
              <th scope="row">
                <a href={hashOf("flow", flow.name)}>
                  <T text={flow.name} />
                </a>
                {flow.critical ? <span class={`stake ${flow.critical}`}>{flow.critical}</span> : null}
              </th>
              {index.candidates.map((candidate) => {
                const one = of(flow.name, candidate);
                return <td key={candidate}>{one ? <Cell one={one} rungs={index.rungs} /> : <span class="note">not tried</span>}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ one, rungs }: { one: Evidence; rungs: string[] }) {
  const ratio = one.cost_usd.ratio === null ? null : Number(one.cost_usd.ratio);
  const query = (verdict: string) => hashOf("cases", "", { q: `flow:${quoted(one.flow)} model:${quoted(one.candidate)} verdict:${verdict}` });
  return (
    <div class="cell">
      <div class="first">
        <b class="whose">
          <T text={one.candidate} />
        </b>
        <FlowVerdictPill verdict={one.verdict} />
        <Rungs one={one} rungs={rungs} />
        <span class="tally">
          {one.verdicts.breaking ? (
            <a href={query("breaking")}>
              <b class="count breaking">{one.verdicts.breaking}</b> breaking
            </a>
          ) : null}
          {one.verdicts.drift ? (
            <a href={query("drift")}>
              <b class="count drift">{one.verdicts.drift}</b> drift
            </a>
          ) : null}
          <span class="of">of {counted(one.cases, "case")}</span>
        </span>
      </div>
      <div class="second">
        <span title="cost of an answer, candidate over baseline">{times(ratio)} cost</span>
        <span title={latencyWords(one)}>
          p50 {ms(one.latency_ms.candidate.p50)}, p95 {ms(one.latency_ms.candidate.p95)}
          {one.latency_ms.candidate.p95_interval?.[1] === null ? "›" : ""}
        </span>
        {one.reasons.length && one.verdict !== "safe" ? (
          <span class="why">
            <T text={one.reasons[0]} />
          </span>
        ) : null}
      </div>
    </div>
  );
}

function latencyWords(one: Evidence): string {
  const { baseline, candidate } = one.latency_ms;
  return `candidate: p50 ${ms(candidate.p50)} (${between(candidate.p50_interval, ms)}), p95 ${ms(candidate.p95)} (${between(candidate.p95_interval, ms)}), n = ${candidate.n} cases, ${candidate.source}; baseline: p50 ${ms(baseline.p50)}, p95 ${ms(baseline.p95)}, n = ${baseline.n} cases, ${baseline.source}`;
}

// How the small bars of the matrix are read, once.
function RungLegend({ rungs }: { rungs: string[] }) {
  const bar = (kind: string, height: number) => (
    <svg class="ladder" width="8" height="18" aria-hidden="true">
      <rect class={kind} y={17 - height} width="7" height={height} />
    </svg>
  );
  return (
    <p class="legend note">
      <span>Bars, from the left: {rungs.join(", ")}; height: samples that pass</span>
      <span>{bar("kept", 16)} no fewer than the baseline's</span>
      <span>{bar("lost", 12)} fewer</span>
      <span>{bar("none", 2)} not promised</span>
    </p>
  );
}

// The ladder in small: a bar a rung, how full it is, and whether it lost against the baseline.
export function Rungs({ one, rungs }: { one: Evidence; rungs: string[] }) {
  const words = rungs.map((rung) => `${rung} ${rungWords(one.rungs[rung])}`).join(", ");
  return (
    <svg class="ladder" width={rungs.length * 9} height="18" role="img" aria-label={`rungs: ${words}`}>
      <title>{words}</title>
      {rungs.map((rung, at) => {
        const both = one.rungs[rung];
        const share = both?.candidate.total ? both.candidate.passed / both.candidate.total : null;
        const before = both?.baseline.total ? both.baseline.passed / both.baseline.total : null;
        const kind = share === null ? "none" : before !== null && share < before ? "lost" : "kept";
        const height = share === null ? 2 : Math.max(share * 16, 2);
        return <rect key={rung} class={kind} x={at * 9} y={17 - height} width="7" height={height} />;
      })}
    </svg>
  );
}

export function rungWords(both: Both): string {
  if (!both) return "not promised";
  const { baseline, candidate } = both;
  return `${percent(candidate.passed, candidate.total)} (${percent(baseline.passed, baseline.total)})`;
}

const MATES = 2;

// One change of an answer is often met by several rules: each is a group of its own, of mostly the same cases.
function Mates({ group, index }: { group: Group; index: Index }) {
  if (!group.mates.length) return null;
  const shown = group.mates.slice(0, MATES).flatMap(([id, shared]) => {
    const mate = index.groups.find((one) => one.id === id);
    return mate ? [{ mate, shared }] : [];
  });
  return (
    <span class="note mates">
      mostly the same cases:{" "}
      {shown.map(({ mate, shared }, at) => (
        <span key={mate.id}>
          {at ? ", " : ""}
          <a href={hashOf("cases", "", { q: `group:${mate.id}` })}>
            <T text={mate.title} />
          </a>{" "}
          ({shared})
        </span>
      ))}
      {group.mates.length > MATES ? ` and ${counted(group.mates.length - MATES, "more group")}` : ""}
    </span>
  );
}

export function Changes({ groups, index }: { groups: Group[]; index: Index }) {
  if (!groups.length) return <p class="note">Nothing changed that noise or approvals do not explain.</p>;
  return (
    <ol class="changes">
      {groups.map((group) => (
        <li key={group.id}>
          <Pill kind={group.severity} />
          <a href={hashOf("cases", "", { q: `group:${group.id}` })}>
            <span class="path">
              <T text={group.title} />
            </span>
          </a>
          <span class="note">
            <T text={group.flow} />:{" "}
            {Object.entries(group.cases)
              .map(([number, count]) => `${index.candidates[Number(number)]} ${counted(count, "case")}`)
              .join(", ")}
          </span>
          <Mates group={group} index={index} />
        </li>
      ))}
    </ol>
  );
}

function Figures({ evidence }: { evidence: Evidence[] }) {
  return (
    <div {...SCROLL}>
      <table class="plain figures">
        <thead>
          <tr>
            <th scope="col">flow</th>
            <th scope="col">candidate</th>
            <th scope="col">verdict</th>
            <th scope="col">cases</th>
            <th scope="col">contract, points worse (bounds; margin)</th>
            <th scope="col">agreement, points worse (bounds; margin)</th>
            <th scope="col">cost, all samples</th>
            <th scope="col">ratio</th>
            <th scope="col">p50 (interval)</th>
            <th scope="col">p95 (interval)</th>
            <th scope="col">n</th>
          </tr>
        </thead>
        <tbody>
          {evidence.map((one) => (
            <tr key={`${one.flow} ${one.candidate}`}>
              <th scope="row">
                <T text={one.flow} />
              </th>
              <td>
                <T text={one.candidate} />
              </td>
              <td>{one.verdict ?? "–"}</td>
              <td class="number">{one.cases}</td>
              {(["contract", "agreement"] as const).map((name) => (
                <td key={name}>{metricWords(one, name)}</td>
              ))}
              <td class="number">
                {dollars(one.cost_usd.candidate)} ({dollars(one.cost_usd.baseline)})
                {one.cost_usd.unknown ? `, ${counted(one.cost_usd.unknown, "call")} unknown` : ""}
              </td>
              <td class="number">{times(one.cost_usd.ratio === null ? null : Number(one.cost_usd.ratio))}</td>
              <LatencyCells one={one} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LatencyCells({ one }: { one: Evidence }) {
  const { baseline, candidate } = one.latency_ms;
  return (
    <>
      <td class="number">
        {ms(candidate.p50)} <small>({between(candidate.p50_interval, ms)})</small>
        <br />
        <small>baseline {ms(baseline.p50)}</small>
      </td>
      <td class="number">
        {ms(candidate.p95)} <small>({between(candidate.p95_interval, ms)})</small>
        <br />
        <small>baseline {ms(baseline.p95)}</small>
      </td>
      <td class="number">
        {candidate.n} <small>({baseline.n})</small>
      </td>
    </>
  );
}

export function metricWords(one: Evidence, name: "contract" | "agreement"): string {
  const metric = one.metrics.find((each) => each.name === name);
  if (!metric) return "not weighed";
  const excess = metric.excess === null ? "unknown" : points(metric.excess);
  return `${excess} (${points(metric.low)} to ${points(metric.high)}; ${points(metric.margin)}), n = ${counted(metric.cases, "case")}`;
}

function Provenance({ index }: { index: Index }) {
  const { run, provenance } = index;
  const accounts = Object.entries(run.accounts)
    .map(([name, count]) => `${count} ${plain(name)}`)
    .join(", ");
  return (
    <section class="provenance" aria-labelledby="provenance">
      <h2 id="provenance">Where these figures come from</h2>
      <dl>
        <dt>run</dt>
        <dd>
          {run.id}, {run.state}, {minute(run.started_at)} UTC{run.finished_at ? ` to ${minute(run.finished_at)}` : ""}
        </dd>
        <dt>to repeat it</dt>
        <dd>
          <Command text={run.command || "pytest --model MODEL"} />
        </dd>
        <dt>code</dt>
        <dd>
          {run.git_commit ? `commit ${run.git_commit.slice(0, 12)}${run.git_dirty ? ", with uncommitted changes" : ""}` : "not in git"}; prompt-migrate{" "}
          {run.tool_version}, Python {run.python_version}
        </dd>
        <dt>cases</dt>
        <dd>{accounts || "unknown"}</dd>
        <dt>judged as of</dt>
        <dd>{run.as_of || "unknown"}</dd>
        <dt>answers</dt>
        <dd>
          {index.simulated ? <b>simulated: no real model answered. This shows the tool, not a model. </b> : null}
          {Object.entries(provenance.days)
            .map(([side, [first, last]]) => `${side} ${day(first) === day(last) ? `on ${day(first)}` : `${day(first)} to ${day(last)}`}`)
            .join("; ")}
        </dd>
      </dl>
      <div {...SCROLL}>
        <table class="plain">
          <caption>Calls by model asked and served</caption>
          <thead>
            <tr>
              <th scope="col">side</th>
              <th scope="col">asked</th>
              <th scope="col">served</th>
              <th scope="col">source</th>
              <th scope="col">calls</th>
            </tr>
          </thead>
          <tbody>
            {provenance.calls.map((row) => (
              <tr key={`${row.side} ${row.asked} ${row.served} ${row.source} ${row.simulated}`}>
                <td>{row.side}</td>
                <td>
                  <T text={row.asked} />
                </td>
                <td>
                  <T text={row.served} />
                </td>
                <td>
                  {row.source}
                  {row.simulated ? ", simulated" : ""}
                </td>
                <td class="number">{row.calls.toLocaleString("en")}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <table class="plain">
          <caption>Prices, US dollars per million tokens</caption>
          <thead>
            <tr>
              <th scope="col">model</th>
              <th scope="col">tier</th>
              <th scope="col">input</th>
              <th scope="col">cached</th>
              <th scope="col">output</th>
              <th scope="col">table</th>
            </tr>
          </thead>
          <tbody>
            {provenance.prices.map((price) => (
              <tr key={`${price.model} ${price.tier} ${price.source} ${price.as_of}`}>
                <td>
                  <T text={price.model} />
                </td>
                <td>{price.tier}</td>
                <td class="number">{price.input ?? "unknown"}</td>
                <td class="number">{price.cached ?? "unknown"}</td>
                <td class="number">{price.output ?? "unknown"}</td>
                <td>
                  <T text={price.source} />, {price.as_of}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {provenance.damaged.map((problem) => (
        <p class="warning" key={problem}>
          <T text={problem} />
        </p>
      ))}
    </section>
  );
}
