// The list of cases, worst first, and the case that is open beside it.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Index } from "../data";
import { DECIDED_ORDER, FACETS, lacking, parseQuery, type Facet } from "../rows";
import { keepListTop, listTop } from "../scrolling";
import { filter, found, nameOf, hashOf, open, openWords, printing, put, query, route, rows as allRows, searching, selected, standing, textRows, toggle } from "../state";
import { counted, plain, SCROLL, T, verdictWords } from "../words";
import { CaseView } from "./case";

export const ROW_HEIGHT = 46;
const OVERSCAN = 5;
const TABLE_PAGE = 200;
const PRINTED = 500;

export function Cases({ index }: { index: Index }) {
  const row = selected.value;
  // On paper the list is a table, and a case that is open is alone.
  const table = route.value.params.get("view") === "table" || (printing.value && row < 0);
  return (
    <div class={`cases ${table ? "as-table" : row >= 0 ? "with-case" : ""}`}>
      <div class="finder">
        {row < 0 || table ? <h1 class="hidden">Cases</h1> : null}
        <Search />
        <Chips />
        <Tally index={index} />
        {table ? <PlainTable index={index} /> : <List index={index} />}
      </div>
      {table ? null : row >= 0 ? <CaseView index={index} row={row} /> : <Hint />}
    </div>
  );
}

function Hint() {
  return (
    <div class="hint">
      <p>
        Open a case: <kbd>n</kbd> goes to the next undecided one, <kbd>?</kbd> shows all keys.
      </p>
    </div>
  );
}

function Search() {
  return (
    <div class="search">
      <label class="hidden" for="q">
        Filter cases
      </label>
      <input
        id="q"
        type="search"
        value={filter.value}
        placeholder="Filter: words, kind:, text:, tag: …"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => put({ q: event.currentTarget.value || null })}
        // The keys are the page's again.
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
      />
      {searching.value ? (
        <span class="note" role="status">
          searching {searching.value.done} of {searching.value.all}
        </span>
      ) : null}
    </div>
  );
}

const TITLES: Record<Facet, string> = { verdict: "Verdict", model: "Candidate", flow: "Flow", decided: "Decided" };
const MANY: Record<Facet, number> = { verdict: 12, model: 6, flow: 4, decided: 8 };

