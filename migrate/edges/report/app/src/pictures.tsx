// What a person would rather look at in the documents of `route`, `canary plan` and `canary check`: the cost-quality
// frontier of a flow, the ladder of a rollout with what it may cost, the evidence against its boundary, and latency.
// Each stands above the tables of the same figures.

import { scaleLinear, scaleLog } from "d3-scale";
import type { ComponentChildren } from "preact";
import type { Json } from "./data";
import { ms, T } from "./words";

const WIDE = 720;
const LEFT = 76;
const RIGHT = 150;
const HIGH = 220;
const ROW = 30;

type Entry = { [key: string]: Json };
const isEntry = (value: Json | undefined): value is Entry => value !== null && typeof value === "object" && !Array.isArray(value);
const entries = (value: Json | undefined): Entry[] => (Array.isArray(value) ? value.filter(isEntry) : []);
const number = (value: Json | undefined): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const numbers = (values: (number | null)[]): number[] => values.filter((value): value is number => value !== null);
const percent = (share: number) => `${Number((share * 100).toPrecision(4))} %`;
const dollars = (usd: number) => `$${Number(usd.toPrecision(3))}`;
const short = (value: number) => (value >= 1e5 ? value.toExponential(0) : Number(value.toPrecision(3)).toString());

export function Pictures({ content }: { content: Json }) {
  const flows = isEntry(content) ? entries(content.flows) : [];
  const drawn = flows.flatMap((flow) => [
    ["Cost and quality", <Frontier key="f" flow={flow} />, entries(isEntry(flow.cascades) ? flow.cascades.curve : []).length > 1],
    ["Stages", <Ladder key="l" flow={flow} />, entries(flow.stages).length > 0],
    ["Evidence", <Path key="p" flow={flow} />, entries(flow.path).length > 1],
    ["Latency", <Sides key="s" flow={flow} />, numbers(entries(flow.sides).map(p95)).length > 0],
  ].filter((one) => one[2]).map(([title, picture]) => ({ name: String(flow.flow ?? ""), title: String(title), picture: picture as ComponentChildren })));
  if (!drawn.length) return null;
  return (
    <section aria-label="pictures">
      {drawn.map(({ name, title, picture }) => (
        <figure key={`${name} ${title}`}>
          <figcaption>
            <T text={`${name}: ${title.toLowerCase()}`} />
          </figcaption>
          {picture}
        </figure>
      ))}
    </section>
  );
}

function Drawing({ height, label, children }: { height: number; label: string; children: ComponentChildren }) {
  return (
    <svg class="plot wide" viewBox={`0 0 ${WIDE} ${height}`} role="img" aria-label={label}>
      {children}
    </svg>
  );
}

function Grid({ ticks, height }: { ticks: { x: number; text: string }[]; height: number }) {
  return (
    <>
      {ticks.map(({ x, text }) => (
        <g key={text} transform={`translate(${x},0)`}>
          <line class="axis" y1={8} y2={height - 20} />
          <text class="tick" y={height - 6} text-anchor="middle">
            {text}
          </text>
        </g>
      ))}
    </>
  );
}

