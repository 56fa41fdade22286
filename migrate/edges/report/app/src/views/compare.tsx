// Two answers side by side, or one under the other: JSON by path, text by line, words marked inside what changed.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { diffLines, diffTree, diffWords, parseAnswer, pretty, type Line, type Node, type Value } from "../diff";
import { counted, Pieces, T } from "../words";

interface Sides {
  before: string | null;
  after: string | null;
}

export function Compare({ before, after, raw, keys }: Sides & { raw: boolean; keys: Map<string, string> }) {
  const parsed = useMemo(() => (raw ? null : [parseAnswer(before), parseAnswer(after)]), [before, after, raw]);
  if (raw) return <Raw before={before} after={after} />;
  const [one, other] = parsed!;
  if (one && other) {
    return (
      <>
        {one.fenced || other.fenced ? <Fences before={one.fenced} after={other.fenced} /> : null}
        <Tree root={diffTree(one.value, other.value, keys)} />
      </>
    );
  }
  if (lacks(before) || lacks(after)) return <Alone before={before} after={after} />;
  return <TextDiff before={before!} after={after!} />;
}

// Why there is nothing to read in a text; empty where there is something.
const lacks = (text: string | null) => (text === null ? "no text" : text === "" ? "empty" : text.trim() === "" ? "only blanks" : "");

// Where one side has no words there is nothing to mark.
function Alone({ before, after }: Sides) {
  const told = ([["The golden answer", before], ["The candidate's answer", after]] as const).filter(([, text]) => text !== null && lacks(text));
  return (
    <>
      {told.map(([whose, text]) => (
        <p class="note" key={whose}>
          {whose} {text ? "has only blanks" : "is empty"}.
        </p>
      ))}
      <div class="two">
        <div class="prose before">
          <Whole text={before} />
        </div>
        <div class="prose after">
          <Whole text={after} />
        </div>
      </div>
    </>
  );
}

function Whole({ text }: { text: string | null }) {
  return (
    <>
      {lacks(text) ? <i class="note">{lacks(text)}</i> : null}
      {text ? <Text text={text} /> : null}
    </>
  );
}

