// The page: unpack the index, follow the hash, listen to keys.

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { listenForChunks, openIndex, type Index } from "./data";
import { KEYS, listenToKeys } from "./keys";
import { keepPlaces } from "./scrolling";
import { searchTexts } from "./search";
import { decidedCount, earlierCount, follow, hashOf, helpOpen, index, keepDecisions, keepTheme, openRows, printing, route, said, type View } from "./state";
import { Cases, nameGroups, orderChips } from "./views/cases";
import { Decisions } from "./views/decisions";
import { Question, useReport } from "./views/deciding";
import { DocumentPage, pagesOf } from "./views/document";
import { FlowPage } from "./views/flow";
import { Overview } from "./views/overview";
import { Rating, startRating } from "./views/rating";
import { T, Themes } from "./words";
import { follow as followWriter, Status } from "./writer";

function App({ report }: { report: Index }) {
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to content
      </a>
      <Header report={report} />
      <main id="main" tabIndex={-1} class={route.value.view}>
        <Page report={report} />
      </main>
      <div class="said" role="status" aria-live="polite">
        {said.value}
      </div>
      <Question index={report} />
      <Help />
    </>
  );
}

function Page({ report }: { report: Index }) {
  const { view, name } = route.value;
  if (view === "flow") return <FlowPage index={report} name={name} />;
  if (view === "cases") return <Cases index={report} />;
  if (view === "decisions") return <Decisions index={report} />;
  if (view === "page") return <DocumentPage index={report} name={name} />;
  return <Overview index={report} />;
}

function Header({ report }: { report: Index }) {
  const baselines = [...new Set(report.evidence.map((one) => one.baseline))].join(", ");
  const tab = (view: View, text: string, count?: string, name = "") => {
    const current = route.value.view === view && (view !== "page" || route.value.name === name);
    return (
      <a key={text} href={hashOf(view, name)} aria-current={current ? "page" : undefined}>
        {text}
        {count === undefined ? null : <b> {count}</b>}
      </a>
    );
  };
  return (
    <header class="bar">
      <div class="brand">
        <b>prompt-migrate</b>
        <span class="models" title={`run ${report.run.id}`}>
          <T text={baselines} /> → <T text={report.candidates.join(", ")} />
        </span>
        <Status />
        {report.simulated ? (
          <span class="pill simulated" title="the simulated provider answered: this shows the tool, not a model">
            simulated
          </span>
        ) : null}
      </div>
      <nav aria-label="Views">
        {tab("overview", "Overview")}
        {tab("cases", "Cases", `${openRows.value.length.toLocaleString("en")} undecided`)}
        {tab("decisions", "Decisions", (decidedCount.value + earlierCount.value).toLocaleString("en"))}
        {pagesOf(report).map(({ name, title }) => tab("page", title, undefined, name))}
      </nav>
      <div class="tools">
        <Themes />
        <button type="button" class="quiet" onClick={() => (helpOpen.value = true)}>
          keys <kbd>?</kbd>
        </button>
      </div>
      <p class="on-paper">
        run {report.run.id}, {report.run.started_at}
        {report.simulated ? ", simulated" : ""}; filter: {route.value.params.get("q") ?? "none"}
      </p>
    </header>
  );
}

function Help() {
  const box = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open && box.current && !box.current.open) box.current.showModal();
  }, [open]);
  if (!open) return null;
  return (
    <dialog ref={box} class="help" aria-labelledby="help" onClose={() => (helpOpen.value = false)}>
      <h2 id="help">Keys</h2>
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="note">
        Filters: words, or <code>flow:</code> <code>model:</code> <code>verdict:</code> <code>decided:</code> <code>group:</code> <code>path:</code>{" "}
        <code>kind:</code> <code>tag:</code> <code>case:</code>, and <code>text:</code> for words in answers and prompts.
      </p>
      <button type="button" onClick={() => (helpOpen.value = false)}>
        close
      </button>
    </dialog>
  );
}

async function start(): Promise<void> {
  const root = document.getElementById("app")!;
  try {
    if (document.documentElement.dataset.writer === "ratings") {
      keepTheme();
      await startRating();
      root.replaceChildren();
      render(<Rating />, root);
      return ready();
    }
    listenForChunks();
    const report = await openIndex();
    index.value = report;
    useReport(report);
    nameGroups(report);
    orderChips(report);
    keepTheme();
    keepDecisions();
    await followWriter(report);
    follow();
    listenToKeys();
    searchTexts();
    addEventListener("beforeprint", () => (printing.value = true));
    addEventListener("afterprint", () => (printing.value = false));
    root.replaceChildren();
    render(<App report={report} />, root);
    keepPlaces();
    ready();
  } catch (error) {
    root.textContent = `This report cannot be opened: ${String(error)}. It needs a browser of 2023 or newer.`;
  }
}

function ready(): void {
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

void start();