// Cost across, quality up: what single models and cascades are worth; those that no cheaper one equals are joined.
function Frontier({ flow }: { flow: Entry }) {
  const curve = isEntry(flow.cascades) ? entries(flow.cascades.curve) : [];
  const points = curve.flatMap((one) => {
    const [usd, good] = [number(one.usd), number(one.good)];
    const tiers = Array.isArray(one.tiers) ? one.tiers.map(String).join(" > ") : "";
    return usd === null || good === null || usd <= 0 ? [] : [{ usd, good, tiers, n: number(one.n), efficient: one.efficient === true }];
  });
  const costs = points.map((one) => one.usd);
  const goods = points.map((one) => one.good);
  const x = scaleLog([Math.min(...costs) / 1.2, Math.max(...costs) * 1.2], [LEFT, WIDE - RIGHT]);
  const low = Math.min(...goods);
  const y = scaleLinear([low - (1 - low) * 0.1 - 0.005, Math.max(...goods) + 0.005], [HIGH - 30, 14]);
  const best = points.filter((one) => one.efficient).sort((one, other) => one.usd - other.usd);
  const ticks = [...new Set([costs.reduce((a, b) => Math.min(a, b)), costs.reduce((a, b) => Math.max(a, b))])].map((usd) => ({ x: x(usd), text: dollars(usd) }));
  return (
    <Drawing height={HIGH} label="Mean cost of an answer across, share of answers that keep the contract up; the table of the curve has the figures">
      <Grid ticks={ticks} height={HIGH} />
      {[low, Math.max(...goods)].map((good) => (
        <text key={good} class="tick" x={LEFT - 8} y={y(good) + 4} text-anchor="end">
          {percent(good)}
        </text>
      ))}
      <polyline class="frontier" points={best.map((one) => `${x(one.usd)},${y(one.good)}`).join(" ")} />
      {points.map((one, at) => (
        <circle key={at} class={one.efficient ? "mark c0" : "mark base"} cx={x(one.usd)} cy={y(one.good)} r={one.efficient ? 5 : 3.5}>
          <title>{`${one.tiers}: ${dollars(one.usd)} an answer, good ${percent(one.good)}, n = ${one.n ?? "unknown"} cases`}</title>
        </circle>
      ))}
      {best.filter((one) => !one.tiers.includes(">")).map((one) => (
        <text key={one.tiers} x={x(one.usd) + 8} y={y(one.good) + 4}>
          {one.tiers}
        </text>
      ))}
    </Drawing>
  );
}

// The share of each stage, and the bad answers it shows if the candidate is as good as today's model, or at the margin.
function Ladder({ flow }: { flow: Entry }) {
  const stages = entries(flow.stages).map((stage) => {
    const bad = isEntry(stage.expected_bad) ? stage.expected_bad : {};
    return { share: number(stage.share) ?? 0, until: number(stage.ends_not_before), equal: number(bad.equal) ?? 0, margin: number(bad.at_margin) ?? 0 };
  });
  const height = ROW * stages.length + 8;
  const share = scaleLinear([0, 1], [LEFT, LEFT + 260]);
  const bad = scaleLinear([0, Math.max(...stages.map((stage) => stage.margin), 1)], [LEFT + 300, WIDE - RIGHT]);
  return (
    <Drawing height={height} label="Stages of the rollout: share of the users, and bad answers shown; the table of the stages has the figures">
      {stages.map((stage, at) => {
        const y = ROW * at + 6;
        return (
          <g key={at}>
            <title>{`${percent(stage.share)} until day ${stage.until ?? "unknown"}: ${short(stage.equal)} bad answers if equal, ${short(stage.margin)} at the margin`}</title>
            <text class="name" x={LEFT - 8} y={y + 14} text-anchor="end">
              {percent(stage.share)}
            </text>
            <rect class="rung" x={share(0)} y={y} width={share(stage.share) - share(0)} height={18} />
            <rect class="shown atmargin" x={bad(0)} y={y} width={bad(stage.margin) - bad(0)} height={18} />
            <rect class="shown" x={bad(0)} y={y + 5} width={bad(stage.equal) - bad(0)} height={8} />
            <text x={bad(stage.margin) + 6} y={y + 14}>{`${short(stage.equal)} to ${short(stage.margin)} bad`}</text>
          </g>
        );
      })}
    </Drawing>
  );
}

