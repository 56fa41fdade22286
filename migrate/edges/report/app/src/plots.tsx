// The pictures of decisions: a rollout's ladder, its evidence against the boundary, cost against quality, and how latency
// is spread. Each stands beside a table of the same figures.

import { scaleLinear, scaleLog } from "d3-scale";
import type { ComponentChildren } from "preact";
import type { Evidence } from "./data";
import type { Check, Point, Rollout } from "./decided";
import { Mark } from "./charts";
import { dollars, ms } from "./words";

const WIDTH = 640;
const LEFT = 52;
const RIGHT = 20;
const TOP = 14;

interface Tick {
  at: number;
  text: string;
  strong?: boolean;
}

interface AxesProps {
  label: string;
  height: number;
  across: Tick[];
  up: Tick[];
  children: ComponentChildren;
}

// A plane with ticks on both sides; `height` is where the lower axis lies.
function Axes({ label, height, across, up, children }: AxesProps) {
  return (
    <svg class="plot plane" viewBox={`0 0 ${WIDTH} ${height + 26}`} role="img" aria-label={label}>
      {up.map(({ at, text, strong }) => (
        <g key={`u${text}`} transform={`translate(0,${at})`}>
          <line class={strong ? "axis strong" : "axis"} x1={LEFT} x2={WIDTH - RIGHT} />
          <text class="tick" x={LEFT - 6} y="4" text-anchor="end">
            {text}
          </text>
        </g>
      ))}
      {across.map(({ at, text }) => (
        <g key={`a${text}`} transform={`translate(${at},${height})`}>
          <line class="axis strong" y2="4" />
          <text class="tick" y="17" text-anchor="middle">
            {text}
          </text>
        </g>
      ))}
      {children}
    </svg>
  );
}

// --- The ladder of a rollout ------------------------------------------------------------------------------------------

// The share of users over the days, and under it the bad answers users meet until the end of each stage.
export function Ladder({ rollout }: { rollout: Rollout }) {
  const stages = rollout.stages.filter((stage) => stage.share_kind !== "watch");
  const last = Math.max(1, ...stages.map((stage) => stage.ends_not_before));
  const days = scaleLinear([0, last], [LEFT, WIDTH - RIGHT - 40]);
  const share = scaleLinear([0, 1], [150, TOP]);
  const steps = stages.map((stage, at) => ({ stage, from: at ? stages[at - 1].ends_not_before : 0 }));
  const path = steps.map(({ stage, from }) => `${from ? "V" : `M${days(0)},150V`}${share(stage.share)}H${days(stage.ends_not_before)}`).join("");
  const whole = rollout.stages.some((stage) => stage.share_kind === "watch");
  const across = days.ticks(Math.min(8, last)).filter(Number.isInteger).map((day) => ({ at: days(day), text: day ? String(day) : "day 0" }));
  const up = [0, 0.25, 0.5, 0.75, 1].map((one) => ({ at: share(one), text: `${one * 100}%`, strong: one === 0 }));
  return (
    <Axes label={`The ladder of ${rollout.flow}: share of the traffic over ${last} days; the table has the figures`} height={150} across={across} up={up}>
      <path class="area" d={`${path}V150Z`} />
      <path class="step c0" d={path} />
      {whole ? <path class="step c0 open" d={`M${days(last)},${share(stages[stages.length - 1]?.share ?? 0)}V${share(1)}H${WIDTH - RIGHT}`} /> : null}
      {steps.map(({ stage, from }, at) => (
        <g key={at}>
          <title>
            {`stage ${at + 1}: ${stage.share * 100}% from day ${from} to day ${stage.ends_not_before}; bad answers expected: ${Math.round(stage.expected_bad.equal)} if equal, ${Math.round(stage.expected_bad.at_margin)} at the margin`}
          </title>
          {days(stage.ends_not_before) - days(from) > 34 ? (
            <text class="on" x={(days(from) + days(stage.ends_not_before)) / 2} y={share(stage.share) - 5} text-anchor="middle">
              {`${stage.share * 100}%`}
            </text>
          ) : null}
        </g>
      ))}
    </Axes>
  );
}

