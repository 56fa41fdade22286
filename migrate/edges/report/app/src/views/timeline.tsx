// The calls of both sides: for one call a row a sample, for several a timeline of each sample.

import { useState } from "preact/hooks";
import type { Call, Sample } from "../data";
import { counted, dollars, plain, seconds, T } from "../words";

interface Props {
  golden: Sample[];
  candidate: Sample[];
  texts: string[];
  names: [string, string];
}

export function Timeline({ golden, candidate, texts, names }: Props) {
  const sides = [
    { name: `golden, ${names[0]}`, samples: golden },
    { name: names[1], samples: candidate },
  ];
  const longest = Math.max(1, ...sides.flatMap((side) => side.samples.map((sample) => total(sample))));
  const chained = sides.some((side) => side.samples.some((sample) => sample.calls.length > 1));
  return (
    <details class="timeline" open={chained}>
      <summary>
        {chained ? "Timeline of calls" : "Every sample"}{" "}
        <span class="note">bars: request to last byte, one scale for both sides; waiting for limits is not in them</span>
      </summary>
      {sides.map((side) => (
        <table class="plain" key={side.name}>
          <caption>
            <T text={side.name} />
          </caption>
          <thead>
            <tr>
              <th scope="col">sample</th>
              <th scope="col">call</th>
              <th scope="col">served by</th>
              <th scope="col">time</th>
              <th scope="col">first token</th>
              <th scope="col">tokens in, out</th>
              <th scope="col">cost</th>
              <th scope="col">from</th>
            </tr>
          </thead>
          <tbody>
            {side.samples.flatMap((sample) => sample.calls.map((call, at) => <CallRow key={`${sample.index} ${at}`} sample={sample} call={call} at={at} longest={longest} texts={texts} />))}
          </tbody>
        </table>
      ))}
    </details>
  );
}

const total = (sample: Sample) => sample.calls.reduce((sum, call) => sum + (call.ms ?? 0), 0);

interface RowProps {
  sample: Sample;
  call: Call;
  at: number;
  longest: number;
  texts: string[];
}

function CallRow({ sample, call, at, longest, texts }: RowProps) {
  const [shown, show] = useState(false);
  const before = sample.calls.slice(0, at).reduce((sum, one) => sum + (one.ms ?? 0), 0);
  const inner = call.answer;
  return (
    <>
      <tr>
        <th scope="row">{at === 0 ? sample.index : ""}</th>
        <td>
          {call.ordinal + 1}
          {call.step ? <> <T text={call.step} /></> : null}
          {inner ? (
            <button type="button" class="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
              answer
            </button>
          ) : null}
        </td>
        <td>
          <T text={call.served ?? call.model ?? ""} />
          {call.no_reply ? <b class="count breaking"> {plain(call.no_reply.kind)}</b> : null}
        </td>
        <td class="time">
          <svg class="span" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="rest" width="100" height="8" />
            <rect class="kept" x={(before / longest) * 100} width={Math.max(((call.ms ?? 0) / longest) * 100, 0.5)} height="8" />
          </svg>
          {seconds(call.ms)}
          {call.waited_ms ? <small> +{seconds(call.waited_ms)} waiting</small> : null}
        </td>
        <td class="number">{seconds(call.first_ms)}</td>
        <td class="number">
          {call.input ?? "?"}
          {call.cached ? ` (${call.cached} cached)` : ""}, {call.output ?? "?"}
        </td>
        <td class="number">{dollars(call.usd)}</td>
        <td>
          {call.source ?? ""} {call.at ? <small>{call.at.slice(0, 16).replace("T", " ")}</small> : null}
        </td>
      </tr>
      {shown && inner ? (
        <tr>
          <td colSpan={8}>
            {inner.text === null ? null : (
              <pre>
                <T text={texts[inner.text]} />
              </pre>
            )}
            {(inner.tools ?? []).map(([name, number], place) => (
              <pre key={place}>
                <T text={`${name}(${texts[number]})`} />
              </pre>
            ))}
            {inner.text === null && !inner.tools?.length ? <span class="note">{counted(0, "answer")}</span> : null}
          </td>
        </tr>
      ) : null}
    </>
  );
}
