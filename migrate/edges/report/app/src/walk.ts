// From case to case: the next one that is undecided, and the neighbours in the list.

import { found, hashOf, isOpen, open, route, say, selected } from "./state";

export function goToOpen(step: 1 | -1): void {
  const next = nextOpen(selected.value, step);
  if (next >= 0) show(next);
  else say(step > 0 ? "no undecided case after this one" : "no undecided case before this one");
}

// After a decision: what was decided stays said, also where nothing is left to go to.
export function goOn(): void {
  const next = nextOpen(selected.value, 1);
  if (next >= 0) show(next);
}

function nextOpen(from: number, step: 1 | -1): number {
  const { rows } = found.value;
  const at = rows.indexOf(from);
  for (let place = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step; place >= 0 && place < rows.length; place += step) {
    if (isOpen(rows[place])) return rows[place];
  }
  return -1;
}

export function move(step: 1 | -1): void {
  const { rows } = found.value;
  const at = rows.indexOf(selected.value);
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  if (next !== undefined) show(next);
}

function show(row: number): void {
  if (route.value.view === "cases") open(row);
  else {
    location.hash = hashOf("cases", "", { q: route.value.params.get("q") });
    queueMicrotask(() => setTimeout(() => open(row)));
  }
}