function Chips() {
  const { tokens } = query.value;
  const others = ["group", "path", "kind", "tag", "case", "text"].flatMap((name) => (tokens.get(name) ?? []).map((value) => ({ name, value })));
  return (
    <div class="chips">
      {FACETS.map((name) => (
        <ChipRow key={name} name={name} chosen={tokens.get(name) ?? []} />
      ))}
      {others.length ? (
        <div class="chip-row" role="group" aria-label="Other filters">
          {others.map(({ name, value }) => (
            <button type="button" class="chip on" aria-pressed="true" key={`${name} ${value}`} onClick={() => toggle(name, value)}>
              {name}: <T text={name === "group" ? groupTitle(value) : name === "kind" ? plain(value) : value} /> <span aria-hidden="true">×</span>
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

let titles: Map<string, string> | null = null;
function groupTitle(id: string): string {
  titles ??= new Map();
  return titles.get(id) ?? id;
}
export function nameGroups(index: Index): void {
  titles = new Map(index.groups.map((group) => [group.id, `${group.title} (${group.flow})`]));
}

function ChipRow({ name, chosen }: { name: Facet; chosen: string[] }) {
  const [all, setAll] = useState(false);
  const counts = found.value.counts[name];
  const known = [...new Set([...order(name), ...chosen])].filter((value) => counts.has(value) || chosen.includes(value));
  const values = [...chosen, ...known.filter((value) => !chosen.includes(value))];
  if (values.length < 2 && !chosen.length) return null;
  const shown = all ? values : values.slice(0, MANY[name]);
  return (
    <div class="chip-row" role="group" aria-label={TITLES[name]}>
      {shown.map((value) => (
        <button
          type="button"
          key={value}
          class={`chip ${chosen.includes(value) ? "on" : ""} ${name === "verdict" ? value : ""}`}
          aria-pressed={chosen.includes(value)}
          onClick={() => toggle(name, value)}
        >
          <T text={value === "none" ? "nothing to decide" : verdictWords(value)} /> <b>{counts.get(value) ?? 0}</b>
        </button>
      ))}
      {values.length > shown.length ? (
        <button type="button" class="chip more" onClick={() => setAll(true)}>
          {values.length - shown.length} more
        </button>
      ) : null}
    </div>
  );
}

let orders: Record<Facet, string[]> = { verdict: [], model: [], flow: [], decided: [] };
export function orderChips(index: Index): void {
  orders = {
    verdict: index.verdicts,
    model: index.candidates,
    flow: index.flows.map((flow) => flow.name),
    decided: DECIDED_ORDER,
  };
}
const order = (name: Facet) => orders[name];

function Tally({ index }: { index: Index }) {
  const { rows } = found.value;
  const all = index.cases.case.length;
  const table = route.value.params.get("view") === "table";
  return (
    <p class="tally-line">
      <span role="status" aria-live="polite">
        {rows.length === all ? counted(all, "case") : `${rows.length.toLocaleString("en")} of ${counted(all, "case")}`}, {openWords(rows)}
      </span>
      <button type="button" class="quiet" aria-pressed={table} onClick={() => put({ view: table ? null : "table" })}>
        {table ? "list" : "plain table"}
      </button>
      {filter.value ? (
        <button type="button" class="quiet" onClick={() => put({ q: null })}>
          clear filter
        </button>
      ) : null}
    </p>
  );
}

function List({ index }: { index: Index }) {
  const { rows } = found.value;
  const box = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState({ top: 0, height: 700 });
  const at = rows.indexOf(selected.value);

  useLayoutEffect(() => {
    const element = box.current!;
    element.scrollTop = listTop();
    const measure = () => setSpan({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    const element = box.current!;
    if (at < 0) return;
    const top = at * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = Math.max(top - ROW_HEIGHT, 0);
    else if (top + ROW_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top - element.clientHeight + 2 * ROW_HEIGHT;
  }, [at]);

  const first = Math.max(Math.floor(span.top / ROW_HEIGHT) - OVERSCAN, 0);
  const last = Math.min(Math.ceil((span.top + span.height) / ROW_HEIGHT) + OVERSCAN, rows.length);
  return (
    <div
      class="list"
      ref={box}
      tabIndex={0}
      role="listbox"
      aria-label="Cases, worst first"
      aria-activedescendant={at >= first && at < last ? `row-${rows[at]}` : undefined}
      onScroll={({ currentTarget: { scrollTop: top, clientHeight: height } }) => (keepListTop(top), setSpan({ top, height }))}
    >
      <div class="all" style={{ height: `${rows.length * ROW_HEIGHT}px` }} role="presentation">
        {rows.slice(first, last).map((row, offset) => (
          <ListRow key={row} index={index} row={row} at={first + offset} all={rows.length} open={row === selected.value} />
        ))}
      </div>
      {rows.length ? null : <Nothing />}
    </div>
  );
}

// Which part of a filter is to blame.
function Nothing() {
  if (searching.value) return <p class="note none">Nothing found yet.</p>;
  const typed = parseQuery(filter.value);
  const terms = lacking(allRows.value!, query.value, textRows.value);
  const several = [...typed.tokens.values()].flat().length + typed.words.length > 1;
  return (
    <p class="note none">
      No case passes this filter.{" "}
      {terms.length ? (
        <>
          <b>
            <T text={terms.join(", ")} />
          </b>{" "}
          {terms.length === 1 ? "finds nothing by itself" : "find nothing, each by itself"}; <kbd>?</kbd> lists what can be asked for.
        </>
      ) : several ? (
        "Each of its terms finds some, but no case has all of them."
      ) : null}
    </p>
  );
}

function ListRow({ index, row, at, all, open: isOpened }: { index: Index; row: number; at: number; all: number; open: boolean }) {
  const { cases } = index;
  const verdict = index.verdicts[cases.verdict[row]];
  const decided = standing(row);
  return (
    <div
      id={`row-${row}`}
      class={`row ${verdict} ${isOpened ? "open" : ""}`}
      style={{ transform: `translateY(${at * ROW_HEIGHT}px)` }}
      role="option"
      aria-selected={isOpened}
      aria-setsize={all}
      aria-posinset={at + 1}
      onClick={() => open(row)}
    >
      <span class="case-name">
        <T text={cases.case[row]} />
      </span>
      <span class={`state ${decided}`}>{decided === "none" || decided === "undecided" ? verdictWords(verdict) : decided}</span>
      <span class="about">
        <T text={`${index.flows[cases.flow[row]].name} · ${index.candidates[cases.candidate[row]]}${cases.title[row] ? ` · ${cases.title[row]}` : ""}`} />
      </span>
    </div>
  );
}

// All rows as a real table: for screen readers, for the browser's own search, and for paper.
function PlainTable({ index }: { index: Index }) {
  const { rows } = found.value;
  const page = Number(route.value.params.get("page") ?? "0");
  const size = printing.value ? PRINTED : TABLE_PAGE;
  const pages = Math.max(Math.ceil(rows.length / size), 1);
  const from = printing.value ? 0 : Math.min(page, pages - 1) * size;
  const { cases } = index;
  return (
    <div class="plain-cases">
      <div {...SCROLL}>
        <table class="plain" aria-rowcount={rows.length + 1}>
          <caption>
            Cases {rows.length ? from + 1 : 0} to {Math.min(from + size, rows.length)} of {rows.length}, worst first
          </caption>
          <thead>
            <tr>
              <th scope="col">case</th>
              <th scope="col">flow</th>
              <th scope="col">candidate</th>
              <th scope="col">verdict</th>
              <th scope="col">worst finding</th>
              <th scope="col">samples</th>
              <th scope="col">decided</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(from, from + size).map((row, at) => (
              <tr key={row} aria-rowindex={from + at + 2}>
                <th scope="row">
                  <a href={hashOf("cases", "", { q: filter.value, c: nameOf(row) })}>
                    <T text={cases.case[row]} />
                  </a>
                </th>
                <td>
                  <T text={index.flows[cases.flow[row]].name} />
                </td>
                <td>
                  <T text={index.candidates[cases.candidate[row]]} />
                </td>
                <td>{verdictWords(index.verdicts[cases.verdict[row]])}</td>
                <td class="path">
                  <T text={cases.title[row]} />
                </td>
                <td class="number">
                  {cases.samples[row][0]} of {cases.samples[row][1]}
                </td>
                <td>{standing(row) === "none" ? "" : standing(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && !printing.value ? (
        <nav class="pager" aria-label="Pages of the table">
          <button type="button" disabled={page <= 0} onClick={() => put({ page: String(page - 1) })}>
            previous
          </button>
          <span>
            page {Math.min(page, pages - 1) + 1} of {pages}
          </span>
          <button type="button" disabled={page >= pages - 1} onClick={() => put({ page: String(page + 1) })}>
            next
          </button>
        </nav>
      ) : null}
      {printing.value && rows.length > PRINTED ? <p class="note">and {counted(rows.length - PRINTED, "more case")}, not printed</p> : null}
    </div>
  );
}
