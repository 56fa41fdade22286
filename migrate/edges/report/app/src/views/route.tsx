// Which model each flow goes to, what that saves and what it risks, as `route --json` decided.

import type { FlowRoute, Option, Point, Route } from "../decided";
import type { Index } from "../data";
import { Frontier, tiersOf } from "../plots";
import { hashOf } from "../state";
import { counted, dollars, Pill, plain, points, SCROLL, T, times } from "../words";
import { Lazy } from "./lazy";

export function RoutePage({ index, document }: { index: Index; document: Route }) {
  const count = (verdict: string) => document.flows.filter((flow) => flow.verdict === verdict).length;
  const runs = new Set(document.flows.flatMap((flow) => flow.candidates.map((one) => one.run)).filter(Boolean));
  return (
    <div class="page route-page">
      <h1>Route: the cheapest model that is shown to be good enough, flow by flow</h1>
      <p>
        {counted(document.flows.length, "flow")}: {count("switch")} to switch, {count("keep_baseline") + count("keep_baseline_cheaper")} to keep, {count("insufficient")} insufficient.
      </p>
      <p class="note">
        As of {document.as_of}
        {document.pinned ? " (pinned)" : ""}; a model has to stay until {document.rollout_ends}. {counted(document.flows_tested, "flow")} tested, false discovery rate{" "}
        {document.q}; of the switches {document.expected_wrong.toPrecision(2)} may be wrong by chance.
        {document.simulated ? <b> Simulated: no real model answered.</b> : null}
        {document.synthetic ? <b> Synthetic evidence.</b> : null}
      </p>
      <p class="note">
        Costs are those of an answer that keeps the contract, at the prices of that day, its input cached as the flow's traffic says. The overview has what an answer cost as it was billed in its run.
      </p>
      {runs.size && !runs.has(index.run.id) ? <p class="warning">These routes are about another run than this report: {[...runs].join(", ")}.</p> : null}
      <Summary document={document} index={index} />
      {document.flows.map((flow) => (
        <FlowSection key={flow.flow} flow={flow} />
      ))}
    </div>
  );
}

const KIND: Record<string, string> = { switch: "safe", insufficient: "insufficient" };
const printedOf = (flow: FlowRoute) => flow.printed?.row ?? { flow: flow.flow, route: flow.model, verdict: plain(flow.verdict) };
const RoutePill = ({ flow }: { flow: FlowRoute }) => <Pill kind={KIND[flow.verdict] ?? "keep"}>{printedOf(flow).verdict}</Pill>;

const WORDS = new Set(["flow", "route", "candidate", "verdict"]);

// The table of the terminal, in its words and with its numbers.
function Summary({ document, index }: { document: Route; index: Index }) {
  const { flows, legend } = document;
  const known = new Set(index.flows.map((flow) => flow.name));
  const heads = [...new Set(flows.flatMap((flow) => Object.keys(printedOf(flow))))];
  return (
    <>
      <div {...SCROLL}>
        <table class="plain">
          <thead>
            <tr>
              {heads.map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {flows.map((flow) => (
              <tr key={flow.flow}>
                <th scope="row">
                  {known.has(flow.flow) ? (
                    <a href={hashOf("flow", flow.flow)}>
                      <T text={flow.flow} />
                    </a>
                  ) : (
                    <T text={flow.flow} />
                  )}
                </th>
                {heads.slice(1).map((head) => (
                  <td key={head} class={WORDS.has(head) ? "" : "number"}>
                    {head === "verdict" ? <RoutePill flow={flow} /> : <T text={(printedOf(flow) as Record<string, string>)[head] ?? ""} />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {legend ? (
        <p class="note">
          {Object.entries(legend)
            .map(([head, means]) => `${head}: ${means}`)
            .join("; ")}
        </p>
      ) : null}
    </>
  );
}

function FlowSection({ flow }: { flow: FlowRoute }) {
  const curve = flow.cascades?.curve ?? [];
  const id = `route-${flow.flow}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        <T text={flow.flow} /> <RoutePill flow={flow} />
      </h2>
      <ul class="reasons">
        {(flow.printed?.why ?? flow.reasons).map((reason) => (
          <li key={reason}>
            <T text={reason} />
          </li>
        ))}
      </ul>
      <div class="columns">
        <div>
          <h3>Cost against quality</h3>
          {curve.length ? (
            <>
              <Frontier flow={flow.flow} curve={curve} />
              <p class="legend">
                <span>● a model</span>
                <span>◆ a cascade of models</span>
                <span>▲ shown to be good enough</span>
                <span>line: nothing is cheaper and better</span>
              </p>
            </>
          ) : (
            <p class="note">No cost and quality of this flow are known together.</p>
          )}
        </div>
        <div>
          <h3>Candidates</h3>
          <Options options={flow.candidates} />
        </div>
      </div>
      {curve.length ? <Lazy summary={<>The plot as a table ({counted(curve.length, "point")})</>}>{() => <Points curve={curve} />}</Lazy> : null}
    </section>
  );
}

function Options({ options }: { options: Option[] }) {
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">candidate</th>
            <th scope="col">standing</th>
            <th scope="col">contract, worse at most</th>
            <th scope="col">agreement, worse at most</th>
            <th scope="col">cost</th>
            <th scope="col">leaves</th>
          </tr>
        </thead>
        <tbody>
          {options.map((one) => (
            <tr key={one.candidate}>
              <th scope="row">
                <T text={one.candidate} />
              </th>
              <td>{plain(one.standing)}</td>
              {["contract", "agreement"].map((name) => (
                <td class="number" key={name}>
                  {metricAtMost(one, name)}
                </td>
              ))}
              <td class="number">{one.cost ? `${times(one.cost.ratio)}, n = ${one.cost.n}` : "unknown"}</td>
              <td>{one.leaves ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function metricAtMost(option: Option, name: string): string {
  const metric = option.metrics.find((one) => one.name === name);
  return metric ? `${points(metric.high)} (margin ${points(metric.margin)}), n = ${metric.cases}` : "–";
}

function Points({ curve }: { curve: Point[] }) {
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">models, first asked first</th>
            <th scope="col">cost of an answer</th>
            <th scope="col">good</th>
            <th scope="col">worse by, at most</th>
            <th scope="col">n</th>
            <th scope="col">good enough</th>
            <th scope="col">nothing cheaper and better</th>
          </tr>
        </thead>
        <tbody>
          {curve.map((point, at) => (
            <tr key={at}>
              <th scope="row">
                <T text={tiersOf(point)} />
              </th>
              <td class="number">{dollars(point.usd)}</td>
              <td class="number">{(point.good * 100).toFixed(1)}%</td>
              <td class="number">{points(point.high)}</td>
              <td class="number">{point.n}</td>
              <td>{point.satisfactory ? "yes" : "no"}</td>
              <td>{point.efficient ? "yes" : "no"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