function Fences({ before, after }: { before: boolean; after: boolean }) {
  const who = before && after ? "Both answers stand" : before ? "The golden stands" : "The candidate's answer stands";
  return <p class="warning">{who} in a code fence (```): compared inside it. The raw text is one key away (x).</p>;
}

function Raw({ before, after }: Sides) {
  return (
    <div class="two">
      <pre tabIndex={0} aria-label="golden, raw text">{before ? <T text={before} /> : <i class="note">{lacks(before)}</i>}</pre>
      <pre tabIndex={0} aria-label="candidate, raw text">{after ? <T text={after} /> : <i class="note">{lacks(after)}</i>}</pre>
    </div>
  );
}

// --- JSON -------------------------------------------------------------------------------------------------------

export function Tree({ root }: { root: Node }) {
  if (root.change === "same") return <Same root={root} />;
  return (
    <div class="tree" role="table" aria-label="Changes by path">
      <TreeNode node={root} depth={0} top />
    </div>
  );
}

function Same({ root }: { root: Node }) {
  const [shown, show] = useState(false);
  return (
    <div class="same">
      <p class="note">
        Equal as JSON: {counted(root.equal, "value")}.{" "}
        <button type="button" class="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
          {shown ? "hide" : "show"}
        </button>
      </p>
      {shown ? (
        <pre>
          <T text={pretty(root.before ?? null)} />
        </pre>
      ) : null}
    </div>
  );
}

function TreeNode({ node, depth, top = false }: { node: Node; depth: number; top?: boolean }) {
  if (node.children) {
    const parts = folded(node.children);
    return (
      <>
        {top ? null : (
          <div class="tree-row branch" role="row">
            <Key node={node} depth={depth} />
            <span role="cell" class="note">
              {counted(node.different, "change")}
            </span>
            <span role="cell" class="note">
              {node.equal ? `${counted(node.equal, "equal value")}` : ""}
            </span>
          </div>
        )}
        {parts.map((part) =>
          Array.isArray(part) ? (
            <Fold key={part[0].path} nodes={part} depth={top ? depth : depth + 1} />
          ) : (
            <TreeNode key={part.path} node={part} depth={top ? depth : depth + 1} />
          ),
        )}
      </>
    );
  }
  return <Leaf node={node} depth={depth} />;
}

// Neighbours that are equal fold into one line.
function folded(children: Node[]): (Node | Node[])[] {
  const parts: (Node | Node[])[] = [];
  for (const child of children) {
    const last = parts[parts.length - 1];
    if (child.change !== "same") parts.push(child);
    else if (Array.isArray(last)) last.push(child);
    else parts.push([child]);
  }
  return parts;
}

function Fold({ nodes, depth }: { nodes: Node[]; depth: number }) {
  const [shown, show] = useState(false);
  const values = nodes.reduce((sum, node) => sum + node.equal, 0);
  const names = nodes.map((node) => node.key).join(", ");
  return (
    <>
      <div class="tree-row fold" role="row">
        <span role="cell" class={`key d${Math.min(depth, 8)}`}>
          <button type="button" class="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
            {shown ? "▾" : "▸"} {counted(values, "equal value")}
          </button>{" "}
          <span class="note names">
            <T text={names.length > 70 ? `${names.slice(0, 70)}…` : names} />
          </span>
        </span>
      </div>
      {shown ? nodes.map((node) => <Leaf key={node.path} node={node} depth={depth} />) : null}
    </>
  );
}

function Key({ node, depth }: { node: Node; depth: number }) {
  return (
    <span role="rowheader" class={`key d${Math.min(depth, 8)}`} title={node.path}>
      <T text={node.key} />
    </span>
  );
}

const GLYPH = { same: "", changed: "≠", type: "≠", added: "+", removed: "−" };

function Leaf({ node, depth }: { node: Node; depth: number }) {
  const { before, after, change } = node;
  const words = useMemo(
    () => (change === "changed" && typeof before === "string" && typeof after === "string" ? diffWords(before, after) : null),
    [node],
  );
  const side = (value: Value | undefined, which: "before" | "after"): ComponentChildren => {
    if (value === undefined) return <i class="note">absent</i>;
    if (words) return <Pieces pieces={words[which]} />;
    const text = <Shown value={value} />;
    if (change === "same") return text;
    return which === "before" ? <del>{text}</del> : <ins>{text}</ins>;
  };
  return (
    <div class={`tree-row leaf ${change}`} role="row">
      <span role="rowheader" class={`key d${Math.min(depth, 8)}`} title={node.path}>
        <span class="glyph" aria-label={change === "same" ? "equal" : change === "type" ? "type changed" : change}>
          {GLYPH[change]}
        </span>
        <T text={node.key} />
      </span>
      <span role="cell" class="value before">
        {side(before, "before")}
      </span>
      <span role="cell" class="value after">
        {side(after, "after")}
        {words?.rewritten ? <small class="note"> rewritten</small> : null}
      </span>
    </div>
  );
}

function Shown({ value }: { value: Value }) {
  return <T text={typeof value === "string" ? `"${value}"` : pretty(value)} />;
}

// --- Text -------------------------------------------------------------------------------------------------------

const CONTEXT = 1;

export function TextDiff({ before, after }: { before: string; after: string }) {
  const whole = useMemo(() => diffWords(before, after), [before, after]);
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  if (before === after) return <p class="note">Equal, character by character. <Text text={before} /></p>;
  if (whole.rewritten) {
    return (
      <>
        <p class="note">Rewritten: more than 60% of it differs, so nothing is marked.</p>
        <div class="two">
          <div class="prose before">
            <Text text={before} />
          </div>
          <div class="prose after">
            <Text text={after} />
          </div>
        </div>
      </>
    );
  }
  return (
    <div class="lines">
      {foldedLines(lines).map((part, at) =>
        Array.isArray(part) ? <EqualLines key={at} lines={part} /> : <ChangedLine key={at} line={part} />,
      )}
    </div>
  );
}

const Text = ({ text }: { text: string }) => (
  <>
    {text.split("\n").map((line, at) => (
      <p key={at}>{line ? <T text={line} /> : "\u00a0"}</p>
    ))}
  </>
);

function foldedLines(lines: Line[]): (Line | Line[])[] {
  const parts: (Line | Line[])[] = [];
  let run: Line[] = [];
  const flush = () => {
    if (run.length > 2 * CONTEXT + 1) parts.push(...run.slice(0, CONTEXT), run.slice(CONTEXT, -CONTEXT), ...run.slice(-CONTEXT));
    else parts.push(...run);
    run = [];
  };
  for (const line of lines) {
    if (line.same) run.push(line);
    else {
      flush();
      parts.push(line);
    }
  }
  flush();
  return parts;
}

function EqualLines({ lines }: { lines: Line[] }) {
  const [shown, show] = useState(false);
  return (
    <>
      <div class="line fold">
        <button type="button" class="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
          {shown ? "▾" : "▸"} {counted(lines.length, "equal line")}
        </button>
      </div>
      {shown ? lines.map((line, at) => <ChangedLine key={at} line={line} />) : null}
    </>
  );
}

function ChangedLine({ line }: { line: Line }) {
  const { before, after, same } = line;
  const words = useMemo(() => (!same && before !== undefined && after !== undefined ? diffWords(before, after) : null), [line]);
  const side = (text: string | undefined, which: "before" | "after") => {
    if (text === undefined) return null;
    if (same) return <T text={text || " "} ends={text !== ""} />;
    if (words && !words.rewritten) return <Pieces pieces={words[which]} />;
    const all = <T text={text || " "} ends={text !== ""} />;
    return which === "before" ? <del>{all}</del> : <ins>{all}</ins>;
  };
  const missing = (text: string | undefined) => (text === undefined ? "missing" : "");
  return (
    <div class={`line ${same ? "same" : "differs"}`}>
      <p class={`before ${missing(before)}`}>{side(before, "before")}</p>
      {same ? <p class="after twin">{side(after, "after")}</p> : <p class={`after ${missing(after)}`}>{side(after, "after")}</p>}
    </div>
  );
}

