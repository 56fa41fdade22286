// What people said of a blind sample, beside the rules: never alone, with n and interval.

import type { Agreement, Evidence, Index, Mean } from "../data";
import { counted, T } from "../words";

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const mean = ({ mean, interval, n }: Mean) => `${signed(mean)} [${signed(interval[0])}, ${signed(interval[1])}], n ${n}`;
const alpha = ({ alpha, interval, n }: Agreement) =>
  alpha === null ? `unknown, n ${n}` : `${alpha.toFixed(2)}${interval ? ` [${interval[0].toFixed(2)}, ${interval[1].toFixed(2)}]` : ", no interval"}, n ${n}`;

export function People({ evidence }: { evidence: Evidence[] }) {
  const rated = evidence.filter((one) => one.people);
  if (!rated.length) {
    return (
      <p class="note">
        Nobody was asked. <code>prompt-migrate review --rate</code> shows a blind sample of the pairs that differ, with{" "}
        <code>--web</code> on a page.
      </p>
    );
  }
  return (
    <>
      <p class="note">
        People saw a blind sample of the pairs that differ; the rules saw every case. Neither stands alone. Intervals are of 95 % over cases; agreement is
        Krippendorff's alpha, over pairs that two or more rated.
      </p>
      <div class="scroll" tabIndex={0}>
        <table class="plain people">
          <thead>
            <tr>
              <th scope="col">candidate</th>
              <th scope="col">rated</th>
              <th scope="col">preferred: candidate / tie / baseline</th>
              <th scope="col">preference (1: candidate)</th>
              <th scope="col">correct, 1 to 5</th>
              <th scope="col">agreement: preference; marks</th>
              <th scope="col">rules flag, no worse to people</th>
              <th scope="col">rules pass, worse to people</th>
            </tr>
          </thead>
          <tbody>
            {rated.map(({ candidate, people }) => (
              <tr key={candidate}>
                <th scope="row">
                  <T text={candidate} />
                </th>
                <td>
                  {people!.cases} of {counted(people!.of, "pair")}, {counted(people!.ratings, "rating")} by <T text={people!.raters.join(", ")} />
                  {people!.outdated ? `; ${counted(people!.outdated, "rating")} of other answers left out` : ""}
                </td>
                <td>
                  {people!.preferred.candidate} / {people!.preferred.tie} / {people!.preferred.baseline}
                </td>
                <td>{mean(people!.preference)}</td>
                <td>
                  {people!.correctness.baseline.toFixed(1)} → {people!.correctness.candidate.toFixed(1)}: {mean(people!.correctness.difference)}
                </td>
                <td>
                  {alpha(people!.agreement.preference)}; {alpha(people!.agreement.correctness)}
                </td>
                <td>
                  {people!.automatic.flagged.no_worse_to_people} of {people!.automatic.flagged.cases}
                </td>
                <td>
                  {people!.automatic.passed.worse_to_people} of {people!.automatic.passed.cases}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

// What people said of one case, beside its verdict; nothing where nobody was asked.
export function Said({ index, row }: { index: Index; row: number }) {
  const { cases } = index;
  const mine = index.people.find((one) => one.case === cases.case[row] && one.flow === cases.flow[row] && one.candidate === cases.candidate[row]);
  if (!mine) return null;
  const [before, after] = mine.correct;
  const better = mine.preference > 0 ? "candidate" : mine.preference < 0 ? "baseline" : "neither";
  return (
    <p class="people-said">
      People (<T text={mine.raters.join(", ")} />) prefer <b>{better}</b>, {signed(mine.preference)} from −1 to 1; correct {before.toFixed(1)} → {after.toFixed(1)} of 5
    </p>
  );
}
