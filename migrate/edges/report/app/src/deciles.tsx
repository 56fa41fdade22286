// How long the calls of each side of a rollout take: deciles as ticks, p50 to p95 as a bar, the interval of p95 as a
// whisker. It stands above the table of the same figures.

import { scaleLog } from "d3-scale";
import type { CheckSide } from "./decided";
import { ms, SCROLL } from "./words";

const WIDE = 720;
const LEFT = 76;
const RIGHT = 150;
const ROW = 30;
const TICKS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];

export function Deciles({ sides }: { sides: CheckSide[] }) {
  const known = sides.filter((side) => side.latency_ms.p50 !== null && side.latency_ms.p95 !== null);
  const all = known.flatMap(({ latency_ms: { p50, p95, p95_interval, deciles } }) => [...(deciles ?? []), p50, p95, ...p95_interval]).filter((value) => value !== null && value > 0) as number[];
  if (!all.length) return null;
  const x = scaleLog([Math.min(...all) / 1.2, Math.max(...all) * 1.2], [LEFT, WIDE - RIGHT]);
  const height = ROW * known.length + 28;
  const ticks = TICKS.filter((tick) => tick >= x.domain()[0] && tick <= x.domain()[1]);
  return (
    <div {...SCROLL}>
      <svg class="plot wide" viewBox={`0 0 ${WIDE} ${height}`} role="img" aria-label="Latency of the calls of each side: deciles, p50 to p95 with its interval; the table of the sides has the figures">
        {ticks.map((tick) => (
          <g key={tick} transform={`translate(${x(tick)},0)`}>
            <line class="axis" y1={8} y2={height - 20} />
            <text class="tick" y={height - 6} text-anchor="middle">
              {ms(tick)}
            </text>
          </g>
        ))}
        {known.map((side, at) => (
          <Side key={side.arm} side={side} x={x} y={ROW * at + 20} />
        ))}
      </svg>
    </div>
  );
}

function Side({ side, x, y }: { side: CheckSide; x: (value: number) => number; y: number }) {
  const { p50, p95, p95_interval, deciles } = side.latency_ms;
  const [middle, far, [low, high]] = [p50 ?? 0, p95 ?? 0, p95_interval];
  const kind = side.arm === "candidate" ? "c0" : "base";
  return (
    <g>
      <title>{`${side.arm}: p50 ${ms(middle)}, p95 ${ms(far)}, n = ${side.calls} calls`}</title>
      <text class="name" x={LEFT - 8} y={y + 4} text-anchor="end">
        {side.arm}
      </text>
      {(deciles ?? []).filter((value) => value > 0).map((value, place) => (
        <line key={place} class={`median ${kind}`} x1={x(value)} x2={x(value)} y1={y - 4} y2={y + 4} />
      ))}
      <line class={`lane ${kind}`} x1={x(middle)} x2={x(far)} y1={y} y2={y} />
      {low !== null && high !== null ? <line class={`whisker ${kind}`} x1={x(low)} x2={x(high)} y1={y + 8} y2={y + 8} /> : null}
      <circle class={`mark ${kind}`} cx={x(far)} cy={y} r="4" />
    </g>
  );
}
