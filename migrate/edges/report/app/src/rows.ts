// The list of cases: what a filter leaves of it, and how many each chip would.

import type { Index } from "./data";
import { verdictWords } from "./verdicts";

export type Facet = "verdict" | "model" | "flow" | "decided";
export const FACETS: Facet[] = ["verdict", "model", "flow", "decided"];

export interface Query {
  tokens: Map<string, string[]>;
  words: string[];
}

const TOKEN = /(?:([a-z]+):)?(?:"([^"]*)"|(\S+))/g;
const NAMES = new Set(["verdict", "model", "flow", "decided", "group", "path", "kind", "tag", "case", "text"]);

export function parseQuery(text: string): Query {
  const query: Query = { tokens: new Map(), words: [] };
  for (const [whole, name, quoted, plain] of text.matchAll(TOKEN)) {
    const value = quoted ?? plain;
    if (name && NAMES.has(name)) {
      const values = name === "text" || name === "path" ? [value] : value.split(",").filter(Boolean);
      query.tokens.set(name, [...(query.tokens.get(name) ?? []), ...values]);
    } else {
      query.words.push((name ? whole : value).toLowerCase());
    }
  }
  return query;
}

export function writeQuery(query: Query): string {
  const quoted = (value: string) => (/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);
  const tokens = [...query.tokens]
    .filter(([, values]) => values.length)
    .flatMap(([name, values]) => {
      const plain = values.filter((value) => !/[\s",]/.test(value));
      const odd = values.filter((value) => /[\s",]/.test(value));
      return [...(plain.length ? [`${name}:${plain.join(",")}`] : []), ...odd.map((value) => `${name}:${quoted(value)}`)];
    });
  return [...tokens, ...query.words.map(quoted)].join(" ");
}

export function toggled(query: Query, name: string, value: string): string {
  const values = query.tokens.get(name) ?? [];
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  return writeQuery({ ...query, tokens: new Map(query.tokens).set(name, next) });
}

const spelled = (text: string) => text.toLowerCase().replace(/[\s_-]+/g, " ").trim();

// The known values that a typed one stands for: the one it names, else those that begin with it.
export function standsFor(typed: string, known: Map<string, string[]>): string[] {
  const like = (test: (name: string) => boolean) => [...known].filter(([, names]) => names.map(spelled).some(test)).map(([value]) => value);
  const exact = like((name) => name === spelled(typed));
  return exact.length ? exact : like((name) => name.startsWith(spelled(typed)));
}

// The values of a filter that is no search in texts, each with the names it goes by on the page.
function namesOf(index: Index, name: string): Map<string, string[]> | null {
  const plainly = (values: Iterable<string>) => new Map([...values].map((value) => [value, [value]]));
  if (name === "verdict") return new Map(index.verdicts.map((value) => [value, [value, verdictWords(value), ...verdictWords(value).split(" or ")]]));
  if (name === "decided") return new Map(Object.entries(DECIDED));
  if (name === "model") return plainly(index.candidates);
  if (name === "flow") return plainly(index.flows.map((flow) => flow.name));
  if (name === "kind") return plainly(index.groups.map((group) => group.kind));
  if (name === "tag") return plainly(index.flows.flatMap((flow) => Object.values(flow.tags).flat()));
  return null;
}

const DECIDED: Record<string, string[]> = {
  undecided: ["undecided"],
  partly: ["partly"],
  accept: ["accept", "accepted"],
  reject: ["reject", "rejected"],
  tolerate: ["tolerate", "tolerated"],
  skipped: ["skipped"],
  none: ["none", "nothing to decide"],
};
export const DECIDED_ORDER = Object.keys(DECIDED);

// The query with every value as the data spells it; what stands for nothing stays as it was typed, and finds nothing.
export function meant({ index }: Rows, query: Query): Query {
  const tokens = [...query.tokens].map(([name, values]): [string, string[]] => {
    const known = namesOf(index, name);
    if (!known) return [name, values];
    return [name, [...new Set(values.flatMap((value) => (standsFor(value, known).length ? standsFor(value, known) : [value])))]];
  });
  return { ...query, tokens: new Map(tokens) };
}

export interface Rows {
  index: Index;
  count: number;
  facet(name: Facet, row: number): string;
  haystack(row: number): string;
}

export function rowsOf(index: Index, decided: (row: number) => string): Rows {
  const { cases } = index;
  const hay: string[] = [];
  return {
    index,
    count: cases.case.length,
    facet(name, row) {
      if (name === "verdict") return index.verdicts[cases.verdict[row]];
      if (name === "model") return index.candidates[cases.candidate[row]];
      if (name === "flow") return index.flows[cases.flow[row]].name;
      return decided(row);
    },
    haystack(row) {
      return (hay[row] ??= [
        cases.case[row],
        index.flows[cases.flow[row]].name,
        index.candidates[cases.candidate[row]],
        verdictWords(index.verdicts[cases.verdict[row]]),
        cases.title[row],
        ...cases.groups[row].map((group) => index.groups[group].title),
      ]
        .join("\n")
        .toLowerCase());
    },
  };
}

export interface Found {
  rows: number[];
  counts: Record<Facet, Map<string, number>>;
}

type Test = (row: number) => boolean;

// Return the rows that pass, and for each chip how many rows it would show beside the other filters.
export function find(rows: Rows, query: Query, texts: ReadonlySet<number> | null): Found {
  const facets = FACETS.map((name) => ({ name, wanted: query.tokens.get(name) }));
  const others = otherTests(rows, query, texts);
  const found: Found = { rows: [], counts: { verdict: new Map(), model: new Map(), flow: new Map(), decided: new Map() } };
  for (let row = 0; row < rows.count; row++) {
    if (!others.every((test) => test(row))) continue;
    const values = facets.map(({ name }) => rows.facet(name, row));
    const passed = facets.map(({ wanted }, at) => !wanted?.length || wanted.includes(values[at]));
    const failed = passed.filter((one) => !one).length;
    if (failed === 0) found.rows.push(row);
    facets.forEach(({ name }, at) => {
      if (failed === 0 || (failed === 1 && !passed[at])) {
        found.counts[name].set(values[at], (found.counts[name].get(values[at]) ?? 0) + 1);
      }
    });
  }
  return found;
}

// The terms of a filter that by themselves find no case, as they are typed.
export function lacking(rows: Rows, query: Query, texts: ReadonlySet<number> | null): string[] {
  const alone: [string, Query][] = [
    ...[...query.tokens].flatMap(([name, values]) =>
      values.map((value): [string, Query] => [writeQuery({ tokens: new Map([[name, [value]]]), words: [] }), { tokens: new Map([[name, [value]]]), words: [] }]),
    ),
    ...query.words.map((word): [string, Query] => [word, { tokens: new Map(), words: [word] }]),
  ];
  return alone.filter(([, one]) => !find(rows, one, texts).rows.length).map(([term]) => term);
}

function otherTests(rows: Rows, query: Query, texts: ReadonlySet<number> | null): Test[] {
  const { index } = rows;
  const { cases } = index;
  const tests: Test[] = [];
  const want = (name: string, test: (values: string[]) => Test) => {
    const values = query.tokens.get(name);
    if (values?.length) tests.push(test(values));
  };
  const inGroups = (test: (group: Index["groups"][number]) => boolean): Test => {
    const numbers = new Set(index.groups.flatMap((group, number) => (test(group) ? [number] : [])));
    return (row) => cases.groups[row].some((group) => numbers.has(group));
  };
  want("group", (ids) => inGroups((group) => ids.includes(group.id)));
  want("path", (paths) => inGroups((group) => paths.some((path) => group.path.startsWith(path))));
  want("kind", (kinds) => inGroups((group) => kinds.includes(group.kind)));
  want("case", (ids) => (row) => ids.includes(cases.case[row]));
  want("tag", (tags) => (row) => {
    const has = index.flows[cases.flow[row]].tags[cases.case[row]] ?? [];
    return tags.some((tag) => has.includes(tag));
  });
  if (query.tokens.get("text")?.length && texts) tests.push((row) => texts.has(row));
  if (query.words.length) tests.push((row) => query.words.every((word) => rows.haystack(row).includes(word)));
  return tests;
}