// Bad answers until the end of each stage: those that come anyway, then what the margin adds to them. The budget is of
// these additional ones alone, so its line stands behind those that come anyway, stage by stage.
export function Exposure({ rollout }: { rollout: Rollout }) {
  const stages = rollout.stages.filter((stage) => stage.share_kind !== "watch");
  if (!stages.length) return null;
  let equal = 0;
  let margin = 0;
  const sums = stages.map((stage) => ({ stage, equal: (equal += stage.expected_bad.equal), margin: (margin += stage.expected_bad.at_margin) }));
  const budget = rollout.budget.total;
  const width = scaleLinear([0, Math.max(margin, equal + budget, 1)], [0, WIDTH - LEFT - FIGURES]);
  const row = 30;
  return (
    <svg class="plot plane" viewBox={`0 0 ${WIDTH} ${sums.length * row}`} role="img" aria-label={`Bad answers users meet until the end of each stage of ${rollout.flow}; the table has the figures`}>
      {sums.map((one, at) => (
        <g key={at} transform={`translate(0,${at * row})`}>
          <text class="tick" x={LEFT - 6} y="18" text-anchor="end">{`${one.stage.share * 100}%`}</text>
          <rect class="bad-equal" x={LEFT} y="8" width={Math.max(width(one.equal), 1)} height="14" />
          <rect class="bad-margin" x={LEFT + width(one.equal)} y="8" width={Math.max(width(one.margin - one.equal), 1)} height="14" />
          {budget > 0 ? <line class="margin" x1={LEFT + width(one.equal + budget)} x2={LEFT + width(one.equal + budget)} y1="3" y2="27" /> : null}
          <text class="tick" x={WIDTH - 2} y="19" text-anchor="end">
            {`${rounded(one.equal)} + ${rounded(one.margin - one.equal)}`}
          </text>
        </g>
      ))}
    </svg>
  );
}

// Room for the figures on the right of the bars.
const FIGURES = 120;
const rounded = (value: number) => Math.round(value).toLocaleString("en");

// --- Evidence -----------------------------------------------------------------------------------------------------------

const FLOOR = 0.05;

// The e-value hour by hour, on a logarithmic scale, and the line at which it stops the rollout.
export function EvidencePath({ check }: { check: Check }) {
  const { path, evidence } = check;
  if (!path.length) return <p class="note">No call was judged yet.</p>;
  const times = path.map((point) => Date.parse(point.at));
  const [first, last] = [times[0], Math.max(times[times.length - 1], times[0] + 1)];
  const ceiling = Math.max(evidence.threshold * 20, 100);
  const clip = (e: number) => Math.min(Math.max(e, FLOOR), ceiling);
  const x = scaleLinear([first, last], [LEFT, WIDTH - RIGHT]);
  const y = scaleLog([FLOOR, ceiling], [170, TOP]);
  const line = path.map((point, at) => `${at ? "L" : "M"}${x(times[at]).toFixed(1)},${y(clip(point.e)).toFixed(1)}`).join("");
  const days = Math.max(1, Math.ceil((last - first) / 86_400_000 / 7));
  const across = x
    .ticks(7)
    .map((tick) => Math.ceil(tick / 86_400_000) * 86_400_000)
    .filter((tick, at, all) => tick >= first && tick <= last && all.indexOf(tick) === at && (tick / 86_400_000) % days < 1)
    .map((tick) => ({ at: x(tick), text: new Date(tick).toISOString().slice(5, 10) }));
  const up = [0.1, 1, 10, 100, 1000, 10_000, 100_000].filter((tick) => tick <= ceiling).map((tick) => ({ at: y(tick), text: tick.toLocaleString("en"), strong: tick === 1 }));
  const worst = path[path.length - 1];
  return (
    <Axes label={`Evidence against the candidate of ${check.flow} over time, and the boundary ${evidence.threshold}; the table has the figures`} height={170} across={across} up={up}>
      <line class="margin" x1={LEFT} x2={WIDTH - RIGHT} y1={y(evidence.threshold)} y2={y(evidence.threshold)} />
      <text class="on" x={LEFT + 6} y={y(evidence.threshold) - 5}>{`stops at ${evidence.threshold.toLocaleString("en")}`}</text>
      <path class="step c1" d={line} />
      <Mark at={1} x={x(times[times.length - 1])} y={y(clip(worst.e))} title={`${worst.at}: ${worst.e > ceiling ? `past ${ceiling}` : worst.e.toPrecision(3)}`} />
      {worst.e > ceiling ? <text class="on" x={x(last) - 10} y={TOP + 10} text-anchor="end">past the scale ↑</text> : null}
    </Axes>
  );
}

// --- Cost against quality -----------------------------------------------------------------------------------------------

