// A page made of another command's JSON document: `route`, `canary plan`, `canary check`.

import { asCheck, asPlan, asRoute } from "../decided";
import type { Index, Json } from "../data";
import { plain, SCROLL, T } from "../words";
import { CanaryPage } from "./canary";
import { Lazy } from "./lazy";
import { RoutePage } from "./route";

// The pages there are: a plan and the check of it share one.
export function pagesOf(index: Index): { name: string; title: string }[] {
  const { route, canary, check } = index.pages;
  return [...(route ? [{ name: "route", title: "Route" }] : []), ...(canary || check ? [{ name: "canary", title: "Canary" }] : [])];
}

export function DocumentPage({ index, name }: { index: Index; name: string }) {
  const { route, canary, check } = index.pages;
  if (name === "route" && route) {
    const known = asRoute(route);
    return (
      <>
        {known ? <RoutePage index={index} document={known} /> : null}
        <Whole documents={{ "route --json": route }} open={!known} />
      </>
    );
  }
  if (name === "canary" && (canary || check)) {
    const [plan, checked] = [canary ? asPlan(canary) : null, check ? asCheck(check) : null];
    return (
      <>
        {plan || checked ? <CanaryPage index={index} plan={plan} checked={checked} /> : null}
        <Whole documents={{ ...(canary ? { "canary plan --json": canary } : {}), ...(check ? { "canary check --json": check } : {}) }} open={!plan && !checked} />
      </>
    );
  }
  return (
    <div class="page document">
      <h1>
        <T text={plain(name)} />
      </h1>
      <p>This report was made without it. It takes up the document where there is one: prompt-migrate report --page {name}=FILE.</p>
    </div>
  );
}

function Whole({ documents, open }: { documents: Record<string, Json>; open: boolean }) {
  return (
    <div class={`page document ${open ? "" : "whole"}`}>
      {open ? <h1>{Object.keys(documents).join(", ")}</h1> : null}
      {Object.entries(documents).map(([name, document]) => (
        <Lazy key={name} open={open} summary={<>Everything in the document of {name}</>}>
          {() => <Part value={document} />}
        </Lazy>
      ))}
    </div>
  );
}

type Entry = { [key: string]: Json };
const isEntry = (value: Json): value is Entry => value !== null && typeof value === "object" && !Array.isArray(value);
const isScalar = (value: Json) => value === null || typeof value !== "object";

function Part({ value }: { value: Json }) {
  if (Array.isArray(value)) {
    if (!value.length) return <p class="note">none</p>;
    if (value.every(isEntry)) return <Table rows={value as Entry[]} />;
    return (
      <ul>
        {value.map((item, at) => (
          <li key={at}>
            <Part value={item} />
          </li>
        ))}
      </ul>
    );
  }
  if (isEntry(value)) return <Members value={value} />;
  return <Scalar value={value} />;
}

function Members({ value }: { value: Entry }) {
  const plainOnes = Object.entries(value).filter(([, item]) => isScalar(item));
  const others = Object.entries(value).filter(([, item]) => !isScalar(item));
  return (
    <>
      {plainOnes.length ? (
        <dl>
          {plainOnes.map(([name, item]) => (
            <div key={name}>
              <dt>
                <T text={plain(name)} />
              </dt>
              <dd>
                <Scalar value={item} />
              </dd>
            </div>
          ))}
        </dl>
      ) : null}
      {others.map(([name, item]) => (
        <div key={name}>
          <h2>
            <T text={plain(name)} />
          </h2>
          <Part value={item} />
        </div>
      ))}
    </>
  );
}

function Table({ rows }: { rows: Entry[] }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div {...SCROLL}>
      <table class="plain">
        <thead>
          <tr>
            {names.map((name) => (
              <th scope="col" key={name}>
                <T text={plain(name)} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {names.map((name) => (
                <td key={name} class={typeof row[name] === "number" ? "number" : ""}>
                  <Cell value={row[name]} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ value }: { value: Json | undefined }) {
  if (value === undefined) return null;
  if (isScalar(value)) return <Scalar value={value} />;
  if (Array.isArray(value) && value.every(isScalar)) return <T text={value.map(String).join(", ")} />;
  return (
    <details>
      <summary>show</summary>
      <Part value={value} />
    </details>
  );
}

function Scalar({ value }: { value: Json }) {
  if (value === null) return <span class="note">unknown</span>;
  if (typeof value === "boolean") return <>{value ? "yes" : "no"}</>;
  if (typeof value === "number") return <>{Number.isInteger(value) ? value.toLocaleString("en") : Number(value.toPrecision(4)).toString()}</>;
  return <T text={String(value)} />;
}
