// The page of `review --rate --web`: two answers without names, which is better, and how right each is.

import { batch, computed, effect, signal } from "@preact/signals";
import { ask } from "../ask";
import { reviewer as rater, said, say } from "../state";
import { counted, Themes, T } from "../words";

type Better = "a" | "b" | "tie";
interface Pairs {
  rater: string;
  of: number;
  equal: number;
  pairs: { id: string; rated: boolean }[];
}
interface Shown {
  id: string;
  asked: string;
  a: string;
  b: string;
}

const pairs = signal<Pairs | null>(null);
const at = signal(-1);
const shown = signal<Shown | null>(null);
const better = signal<Better | null>(null);
const marks = signal<{ a: number | null; b: number | null }>({ a: null, b: null });
const ended = signal("");
// What stands in the field: drawing the page again, as a pair comes in, must not put the old name back.
const typed = signal("");
const done = computed(() => pairs.value?.pairs.filter((pair) => pair.rated).length ?? 0);
const whole = computed(() => better.value !== null && marks.value.a !== null && marks.value.b !== null);
let busy = false;

export async function startRating(): Promise<void> {
  await begin("");
  rater.value = typed.value = pairs.value?.rater ?? "";
  effect(() => void look(pairs.value, at.value));
  listen();
}

// Another rater has another order, and other pairs that are rated.
async function begin(name: string): Promise<void> {
  const found = await ask<Pairs>("pairs", { rater: name });
  batch(() => {
    pairs.value = found;
    at.value = -1;
    forward(0);
  });
}

async function look(all: Pairs | null, place: number): Promise<void> {
  batch(() => {
    shown.value = better.value = null;
    marks.value = { a: null, b: null };
  });
  const id = all?.pairs[place]?.id;
  if (id === undefined) return;
  await safely(async () => {
    const found = await ask<Shown>("pair", { rater: all!.rater, pair: id });
    if (pairs.value?.pairs[at.value]?.id === id) shown.value = found;
  });
}

async function safely(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (problem) {
    ended.value = String(problem instanceof Error ? problem.message : problem);
    say("not kept: the review has ended, or its server cannot be reached");
  }
}

// The next pair that is not rated, from a place on and then from the start; past the end when all are.
function forward(from: number): void {
  const all = pairs.value!.pairs;
  const open = (pair: { rated: boolean }, place: number) => !pair.rated && place >= from;
  const next = all.findIndex(open);
  at.value = next >= 0 ? next : all.findIndex((pair) => !pair.rated);
}

async function keep(): Promise<void> {
  const pair = shown.value;
  if (!pair || busy || ended.value) return;
  if (!whole.value) return say("say which is better (a, b, t), then how right A and B are (1 to 5 each)");
  busy = true;
  const rating = { rater: pairs.value!.rater, pair: pair.id, prefer: better.value, correct_a: marks.value.a, correct_b: marks.value.b };
  await safely(async () => {
    await ask("rate", rating);
    const all = pairs.value!.pairs.map((one) => (one.id === pair.id ? { ...one, rated: true } : one));
    const place = at.value;
    batch(() => {
      pairs.value = { ...pairs.value!, pairs: all };
      forward(place + 1);
    });
    say(`kept: ${counted(done.value, "rating")}`);
  });
  busy = false;
}

// The same keys as in the terminal; a mark goes to A first, then to B.
function press(key: string): boolean {
  if (key === "a" || key === "b" || key === "t") better.value = key === "t" ? "tie" : key;
  else if (/^[1-5]$/.test(key)) marks.value = marks.value.a === null || marks.value.b !== null ? { a: Number(key), b: null } : { ...marks.value, b: Number(key) };
  else if (key === "s") forward(at.value + 1);
  else if (key === "u") back();
  else if (key === "Enter") void keep();
  else return false;
  return true;
}

function back(): void {
  const count = pairs.value!.pairs.length;
  const place = at.value < 0 ? count - 1 : at.value - 1;
  if (place < 0) return say("this is the first pair");
  at.value = place;
}

function listen(): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const types = target.tagName === "SELECT" || (target instanceof HTMLInputElement && target.type !== "radio");
    // Enter on a button presses that button.
    if (types || event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && target.tagName === "BUTTON")) return;
    if (press(event.key)) event.preventDefault();
  });
}

