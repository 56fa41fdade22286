// Which items of two lists stand opposite each other: the longest common subsequence.

import { diffArrays } from "diff";

export interface Run {
  kind: "same" | "added" | "removed";
  count: number;
}

// Up to here a table of all pairs is quickest however much differs; beyond it what differs is mostly small.
const TABLE = 4_000_000;

export function align(left: string[], right: string[]): Run[] {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  while (end < left.length - start && end < right.length - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const one = left.slice(start, left.length - end);
  const other = right.slice(start, right.length - end);
  const runs: Run[] = [];
  push(runs, "same", start);
  if (one.length * other.length <= TABLE) byTable(one, other, runs);
  else for (const { added, removed, count } of diffArrays(one, other)) push(runs, added ? "added" : removed ? "removed" : "same", count);
  push(runs, "same", end);
  return runs;
}

function push(runs: Run[], kind: Run["kind"], count: number): void {
  const last = runs[runs.length - 1];
  if (!count) return;
  if (last?.kind === kind) last.count += count;
  else runs.push({ kind, count });
}

// `lengths[a][b]`: how much the rest of `one` from a and of `other` from b have in common.
function byTable(one: string[], other: string[], runs: Run[]): void {
  const numbers = new Map<string, number>();
  const numbered = (items: string[]) => Uint32Array.from(items, (item) => numbers.get(item) ?? (numbers.set(item, numbers.size), numbers.size - 1));
  const [left, right] = [numbered(one), numbered(other)];
  const width = right.length + 1;
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let a = left.length - 1; a >= 0; a--) {
    for (let b = right.length - 1, at = a * width + b; b >= 0; b--, at--) {
      lengths[at] = left[a] === right[b] ? lengths[at + width + 1] + 1 : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  let a = 0;
  let b = 0;
  while (a < left.length || b < right.length) {
    const at = a * width + b;
    if (a < left.length && b < right.length && left[a] === right[b]) {
      push(runs, "same", 1);
      a++;
      b++;
    } else if (a < left.length && (b >= right.length || lengths[at + width] >= lengths[at + 1])) {
      push(runs, "removed", 1);
      a++;
    } else {
      push(runs, "added", 1);
      b++;
    }
  }
}
