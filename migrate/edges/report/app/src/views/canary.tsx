// A rollout as it was planned, and how it stands by its logs: `canary plan --json` and `canary check --json`.

import type { ComponentChildren } from "preact";
import type { Behaviour, Check, Checked, CheckSide, MemberReading, Plan, Reading, Rollout, Stage, Stratum } from "../decided";
import type { Index } from "../data";
import { Deciles } from "../deciles";
import { EvidencePath, Exposure, Ladder } from "../plots";
import { between, counted, dollars, ms, oneDecimal, Pill, plain, points, SCROLL, T } from "../words";
import { Lazy } from "./lazy";

export function CanaryPage({ index, plan, checked }: { index: Index; plan: Plan | null; checked: Checked | null }) {
  const runs = new Set(plan?.flows.map((flow) => flow.evidence.run).filter(Boolean));
  return (
    <div class="page canary-page">
      <h1>Canary{plan ? `: ${headline(plan)}` : ""}</h1>
      {plan ? (
        <p class="note">
          Plan <T text={plan.plan_id} />, as of {plan.as_of}, seed {plan.seed}; at most {Math.round(plan.newly_exposed * 100)}% of all traffic is newly exposed on one day.
        </p>
      ) : null}
      {runs.size && !runs.has(index.run.id) ? <p class="warning">This plan is about another run than this report: {[...runs].join(", ")}.</p> : null}
      {plan && checked && plan.plan_id !== checked.plan_id ? <p class="warning">The check below is of another plan: {checked.plan_id}.</p> : null}
      {checked ? <Standing checked={checked} /> : null}
      {plan ? plan.flows.map((flow) => <RolloutSection key={`${flow.flow} ${flow.candidate}`} rollout={flow} />) : null}
      {plan?.unplanned?.length ? (
        <section aria-labelledby="unplanned">
          <h2 id="unplanned">Not planned</h2>
          <ul class="reasons">
            {plan.unplanned.map((one) => (
              <li key={one.flow}>
                <b>
                  <T text={one.flow} />
                </b>
                <T text={`: ${one.reason}; ${one.mend}`} />
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </div>
  );
}

// --- How it stands ------------------------------------------------------------------------------------------------------

const CHECK_KIND: Record<string, string> = { promote: "safe", observe: "safe", hold: "insufficient", rollback: "unsafe", unusable: "unsafe" };

function Standing({ checked }: { checked: Checked }) {
  return (
    <>
      <h2>How it stands</h2>
      <p class="note">
        {counted(checked.log.lines, "line")} of logs{checked.log.unreadable ? `, ${checked.log.unreadable} not readable` : ""}.
        {checked.simulated ? <b> Simulated: no user was served.</b> : null}
      </p>
      {checked.flows.map((check) => (
        <section key={check.flow} aria-labelledby={`check-${check.flow}`} class="check">
          <h3 id={`check-${check.flow}`}>
            <T text={check.flow} /> <Pill kind={CHECK_KIND[check.verdict] ?? "keep"}>{check.verdict}</Pill> <span class="note">{plain(check.reason)}{stageWords(check)}</span>
          </h3>
          {check.sentences.map((sentence) => (
            <p key={sentence}>
              <T text={sentence} />
            </p>
          ))}
          <h3>Evidence against the candidate</h3>
          <p class="note">
            Hour by hour. The higher, the harder it is to believe that the candidate is acceptable; at the dashed line the rollout stops, however often one looks.
          </p>
          <EvidencePath check={check} />
          <Readings readings={check.metrics} />
          <MemberReadings members={check.strata ?? []} />
          <Deciles sides={check.sides} />
          <Sides sides={check.sides} />
          <ul class="reasons">
            {check.notes.map((note) => (
              <li key={note}>
                <T text={note} />
              </li>
            ))}
          </ul>
          {check.path.length ? <Lazy summary="The path of the evidence as a table">{() => <Path check={check} />}</Lazy> : null}
        </section>
      ))}
    </>
  );
}

function stageWords(check: Check): string {
  const stage = check.stage === null || check.share === null ? "" : `, stage ${check.stage} at ${+(check.share * 100).toFixed(2)}% since ${check.started?.slice(0, 16).replace("T", " ")}`;
  return `${stage}${check.seen_until ? `, seen until ${check.seen_until.slice(0, 16).replace("T", " ")}` : ""}${check.next_check ? `, next check ${check.next_check.slice(0, 16).replace("T", " ")}` : ""}`;
}

function Readings({ readings }: { readings: Reading[] }) {
  if (!readings.length) return null;
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">metric</th>
            <th scope="col">candidate</th>
            <th scope="col">control</th>
            <th scope="col">points worse</th>
            <th scope="col">at most</th>
            <th scope="col">margin</th>
            <th scope="col">evidence</th>
            <th scope="col">stops at</th>
          </tr>
        </thead>
        <tbody>
          {readings.map((one) => (
            <tr key={one.name}>
              <th scope="row">
                {plain(one.name)}
                {one.hard ? " (hard)" : ""}
              </th>
              <td class="number">{`${one.candidate.bad} of ${one.candidate.units.toLocaleString("en")}`}</td>
              <td class="number">{`${one.control.bad} of ${one.control.units.toLocaleString("en")}`}</td>
              <td class="number">{one.excess === null ? "–" : points(one.excess)}</td>
              <td class="number">{one.upper === null ? "–" : points(one.upper)}</td>
              <td class="number">{one.margin === null || !one.hard ? "–" : points(one.margin)}</td>
              <td class="number">{evidence(one.e)}</td>
              <td class="number">{one.threshold === null ? "–" : evidence(one.threshold)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A pool's members as they stand: one member's own evidence rolls all of them back.
function MemberReadings({ members }: { members: MemberReading[] }) {
  if (!members.length) return null;
  return (
    <div {...SCROLL}>
      <table class="plain">
        <caption>Members of the pool, bad answers of each; one member's own evidence stops all of them</caption>
        <thead>
          <tr>
            <th scope="col">member</th>
            <th scope="col">candidate</th>
            <th scope="col">control</th>
            <th scope="col">evidence of its own</th>
            <th scope="col">stops at</th>
          </tr>
        </thead>
        <tbody>
          {members.map((one) => (
            <tr key={one.flow}>
              <th scope="row">
                <T text={one.flow} />
              </th>
              <td class="number">{`${one.candidate.bad} of ${one.candidate.units.toLocaleString("en")}`}</td>
              <td class="number">{`${one.control.bad} of ${one.control.units.toLocaleString("en")}`}</td>
              <td class="number">{evidence(one.e)}</td>
              <td class="number">{evidence(one.threshold)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const evidence = (e: number) => (e >= 1e6 ? "past a million" : e >= 100 ? Math.round(e).toLocaleString("en") : e.toFixed(1));

function Sides({ sides }: { sides: CheckSide[] }) {
  if (!sides.length) return null;
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">side</th>
            <th scope="col">calls</th>
            <th scope="col">p50</th>
            <th scope="col">p95 (interval)</th>
            <th scope="col">cost of a call (interval)</th>
          </tr>
        </thead>
        <tbody>
          {sides.map((side) => (
            <tr key={side.arm}>
              <th scope="row">{side.arm}</th>
              <td class="number">{side.calls.toLocaleString("en")}</td>
              <td class="number">{ms(side.latency_ms.p50)}</td>
              <td class="number">{`${ms(side.latency_ms.p95)} (${between(side.latency_ms.p95_interval, ms)})`}</td>
              <td class="number">{`${dollars(side.cost_usd.mean)} (${between(side.cost_usd.interval, dollars)})`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const SHOWN = 200;

function Path({ check }: { check: Check }) {
  const step = Math.max(1, Math.ceil(check.path.length / SHOWN));
  const rows = check.path.filter((_, at) => at % step === 0 || at === check.path.length - 1);
  return (
    <table class="plain">
      <caption>{step > 1 ? `Every ${step} hours` : "Hour by hour"}</caption>
      <thead>
        <tr>
          <th scope="col">until (UTC)</th>
          <th scope="col">evidence</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((point) => (
          <tr key={point.at}>
            <th scope="row">{point.at.slice(0, 16).replace("T", " ")}</th>
            <td class="number">{evidence(point.e)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// --- The plan -----------------------------------------------------------------------------------------------------------

const PLAN_KIND: Record<string, string> = { ready: "safe", ready_modified: "safe", shadow_first: "insufficient", cannot_reach_power: "insufficient", do_not_start: "unsafe" };

const starts = (rollout: Rollout) => rollout.verdict.startsWith("ready");

function headline({ flows }: Plan): string {
  const starting = flows.filter(starts);
  const ready = starting.filter((one) => !one.doubts?.length).length;
  const rest = starting.length - ready;
  const more = rest ? `; ${rest} ${ready ? "more " : ""}could start, but the replay speaks against ${rest === 1 ? "it" : "them"}` : "";
  return `${ready} of ${counted(flows.length, "flow")} ready${more}`;
}

// Nobody is told `ready` alone of what the replay speaks against.
function standing(rollout: Rollout): string {
  const doubt = rollout.doubts?.[0];
  return doubt ? `${starts(rollout) ? "ready" : plain(rollout.verdict)}, ${plain(doubt)}` : plain(rollout.verdict);
}

const standingKind = (rollout: Rollout) => (rollout.doubts?.length && starts(rollout) ? "insufficient" : (PLAN_KIND[rollout.verdict] ?? "keep"));

function RolloutSection({ rollout }: { rollout: Rollout }) {
  const id = `plan-${rollout.flow}`;
  return (
    <section aria-labelledby={id} class="rollout">
      <h2 id={id}>
        <T text={rollout.flow} /> <Pill kind={standingKind(rollout)}>{standing(rollout)}</Pill>{" "}
        <span class="note">
          <T text={`${rollout.baseline} → ${rollout.candidate}`} />
          {starts(rollout) ? `, ${counted(rollout.days, "day")} from day ${rollout.starts_on_day}` : ""}
          {rollout.simulated ? ", simulated evidence" : ""}
        </span>
      </h2>
      <ul class="reasons">
        {rollout.reasons.map((reason) => (
          <li key={reason}>
            <T text={reason} />
          </li>
        ))}
      </ul>
      {rollout.strata?.length ? <Members rollout={rollout} strata={rollout.strata} /> : null}
      {rollout.stages.length ? (
        <>
          <div class="columns">
            <div>
              <h3>Share of the traffic, day by day</h3>
              <Ladder rollout={rollout} />
            </div>
            <div>
              <h3>{unitWords(rollout)} with a bad answer until the end of a stage</h3>
              <Exposure rollout={rollout} />
              <p class="legend">
                <Swatch kind="bad-equal">as many as with {rollout.baseline}</Swatch>
                <Swatch kind="bad-margin">more, if the candidate is worse by the margin</Swatch>
                {rollout.budget.total > 0 ? <span>┊ where these more have used up the budget of {Math.round(rollout.budget.total).toLocaleString("en")}</span> : null}
              </p>
            </div>
          </div>
          <Stages rollout={rollout} />
          {rollout.operating_characteristics.length ? <Behaviour rows={rollout.operating_characteristics} /> : null}
        </>
      ) : null}
      <Lazy summary={<>{counted(rollout.assumptions.length, "assumption")}</>}>
        {() => (
          <ul class="reasons">
            {rollout.assumptions.map((one) => (
              <li key={one}>
                <T text={one} />
              </li>
            ))}
          </ul>
        )}
      </Lazy>
    </section>
  );
}

function Swatch({ kind, children }: { kind: string; children: ComponentChildren }) {
  return (
    <span>
      <svg width="14" height="10" aria-hidden="true">
        <rect class={kind} width="14" height="10" />
      </svg>
      {children}
    </span>
  );
}

const unitWords = (rollout: Rollout) => rollout.units[0].toUpperCase() + rollout.units.slice(1);
const KINDS: Record<string, string> = { compare: "compare", holdback: "hold back", watch: "watch" };

function Stages({ rollout }: { rollout: Rollout }) {
  return (
    <div {...SCROLL}>
      <table class="plain">
        <caption>
          Stages, in {rollout.units}; {Math.round(rollout.units_per_day).toLocaleString("en")} a day
        </caption>
        <thead>
          <tr>
            <th scope="col">share</th>
            <th scope="col">stage</th>
            <th scope="col">margin</th>
            <th scope="col">candidate</th>
            <th scope="col">control</th>
            <th scope="col">until day</th>
            <th scope="col">power</th>
            <th scope="col">bad, equal</th>
            <th scope="col">bad, at margin</th>
            <th scope="col">rolls back when</th>
            <th scope="col">cost a day, cold and warm</th>
          </tr>
        </thead>
        <tbody>
          {rollout.stages.map((stage, at) => (
            <tr key={at}>
              <th scope="row">{`${+(stage.share * 100).toFixed(2)}%`}</th>
              <td>
                {KINDS[stage.share_kind] ?? stage.share_kind}
                {stage.human_gate ? ", asks a person" : ""}
              </td>
              <td class="number">{points(stage.margin)}</td>
              <td class="number">{stage.n_candidate ? stage.n_candidate.toLocaleString("en") : "–"}</td>
              <td class="number">{stage.n_control ? stage.n_control.toLocaleString("en") : "–"}</td>
              <td class="number">{stage.share_kind === "watch" ? "–" : stage.ends_not_before}</td>
              <td class="number">{stage.power_exact === null ? "–" : `${Math.round(stage.power_exact * 100)}%`}</td>
              <td class="number">{Math.round(stage.expected_bad.equal).toLocaleString("en")}</td>
              <td class="number">{Math.round(stage.expected_bad.at_margin).toLocaleString("en")}</td>
              <td>{stopWords(stage)}</td>
              <td class="number">{`${perDay(stage.cost_delta_per_day.cold_cache)} and ${perDay(stage.cost_delta_per_day.warm_cache)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function stopWords(stage: Stage): string {
  const rows = stage.rollback.find((one) => one.metric === "bad")?.table ?? [];
  return rows.length ? orders(rows) : "–";
}

const orders = (rows: [number, number][]) => rows.slice(0, 2).map(([of, bad]) => `${bad} of the first ${of}`).join(", ");

const perDay = (usd: number | null) => (usd === null ? "unknown" : `${usd < 0 ? "−" : "+"}${dollars(Math.abs(usd))}`);

// What of a pool is one flow's own; all the rest is the same for every member.
function Members({ rollout, strata }: { rollout: Rollout; strata: Stratum[] }) {
  const whole = strata.reduce((sum, one) => sum + one.units_per_day, 0) || 1;
  return (
    <>
      <p class="note">
        A pool: {counted(strata.length, "flow")} in one rollout. Share, margin, gates, budget and stages are the pool's; traffic, today's rates, the ratio of bad answers that is allowed and the
        limit of a slow call are each member's own, and so is evidence that alone rolls all of them back.
      </p>
      <div {...SCROLL}>
        <table class="plain">
          <caption>Members of the pool</caption>
          <thead>
            <tr>
              <th scope="col">member</th>
              <th scope="col">{rollout.units} a day</th>
              <th scope="col">part of the exposure</th>
              <th scope="col">calls a day</th>
              <th scope="col">bad today</th>
              <th scope="col">bad at margin, all stages</th>
              <th scope="col">allowed, of today's</th>
              <th scope="col">slow past</th>
              <th scope="col">alone it rolls all back when</th>
              <th scope="col">offline, points worse (bounds)</th>
            </tr>
          </thead>
          <tbody>
            {strata.map((one) => (
              <tr key={one.flow}>
                <th scope="row">
                  <T text={one.flow} />
                </th>
                <td class="number">{Math.round(one.units_per_day).toLocaleString("en")}</td>
                <td class="number">{`${Math.round((one.units_per_day / whole) * 100)}%`}</td>
                <td class="number">{Math.round(one.requests_per_day).toLocaleString("en")}</td>
                <td class="number">{rateWords(one)}</td>
                <td class="number">{Math.round(exposed(rollout, one)).toLocaleString("en")}</td>
                <td class="number">{`${(own(one, "bad")?.r0 ?? 1).toFixed(2)}×`}</td>
                <td class="number">{slowWords(one)}</td>
                <td>{ownStopWords(one)}</td>
                <td class="number">{offlineWords(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const own = (one: Stratum, name: string) => one.metrics.find((metric) => metric.name === name);
const rateWords = (one: Stratum) => `${((own(one, "bad")?.rate ?? 0) * 100).toFixed(2)}%`;

// Units of a member that meet a bad answer of the candidate's until the full share, if it is worse by each gate's margin.
function exposed(rollout: Rollout, one: Stratum): number {
  const rate = own(one, "bad")?.rate ?? 0;
  const days = rollout.stages.filter((stage) => stage.share_kind !== "watch");
  return days.reduce((sum, stage) => sum + stage.days * one.units_per_day * stage.share * Math.min(rate + stage.margin, 1), 0);
}

function slowWords(one: Stratum): string {
  const limit = own(one, "slow")?.limit;
  return limit == null ? "–" : ms(limit);
}

function ownStopWords(one: Stratum): string {
  const first = one.rollback?.[0];
  return first?.table.length ? `at ${+(first.share * 100).toFixed(2)}%: ${orders(first.table)} bad answers are the candidate's` : "–";
}

function offlineWords(one: Stratum): string {
  const { excess, low, high, cases } = one.evidence;
  return excess === null || low === null || high === null ? "unknown" : `${points(excess)} (${points(low)} to ${points(high)}), n ${cases}`;
}

function Behaviour({ rows }: { rows: Behaviour[] }) {
  const share = (value: number) => `${oneDecimal(value * 100)}%`;
  const pooled = rows.some((row) => Object.keys(row.rolled_back_by_member ?? {}).length);
  const alone = rows.find((row) => row.harmed);
  const members = (row: Behaviour) => Object.values(row.rolled_back_by_member ?? {}).reduce((sum, one) => sum + one, 0);
  return (
    <div {...SCROLL}>
      <table class="plain">
        <caption>
          What this very plan does, in {rows[0].rollouts.toLocaleString("en")} simulated rollouts a row
          {alone ? `, ${alone.rollouts.toLocaleString("en")} where one member alone is worse` : ""}
        </caption>
        <thead>
          <tr>
            <th scope="col">if it is truly worse by</th>
            <th scope="col">it gets through</th>
            <th scope="col">is rolled back</th>
            {pooled ? <th scope="col">of these by a member's own evidence</th> : null}
            <th scope="col">is held</th>
            <th scope="col">mean days</th>
            <th scope="col">bad answers, mean (p95)</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              <th scope="row">
                {points(row.excess)} points
                {row.harmed ? (
                  <>
                    {" in "}
                    <T text={row.harmed} /> alone
                  </>
                ) : null}
              </th>
              <td class="number">{share(row.promoted)}</td>
              <td class="number">{share(row.rolled_back)}</td>
              {pooled ? <td class="number">{share(members(row))}</td> : null}
              <td class="number">{share(row.held)}</td>
              <td class="number">{row.days.toFixed(1)}</td>
              <td class="number">{`${Math.round(row.bad_answers.mean).toLocaleString("en")} (${Math.round(row.bad_answers.p95).toLocaleString("en")})`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