export function Rating() {
  const all = pairs.value;
  const pair = shown.value;
  return (
    <>
      <header class="bar">
        <div class="brand">
          <b>prompt-migrate</b>
          <span>rating, blind</span>
          <span class={`pill writer${ended.value ? " breaking" : ""}`}>
            {ended.value ? "review ended" : `${done.value} of ${all?.pairs.length ?? 0} rated`}
          </span>
        </div>
        <div class="tools">
          <label for="rater">Rater</label>
          <input
            id="rater"
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
            onChange={() => void safely(() => begin((rater.value = typed.value = typed.value.trim())))}
          />
          <Themes />
        </div>
      </header>
      <main id="main" class="page rating" tabIndex={-1}>
        <h1>Which answer is better, and how right is each?</h1>
        {ended.value ? (
          <p class="refused" role="alert">
            <T text={ended.value} />. What was rated is kept; <code>prompt-migrate review --rate --web</code> goes on.
          </p>
        ) : null}
        {pair && all ? <One pair={pair} place={`pair ${at.value + 1} of ${all.pairs.length}`} rated={all.pairs[at.value].rated} /> : <Over />}
        <p class="note">
          Keys: <kbd>a</kbd> <kbd>b</kbd> <kbd>t</kbd> which is better, <kbd>1</kbd> to <kbd>5</kbd> for A, then for B, <kbd>Enter</kbd> keeps, <kbd>s</kbd> skips,{" "}
          <kbd>u</kbd> goes back to the one before, to say it anew. Nobody sees here which model answered what.
        </p>
      </main>
      <div class="said" role="status" aria-live="polite">
        {said.value}
      </div>
    </>
  );
}

function Over() {
  const all = pairs.value;
  if (!all || at.value >= 0) return <p class="note">…</p>;
  return (
    <p>
      Everything is rated: {counted(all.pairs.length, "pair")}, drawn from {all.of} that differ; {all.equal} more are equal. Ctrl-C in the terminal ends the review, and{" "}
      <code>prompt-migrate compare</code> shows what people said.
    </p>
  );
}

function One({ pair, place, rated }: { pair: Shown; place: string; rated: boolean }) {
  return (
    <>
      <p class="note">
        {place}, <code>{pair.id}</code>
        {rated ? ": rated before; what you say now counts" : ""}
      </p>
      <section aria-labelledby="asked">
        <h2 id="asked">Asked</h2>
        <pre tabIndex={0}>
          <T text={pair.asked} />
        </pre>
      </section>
      <div class="columns answers">
        {(["a", "b"] as const).map((name) => (
          <section key={name} aria-labelledby={`answer-${name}`}>
            <h2 id={`answer-${name}`}>{name.toUpperCase()}</h2>
            <pre tabIndex={0}>
              <T text={pair[name]} />
            </pre>
            <Choice
              legend={`How right is ${name.toUpperCase()}? 1: wrong, 5: right`}
              name={`mark-${name}`}
              values={[1, 2, 3, 4, 5]}
              chosen={marks.value[name]}
              choose={(value) => (marks.value = { ...marks.value, [name]: value })}
            />
          </section>
        ))}
      </div>
      <Choice
        legend="Which is better?"
        name="better"
        values={["a", "tie", "b"] as Better[]}
        chosen={better.value}
        choose={(value) => (better.value = value)}
        words={{ a: "A", tie: "a tie", b: "B" }}
      />
      <div class="buttons">
        <button type="button" class="accept" aria-disabled={!whole.value} onClick={() => void keep()}>
          keep, next <kbd>Enter</kbd>
        </button>
        <button type="button" onClick={() => press("s")}>
          skip <kbd>s</kbd>
        </button>
        <button type="button" onClick={() => press("u")}>
          back <kbd>u</kbd>
        </button>
      </div>
    </>
  );
}

interface Choices<Value> {
  legend: string;
  name: string;
  values: Value[];
  chosen: Value | null;
  choose: (value: Value) => void;
  words?: Record<string, string>;
}

function Choice<Value extends string | number>({ legend, name, values, chosen, choose, words }: Choices<Value>) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {values.map((value) => (
        <label key={value}>
          <input type="radio" name={name} value={value} checked={chosen === value} onChange={() => choose(value)} /> {words?.[String(value)] ?? value}
        </label>
      ))}
    </fieldset>
  );
}
