// Every call of every sample of both sides, with what it took and cost, on one scale of time.

import { useState } from "preact/hooks";
import type { Call, Sample } from "../data";
import { spansOf } from "../spans";
import { counted, dollars, plain, SCROLL, seconds, T } from "../words";
import { Lazy } from "./lazy";

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
  const spans = sides.map((side) => side.samples.map(spansOf));
  const longest = Math.max(1, ...spans.flat().map((one) => (one.kind === "order" ? 0 : one.length)));
  return (
    <Lazy class="timeline" summary={<>Every call of every sample <span class="note">time, tokens and cost</span></>}>
      {() => (
        <div {...SCROLL}>
          <table class="plain">
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
            {sides.map((side, which) => (
              <tbody key={side.name}>
                <tr class="side">
                  <th colSpan={8} scope="rowgroup">
                    <T text={side.name} />
                  </th>
                </tr>
                {side.samples.flatMap((sample, place) =>
                  sample.calls.map((call, at) => {
                    const { kind, bars } = spans[which][place];
                    const from = kind === "order" ? at / sample.calls.length : bars[at].from / longest;
                    return <CallRow key={`${sample.index} ${at}`} sample={sample} call={call} at={at} from={from} longest={longest} texts={texts} />;
                  }),
                )}
              </tbody>
            ))}
          </table>
        </div>
      )}
    </Lazy>
  );
}

interface RowProps {
  sample: Sample;
  call: Call;
  at: number;
  // Where its bar begins, as a share of the whole.
  from: number;
  longest: number;
  texts: string[];
}

function CallRow({ sample, call, at, from, longest, texts }: RowProps) {
  const [shown, show] = useState(false);
  const inner = call.answer;
  return (
    <>
      <tr>
        {at === 0 ? <th scope="row">{sample.index}</th> : <td />}
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
            <rect class="kept" x={from * 100} width={Math.max(((call.ms ?? 0) / longest) * 100, 0.5)} height="8" />
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
