// A page made of another command's JSON document (`route`, `canary plan`): its tables as tables, the rest as lists.

import type { Index, Json } from "../data";
import { Pictures } from "../pictures";
import { plain, T } from "../words";

export function DocumentPage({ index, name }: { index: Index; name: string }) {
  const content = index.pages[name];
  return (
    <div class="page document">
      <h1>
        <T text={TITLES[name] ?? plain(name)} />
      </h1>
      {content === undefined ? (
        <p>This report was made without it. It takes up the document where there is one: prompt-migrate report --page {name}=FILE.</p>
      ) : (
        <>
          <Pictures content={content} />
          <Part value={content} />
        </>
      )}
    </div>
  );
}

export const TITLES: Record<string, string> = { route: "Route: the cheapest satisfactory model a flow", canary: "Canary", check: "Canary check" };

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
        <section key={name} aria-label={plain(name)}>
          <h2>
            <T text={plain(name)} />
          </h2>
          <Part value={item} />
        </section>
      ))}
    </>
  );
}

function Table({ rows }: { rows: Entry[] }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="scrolls sideways where it is narrow">
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