// Models and cascades of a flow: right is dearer, up is better; the line joins those that nothing beats on both.
export function Frontier({ flow, curve }: { flow: string; curve: Point[] }) {
  const shown = curve.filter((point) => point.usd > 0);
  if (!shown.length) return <p class="note">The cost of no model of this flow is known.</p>;
  const costs = shown.map((point) => point.usd);
  const goods = shown.map((point) => point.good);
  const spread = Math.max(Math.max(...goods) - Math.min(...goods), 0.1);
  const x = scaleLog([Math.min(...costs) / 1.3, Math.max(...costs) * 1.3], [LEFT, WIDTH - RIGHT]);
  const top = Math.min(1, Math.max(...goods) + spread * 0.25);
  const y = scaleLinear([Math.max(0, Math.min(...goods, top - spread) - spread * 0.15), top], [190, TOP + 14]);
  const best = shown.filter((point) => point.efficient).sort((one, other) => one.usd - other.usd);
  const line = best.map((point, at) => `${at ? `H${x(point.usd)}V${y(point.good)}` : `M${x(point.usd)},${y(point.good)}`}`).join("");
  const across = costTicks(x.domain()[0], x.domain()[1]).map((tick) => ({ at: x(tick), text: dollars(tick) }));
  const up = y.ticks(5).map((tick) => ({ at: y(tick), text: `${+(tick * 100).toFixed(1)}%` }));
  // Models lie above the cascades that cost and do the same.
  const drawn = [...shown].sort((one, other) => other.tiers.length - one.tiers.length);
  return (
    <Axes label={`Cost of an answer against the share of good answers of ${flow}; the table has the figures`} height={190} across={across} up={up}>
      <path class="step frontier" d={line} />
      {drawn.map((point, at) => (
        <g key={at}>
          <Mark at={point.satisfactory ? 2 : point.tiers.length > 1 ? 3 : 0} x={x(point.usd)} y={y(point.good)} title={`${tiersOf(point)}: ${dollars(point.usd)} an answer, ${(point.good * 100).toFixed(1)}% good, n = ${point.n} cases`} />
          {point.tiers.length === 1 ? (
            <text class="on" x={Math.min(x(point.usd) + 9, WIDTH - RIGHT - 60)} y={y(point.good) + (y(point.good) < TOP + 16 ? 16 : -8)}>
              {point.tiers[0]}
            </text>
          ) : null}
        </g>
      ))}
    </Axes>
  );
}

export const tiersOf = (point: Point) => point.tiers.join(" → ") + (point.tau === null ? "" : ` below ${point.tau}`);

function costTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = -7; power <= 1; power++) for (const unit of [1, 2, 5]) ticks.push(Number(`${unit}e${power}`));
  const within = ticks.filter((tick) => tick >= low && tick <= high);
  return within.length > 6 ? within.filter((tick) => String(tick.toExponential())[0] === "1") : within;
}

// --- Latency ------------------------------------------------------------------------------------------------------------

function timeTicks(low: number, high: number): number[] {
  const within = (units: number[]) => [1, 10, 100, 1000, 10_000, 100_000].flatMap((ten) => units.map((unit) => unit * ten)).filter((tick) => tick >= low && tick <= high);
  const [coarse, fine] = [within([1, 2, 5]), within([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8])];
  return fine.length <= 9 ? fine : coarse;
}

const SHARES = Array.from({ length: 21 }, (_, at) => at / 20);

// For each side the share of cases that are answered by then.
export function Spread({ evidence, candidates }: { evidence: Evidence[]; candidates: string[] }) {
  const sides = [
    { at: -1, name: evidence[0].baseline, values: evidence[0].latency_spread?.baseline ?? [] },
    ...evidence.map((one) => ({ at: candidates.indexOf(one.candidate), name: one.candidate, values: one.latency_spread?.candidate ?? [] })),
  ].filter((side) => side.values.length);
  const all = sides.flatMap((side) => side.values).filter((value) => value > 0);
  if (!all.length) return <p class="note">No latency was measured.</p>;
  const x = scaleLog([Math.min(...all) / 1.1, Math.max(...all) * 1.1], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([0, 1], [180, TOP]);
  const across = timeTicks(x.domain()[0], x.domain()[1]).map((tick) => ({ at: x(tick), text: tick < 1000 ? `${tick} ms` : `${tick / 1000} s` }));
  const up = [0, 0.25, 0.5, 0.75, 0.95].map((share) => ({ at: y(share), text: `${share * 100}%`, strong: share === 0 }));
  return (
    <Axes label="Latency: the share of cases answered by then, each side a line; the table has the figures" height={180} across={across} up={up}>
      {sides.map((side) => (
        <g key={side.name}>
          <title>{`${side.name}: half of the cases within ${ms(side.values[10])}`}</title>
          <path class={`step ${side.at < 0 ? "base" : `c${side.at % 4}`}`} d={side.values.map((value, at) => `${at ? "L" : "M"}${x(value).toFixed(1)},${y(SHARES[at]).toFixed(1)}`).join("")} />
          {side.at < 0 ? <path class="mark base" d="M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z" transform={`translate(${x(side.values[10])},${y(0.5)})`} /> : <Mark at={side.at} x={x(side.values[10])} y={y(0.5)} />}
        </g>
      ))}
    </Axes>
  );
}
