// Foreign text and numbers as they are shown: nothing unseen stays unseen, nothing is more exact than it is known.

import type { ComponentChildren } from "preact";
import { visible, type Piece } from "./diff";
import { say, theme, type Theme } from "./state";
import { plain, verdictWords } from "./verdicts";

export { plain, verdictWords };

// Text of a model, a provider or a file.
export function T({ text, ends = true }: { text: string; ends?: boolean }) {
  return (
    <>
      {visible(text, ends).map((run, at) =>
        run.unseen ? (
          <span key={at} class="unseen" title={`an unseen character: ${run.unseen}`}>
            {run.unseen}
            {run.text === "\n" ? "\n" : ""}
          </span>
        ) : (
          run.text
        ),
      )}
    </>
  );
}

export function Pieces({ pieces }: { pieces: Piece[] }) {
  return (
    <>
      {pieces.map((piece, at) => {
        const text = <T text={piece.text} ends={at === pieces.length - 1} />;
        if (piece.kind === "removed") return <del key={at}>{text}</del>;
        if (piece.kind === "added") return <ins key={at}>{text}</ins>;
        return <span key={at}>{text}</span>;
      })}
    </>
  );
}


// Around what may be wider than the page: a table, a wide chart.
export const SCROLL = { class: "scroll", tabIndex: 0, role: "group", "aria-label": "scrolls sideways where it is narrow" } as const;

export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : nouns}`;
}

// A share in percent: one failure in ten thousand is not 100 %, one success is not 0 %.
export function percent(passed: number, total: number): string {
  if (!total) return "–";
  if (passed === 0 || passed === total) return passed ? "100%" : "0%";
  const tenths = Math.min(Math.max(Math.floor((passed * 1000) / total), 1), 999);
  return tenths % 10 ? `${(tenths / 10).toFixed(1)}%` : `${tenths / 10}%`;
}

// One decimal place of a figure that is not negative, rounded as the terminal does: of the ties that doubles have, at a
// quarter and at three, toFixed takes the first one up, and not to the even digit.
export const oneDecimal = (value: number) => ((value * 4) % 4 === 1 ? value - 0.05 : value).toFixed(1);

export function points(share: number): string {
  const value = share * 100;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

export function times(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return "–";
  return `${ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0)}×`;
}

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 9_950 ? `${Math.round(value).toLocaleString("en")} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 995 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 9_950 ? 2 : 1)} s`;
}

export function dollars(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  const amount = Number(value);
  if (amount === 0 || amount >= 0.01) return `$${amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return amount > 0 ? `$${amount.toFixed(1 - Math.floor(Math.log10(amount)))}` : `−${dollars(-amount)}`;
}

// `bounds` of an interval; one that n cannot give is said to be missing.
export function between(bounds: [number | null, number | null] | null, show: (value: number) => string): string {
  if (!bounds) return "no interval";
  const [low, high] = bounds;
  return `${low === null ? "no lower bound" : show(low)} to ${high === null ? "no upper bound" : show(high)}`;
}

export const day = (at: string) => at.slice(0, 10);
export const minute = (at: string) => at.slice(0, 16).replace("T", " ");

export function Pill({ kind, children }: { kind: string; children?: ComponentChildren }) {
  return <span class={`pill ${kind}`}>{children ?? verdictWords(kind)}</span>;
}

const GLYPHS: Record<string, string> = { safe: "✓", unsafe: "✕", insufficient: "?", unknown: "–" };

export function FlowVerdictPill({ verdict }: { verdict: string | null }) {
  const kind = verdict ?? "unknown";
  return (
    <span class={`pill verdict ${kind}`}>
      <span aria-hidden="true">{GLYPHS[kind] ?? "?"} </span>
      {verdict ?? "no verdict"}
    </span>
  );
}

export function Copy({ text, label = "copy" }: { text: string; label?: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("copied");
    } catch {
      say("the browser does not let this page copy: select the text instead");
    }
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()} title={text}>
      {label}
    </button>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <span class="command">
      <code>
        <T text={text} />
      </code>
      <Copy text={text} />
    </span>
  );
}

// Quoted for a POSIX shell.
export const shell = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export function Themes() {
  return (
    <>
      <label class="hidden" for="theme">
        Colours
      </label>
      <select id="theme" value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        <option value="auto">auto</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </>
  );
}
