// Every chart of the report, drawn as SVG elements: they print, follow the theme, and need no style the page's policy
// would refuse. Scales and ticks come from d3-scale; each chart stands beside a table of the same figures.

import { scaleLinear, scaleLog } from "d3-scale";
import type { Evidence, Metric, Quantiles } from "./data";
import { ms, points, times } from "./words";

const ROW = 26;
const LABEL = 158;
const GAP = 12;
const CHARACTER = 6.6;
const NARROW = 560;
const WIDE = 1000;
const RIGHT = 22;
const TOP = 26;

// Where the plane of a chart begins: its labels whole, as long as they leave it the better part of the width.
const edge = (labels: string[], width: number) => Math.min(Math.max(LABEL, GAP + CHARACTER * Math.max(0, ...labels.map((name) => name.length))), width * 0.4);

// Of a candidate, by its place: shape and colour both tell it.
export function Mark({ at, x, y, title }: { at: number; x: number; y: number; title?: string }) {
  const shapes = ["M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z", "M-4.5,-4.5H4.5V4.5H-4.5Z", "M0,-6L6,5H-6Z", "M0,-6.5L6,0L0,6.5L-6,0Z"];
  return (
    <path class={`mark c${at % 4}`} d={shapes[at % 4]} transform={`translate(${x},${y})`}>
      {title ? <title>{title}</title> : null}
    </path>
  );
}

export function Legend({ names, baseline }: { names: string[]; baseline?: string }) {
  return (
    <p class="legend">
      {baseline ? (
        <span>
          <svg width="16" height="14" aria-hidden="true">
            <path class="mark base" d="M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z" transform="translate(8,7)" />
          </svg>
          {baseline}
        </span>
      ) : null}
      {names.map((name, at) => (
        <span key={name}>
          <svg width="16" height="14" aria-hidden="true">
            <Mark at={at} x={8} y={7} />
          </svg>
          {name}
        </span>
      ))}
    </p>
  );
}

export interface Frame {
  labels: string[];
  ticks: { x: number; text: string; strong?: boolean }[];
  height: number;
  label: string;
  wide?: boolean;
  children: preact.ComponentChildren;
}

export function Plot({ labels, ticks, height, label, wide = false, children }: Frame) {
  const rows = (height - TOP) / Math.max(labels.length, 1);
  const left = edge(labels, wide ? WIDE : NARROW);
  const most = Math.floor((left - GAP) / CHARACTER + 0.01);
  return (
    <svg class={wide ? "plot wide" : "plot"} viewBox={`0 0 ${wide ? WIDE : NARROW} ${height + 4}`} role="img" aria-label={label}>
      {ticks.map(({ x, text, strong }) => (
        <g key={text} transform={`translate(${x},0)`}>
          <line class={strong ? "axis strong" : "axis"} y1={TOP - 6} y2={height} />
          <text class="tick" y={TOP - 12} text-anchor="middle">
            {text}
          </text>
        </g>
      ))}
      {labels.map((name, at) => (
        <text key={name} class="name" x={left - GAP} y={TOP + rows * (at + 0.5) + 4} text-anchor="end">
          {name.length > most ? `${name.slice(0, most - 1)}…` : name}
          <title>{name}</title>
        </text>
      ))}
      {children}
    </svg>
  );
}

