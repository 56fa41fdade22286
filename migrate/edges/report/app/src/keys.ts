// The keyboard: every decision without a mouse. Escape closes what is open, and never decides anything.

import { hashOf, helpOpen, open, put, route, selected } from "./state";
import { asked, groupAtHand, leaveOut, request, takeBack } from "./views/deciding";
import { goToOpen, move } from "./walk";

export const KEYS: [string, string][] = [
  ["n / p", "next, previous undecided case"],
  ["j / k", "next, previous case of the list"],
  ["a", "accept the case"],
  ["r", "reject it, with a reason"],
  ["t", "tolerate a change until a day"],
  ["s", "skip it for now"],
  ["A", "accept its whole group of equal changes"],
  ["R / T", "reject, tolerate its whole group"],
  ["u", "undo the last decision, and go back to its case"],
  ["x", "raw text"],
  ["v", "side by side or unified"],
  ["/", "filter the cases"],
  ["o c d", "overview, cases, decisions"],
  ["?", "these keys"],
  ["Esc", "close what is open, leave the case; decides nothing"],
];

const flip = (name: string, value: string) => put({ [name]: route.value.params.get(name) === value ? null : value });

const ACTIONS: Record<string, () => void> = {
  n: () => goToOpen(1),
  p: () => goToOpen(-1),
  j: () => move(1),
  k: () => move(-1),
  a: () => request("accept", selected.value),
  r: () => request("reject", selected.value),
  t: () => request("tolerate", selected.value),
  s: () => leaveOut(selected.value),
  A: () => request("accept", selected.value, groupAtHand(), true),
  R: () => request("reject", selected.value, groupAtHand(), true),
  T: () => request("tolerate", selected.value, groupAtHand(), true),
  u: takeBack,
  x: () => flip("raw", "1"),
  v: () => flip("layout", "unified"),
  o: () => void (location.hash = hashOf("overview")),
  c: () => void (location.hash = hashOf("cases")),
  d: () => void (location.hash = hashOf("decisions")),
  "?": () => (helpOpen.value = true),
  "/": () => {
    if (route.value.view !== "cases") location.hash = hashOf("cases");
    setTimeout(() => document.getElementById("q")?.focus());
  },
};

const ON_LIST: Record<string, () => void> = { ArrowDown: () => move(1), ArrowUp: () => move(-1) };

export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (event.key === "Escape") return leave(target, event);
    if (asked.value || helpOpen.value || isTyping(target)) return;
    const action = ACTIONS[event.key] ?? (target.classList.contains("list") ? ON_LIST[event.key] : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function leave(target: HTMLElement, event: KeyboardEvent): void {
  if (asked.value || helpOpen.value) {
    event.preventDefault();
    asked.value = null;
    helpOpen.value = false;
  } else if (isTyping(target)) target.blur();
  else if (selected.value >= 0) open(-1);
}

function isTyping(target: HTMLElement): boolean {
  return ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) && (target as HTMLInputElement).type !== "checkbox";
}