// The evidence hour by hour, on a logarithmic scale, against the line at which it stops the rollout.
function Path({ flow }: { flow: Entry }) {
  const path = numbers(entries(flow.path).map((point) => number(point.e)));
  const stops = isEntry(flow.evidence) ? (number(flow.evidence.threshold) ?? 20) : 20;
  const most = Math.min(Math.max(...path, stops * 1.6), 1e12);
  const y = scaleLog([0.1, most], [HIGH - 28, 12]).clamp(true);
  const x = scaleLinear([0, Math.max(path.length - 1, 1)], [LEFT, WIDE - RIGHT]);
  const ends = [0, path.length - 1].map((at) => ({ x: x(at), text: String(entries(flow.path)[at]?.at ?? "") }));
  return (
    <Drawing height={HIGH} label={`Evidence that the candidate is worse than allowed, by hour; it stops the rollout at ${short(stops)}; the table of the path has the figures`}>
      <Grid ticks={ends} height={HIGH} />
      {[0.1, 1, 10, 100, 1000].filter((tick) => tick <= most).map((tick) => (
        <text key={tick} class="tick" x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
          {short(tick)}
        </text>
      ))}
      <line class="margin" x1={LEFT} x2={WIDE - RIGHT} y1={y(stops)} y2={y(stops)} />
      <text x={WIDE - RIGHT + 6} y={y(stops) + 4}>{`stops at ${short(stops)}`}</text>
      <polyline class="evidence" points={path.map((e, at) => `${x(at)},${y(Math.max(e, 0.1))}`).join(" ")}>
        <title>{`${path.length} hours, now ${short(path[path.length - 1])}, at most ${short(Math.max(...path))}`}</title>
      </polyline>
    </Drawing>
  );
}

const latency = (side: Entry): Entry => (isEntry(side.latency_ms) ? side.latency_ms : {});
const p95 = (side: Entry): number | null => number(latency(side).p95);

// How long the calls of each side take: deciles as ticks, p50 to p95 as a bar, the interval of p95 as a whisker.
function Sides({ flow }: { flow: Entry }) {
  const sides = entries(flow.sides);
  const deciles = (side: Entry) => (Array.isArray(latency(side).deciles) ? numbers((latency(side).deciles as Json[]).map(number)) : []);
  const bounds = (side: Entry) => (Array.isArray(latency(side).p95_interval) ? (latency(side).p95_interval as Json[]).map(number) : []);
  const all = sides.flatMap((side) => [...deciles(side), ...numbers([number(latency(side).p50), p95(side), ...bounds(side)])]).filter((value) => value > 0);
  const x = scaleLog([Math.min(...all) / 1.2, Math.max(...all) * 1.2], [LEFT, WIDE - RIGHT]);
  const height = ROW * sides.length + 28;
  const wanted = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];
  const ticks = wanted.filter((tick) => tick >= x.domain()[0] && tick <= x.domain()[1]).map((tick) => ({ x: x(tick), text: ms(tick) }));
  return (
    <Drawing height={height} label="Latency of the calls of each side: deciles, p50 to p95 with its interval; the table of the sides has the figures">
      <Grid ticks={ticks} height={height} />
      {sides.map((side, at) => {
        const [y, kind, middle, far] = [ROW * at + 20, side.arm === "candidate" ? "c0" : "base", number(latency(side).p50), p95(side)];
        const [low, high] = bounds(side);
        if (middle === null || far === null) return null;
        return (
          <g key={at}>
            <title>{`${String(side.arm)}: p50 ${ms(middle)}, p95 ${ms(far)}, n = ${String(side.calls)} calls`}</title>
            <text class="name" x={LEFT - 8} y={y + 4} text-anchor="end">
              {String(side.arm)}
            </text>
            {deciles(side).filter((value) => value > 0).map((value, place) => (
              <line key={place} class={`median ${kind}`} x1={x(value)} x2={x(value)} y1={y - 4} y2={y + 4} />
            ))}
            <line class={`lane ${kind}`} x1={x(middle)} x2={x(far)} y1={y} y2={y} />
            {low != null && high != null ? <line class={`whisker ${kind}`} x1={x(low)} x2={x(high)} y1={y + 8} y2={y + 8} /> : null}
            <circle class={`mark ${kind}`} cx={x(far)} cy={y} r="4" />
          </g>
        );
      })}
    </Drawing>
  );
}