// What an answer costs against the baseline, one row a flow: a ratio, so on a logarithmic scale.
export function CostChart({ flows, candidates, evidence }: { flows: string[]; candidates: string[]; evidence: Evidence[] }) {
  const ratio = (one: Evidence) => (one.cost_usd.ratio === null ? null : Number(one.cost_usd.ratio));
  const known = evidence.map(ratio).filter((value): value is number => value !== null && value > 0);
  if (!known.length) return <p class="note">The cost of no flow is known on both sides.</p>;
  const low = Math.min(0.5, ...known) / 1.15;
  const high = Math.max(2, ...known) * 1.15;
  const scale = scaleLog([low, high], [edge(flows, NARROW), NARROW - RIGHT]);
  const height = TOP + ROW * flows.length;
  const wanted = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((tick) => tick >= low && tick <= high);
  const ticks = wanted.map((tick) => ({ x: scale(tick), text: `${tick}×`, strong: tick === 1 }));
  return (
    <Plot labels={flows} ticks={ticks} height={height} label="Cost of an answer as a ratio of the baseline's, by flow; the table has the figures">
      {evidence.map((one) => {
        const value = ratio(one);
        if (value === null) return null;
        const y = TOP + ROW * (flows.indexOf(one.flow) + 0.5);
        const at = candidates.indexOf(one.candidate);
        return (
          <g key={`${one.flow} ${one.candidate}`}>
            <line class={`stem c${at % 4}`} x1={scale(1)} x2={scale(value)} y1={y} y2={y} />
            <Mark at={at} x={scale(value)} y={y} title={`${one.flow}, ${one.candidate}: ${times(value)} over ${one.cases} cases`} />
          </g>
        );
      })}
    </Plot>
  );
}

// p50 and p95 of every side, with the interval of each; the lane of a side is its own.
export function LatencyChart({ flows, candidates, evidence }: { flows: string[]; candidates: string[]; evidence: Evidence[] }) {
  const sides = evidence.flatMap((one) => [one.latency_ms.baseline, one.latency_ms.candidate]);
  const all = sides.flatMap((side) => [side.p50, side.p95, ...(side.p50_interval ?? []), ...(side.p95_interval ?? [])]);
  const known = all.filter((value): value is number => value !== null && value > 0);
  if (!known.length) return <p class="note">No latency was measured.</p>;
  const scale = scaleLog([Math.min(...known) / 1.2, Math.max(...known) * 1.2], [edge(flows, WIDE), WIDE - RIGHT]);
  const lanes = candidates.length + 1;
  const row = Math.max(ROW, lanes * 11 + 8);
  const wanted = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
  const [low, high] = scale.domain();
  const ticks = wanted.filter((tick) => tick >= low && tick <= high).map((tick) => ({ x: scale(tick), text: tick < 1000 ? `${tick} ms` : `${tick / 1000} s` }));
  const baselines = new Map(evidence.map((one) => [one.flow, one]));
  const y = (flow: string, lane: number) => TOP + row * flows.indexOf(flow) + (row - lanes * 11) / 2 + 11 * (lane + 0.5);
  return (
    <Plot wide labels={flows} ticks={ticks} height={TOP + row * flows.length} label="Latency by flow: p50 and p95 over case means, with intervals; the table has the figures">
      {[...baselines.values()].map((one) => (
        <Lane key={one.flow} side={one.latency_ms.baseline} y={y(one.flow, 0)} scale={scale} at={-1} name={`${one.flow}, ${one.baseline}`} />
      ))}
      {evidence.map((one) => {
        const at = candidates.indexOf(one.candidate);
        return <Lane key={`${one.flow} ${one.candidate}`} side={one.latency_ms.candidate} y={y(one.flow, at + 1)} scale={scale} at={at} name={`${one.flow}, ${one.candidate}`} />;
      })}
    </Plot>
  );
}

interface LaneProps {
  side: Quantiles;
  y: number;
  scale: (value: number) => number;
  at: number;
  name: string;
}

function Lane({ side, y, scale, at, name }: LaneProps) {
  if (side.p50 === null || side.p95 === null) return null;
  const kind = at < 0 ? "base" : `c${at % 4}`;
  const words = `${name}: p50 ${ms(side.p50)}, p95 ${ms(side.p95)}, n = ${side.n} cases, ${side.source}`;
  const whisker = (bounds: [number | null, number | null] | null, from: number) => {
    const low = bounds?.[0] ?? from;
    const high = bounds?.[1];
    return (
      <>
        <line class={`whisker ${kind}`} x1={scale(low)} x2={scale(high ?? from)} y1={y} y2={y} />
        {bounds?.[0] == null ? null : <line class={`whisker ${kind}`} x1={scale(low)} x2={scale(low)} y1={y - 2.5} y2={y + 2.5} />}
        {high == null ? null : <line class={`whisker ${kind}`} x1={scale(high)} x2={scale(high)} y1={y - 2.5} y2={y + 2.5} />}
        {bounds && high === null ? <text class={`open ${kind}`} x={scale(from) + 9} y={y + 4}>›</text> : null}
      </>
    );
  };
  return (
    <g>
      <title>{words}</title>
      <line class={`lane ${kind}`} x1={scale(side.p50)} x2={scale(side.p95)} y1={y} y2={y} />
      {whisker(side.p50_interval, side.p50)}
      {whisker(side.p95_interval, side.p95)}
      <line class={`median ${kind}`} x1={scale(side.p50)} x2={scale(side.p50)} y1={y - 5} y2={y + 5} />
      <circle class={`mark ${kind}`} cx={scale(side.p95)} cy={y} r="4" />
    </g>
  );
}

