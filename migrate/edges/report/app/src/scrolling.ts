// A new view starts at its top; Back comes to where one was. A browser does neither by itself where only the hash
// changes and the view is drawn afterwards.

import { filter, placeOf, route, type Route } from "./state";

// What an entry of the history remembers.
interface Kept {
  key: number;
  top: number;
  // Of the list of cases, which scrolls by itself.
  list?: number;
}

// Milliseconds that a view which is drawn later, as a case is, is waited for.
const PATIENCE = 1500;
const tops = new Map<number, number>();
// The list of each filter is found as it was left, by Back and by a link.
const lists = new Map([[filter.value, (history.state as Kept | null)?.list ?? 0]]);
let current = 0;
let waiting: ResizeObserver | null = null;

export function keepPlaces(): void {
  history.scrollRestoration = "manual";
  const kept = history.state as Kept | null;
  enter(kept);
  if (kept) goTo(kept.top);
  addEventListener("scroll", () => waiting ?? tops.set(current, scrollY), { passive: true });
  // A reload forgets all but the entry's own state.
  // Chromium takes no more of it while it leaves.
  addEventListener("scrollend", keep, { passive: true, capture: true });
  addEventListener("pagehide", keep);
  for (const act of ["wheel", "pointerdown", "keydown"]) addEventListener(act, stop, { passive: true, capture: true });
  let before = route.value;
  route.subscribe((now) => {
    if (now !== before) arrive(before, now);
    before = now;
  });
}

export const listTop = () => lists.get(filter.value) ?? 0;
export const keepListTop = (top: number) => void lists.set(filter.value, top);

// Only in its own entry: that of a link that was just followed is not entered yet.
function keep(): void {
  if ((history.state as Kept | null)?.key === current) history.replaceState({ key: current, top: tops.get(current) ?? 0, list: listTop() }, "");
}

function enter(kept: Kept | null): void {
  current = kept?.key ?? Date.now() + Math.random();
  if (!kept) history.replaceState({ key: current, top: 0 }, "");
}

function arrive(from: Route, now: Route): void {
  const kept = history.state as Kept | null;
  if (kept?.key !== current) {
    enter(kept);
    goTo(kept ? (tops.get(current) ?? kept.top) : 0);
  } else if (placeOf(now) !== placeOf(from)) goTo(0);
}

function goTo(top: number): void {
  stop();
  if (top) waitFor(top);
  else scrollTo(0, 0);
}

// A view that grows is followed until it has room enough.
function waitFor(top: number): void {
  const since = performance.now();
  waiting = new ResizeObserver(() => {
    scrollTo(0, top);
    if (Math.abs(scrollY - top) < 2 || performance.now() - since > PATIENCE) stop();
  });
  waiting.observe(document.getElementById("app")!);
}

function stop(): void {
  waiting?.disconnect();
  waiting = null;
}