// Why a flow's verdict is what it is: how much worse it may be, against the margin it is allowed.
export function MarginChart({ evidence, candidates }: { evidence: Evidence[]; candidates: string[] }) {
  const lines = evidence.flatMap((one) => one.metrics.map((metric) => ({ one, metric, at: candidates.indexOf(one.candidate) })));
  if (!lines.length) return null;
  const clamp = (value: number) => Math.max(-1, Math.min(1, value));
  const bounds = lines.flatMap(({ metric }) => [clamp(metric.low), clamp(metric.high), metric.margin, metric.excess ?? 0, 0]);
  const spread = Math.max(...bounds) - Math.min(...bounds) || 0.1;
  const labels = lines.map(({ one, metric }) => `${metric.name}, ${one.candidate}`);
  const scale = scaleLinear([Math.min(...bounds) - spread * 0.06, Math.max(...bounds) + spread * 0.06], [edge(labels, WIDE), WIDE - RIGHT]);
  const height = TOP + ROW * lines.length;
  const ticks = scale.ticks(6).map((tick) => ({ x: scale(tick), text: tick === 0 ? "equal" : points(tick), strong: tick === 0 }));
  return (
    <Plot wide labels={labels} ticks={ticks} height={height} label="How many points of a hundred answers worse the candidate may be, with the margin; the table has the figures">
      {lines.map(({ one, metric, at }, lane) => (
        <Excess key={labels[lane]} metric={metric} y={TOP + ROW * (lane + 0.5)} scale={scale} at={at} name={`${metric.name}, ${one.candidate}`} />
      ))}
    </Plot>
  );
}

interface ExcessProps {
  metric: Metric;
  y: number;
  scale: (value: number) => number;
  at: number;
  name: string;
}

function Excess({ metric, y, scale, at, name }: ExcessProps) {
  const [low, high] = [Math.max(metric.low, -1), Math.min(metric.high, 1)];
  const words = `${name}: ${metric.excess === null ? "unknown" : points(metric.excess)} points worse, bounds ${points(low)} and ${points(high)}, margin ${points(metric.margin)}, n = ${metric.cases} cases`;
  return (
    <g>
      <title>{words}</title>
      <line class={`whisker c${at % 4}`} x1={scale(low)} x2={scale(high)} y1={y} y2={y} />
      <line class="margin" x1={scale(metric.margin)} x2={scale(metric.margin)} y1={y - 11} y2={y + 11} />
      {metric.excess === null ? null : <Mark at={at} x={scale(metric.excess)} y={y} />}
    </g>
  );
}

// Breaking, drifting and other cases of a run, as one bar.
export function Strip({ verdicts, cases }: { verdicts: Record<string, number>; cases: number }) {
  const width = 120;
  const breaking = ((verdicts.breaking ?? 0) / (cases || 1)) * width;
  const drift = ((verdicts.drift ?? 0) / (cases || 1)) * width;
  return (
    <svg class="strip" width={width} height="10" aria-hidden="true">
      <rect class="rest" width={width} height="10" />
      <rect class="breaking" width={breaking} height="10" />
      <rect class="drift" x={breaking} width={drift} height="10" />
    </svg>
  );
}

export function Bar({ share, kind }: { share: number; kind: string }) {
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="rest" width="100" height="8" />
      <rect class={kind} width={share * 100} height="8" />
    </svg>
  );
}
