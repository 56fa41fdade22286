"""Rating, pair by pair: what one rater is shown, what was rated before, and ratings in terms of who answered.

Nothing here says which answer is whose before a rating is kept; terminal, options and page all keep it through this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Literal

from migrate.errors import UsageProblem, did_you_mean
from migrate.reviewing import Pair, Sample
from migrate.vocabulary import Rating, Side

Preferred = Literal["a", "b", "tie"]
"""The better answer, by what was shown first and second."""


class RatingSession:
    """One rater and the pairs that were drawn."""

    def __init__(
        self,
        sample: Sample,
        rater: str,
        known: Iterable[Rating],
        now: Callable[[], str],
        add: Callable[[Sequence[Rating]], None],
    ) -> None:
        """Take what was rated so far, by whomever; `add` writes."""
        self.sample = sample
        self.rater = rater
        self.pairs = sample.ordered(rater)
        self._now = now
        self._add = add
        mine = {(*_about(one), one.baseline_shown, one.candidate_shown): one for one in known if one.rater == rater}
        said = ((pair.id, mine.get((*_about(pair), *pair.shown))) for pair in self.pairs)
        self._said = {name: rating for name, rating in said if rating is not None}

    @property
    def done(self) -> AbstractSet[str]:
        """Ids of the pairs that the rater has rated."""
        return self._said.keys()

    def pair(self, name: str) -> Pair:
        """Return a pair by its id. Raises UsageProblem where the sample has none of it."""
        found = next((one for one in self.pairs if one.id == name), None)
        if found is None:
            guess = did_you_mean(name, [one.id for one in self.pairs])
            raise UsageProblem(
                f"the sample has no pair {name}",
                hint=f"{guess} " * bool(guess)
                + "--sample, --seed, --flow and --candidate have to be those it was drawn with",
                next_command="prompt-migrate review --rate",
            )
        return found

    def keep(self, pair: Pair, preferred: Preferred, first: int, second: int) -> None:
        """Write a rating given in terms of what was shown first and second; marks are 1 (wrong) to 5 (right)."""
        left: Side = pair.left(self.rater)
        right: Side = "baseline" if left == "candidate" else "candidate"
        marks = {left: first, right: second}
        baseline_shown, candidate_shown = pair.shown
        drawn, of = self.sample.part(pair)
        rating = Rating(
            flow=pair.flow,
            case=pair.case,
            candidate=pair.candidate,
            rater=self.rater,
            preferred=left if preferred == "a" else right if preferred == "b" else "tie",
            baseline_correct=marks["baseline"],
            candidate_correct=marks["candidate"],
            left=left,
            baseline_shown=baseline_shown,
            candidate_shown=candidate_shown,
            seed=self.sample.seed,
            drawn=drawn,
            of=of,
            at=self._now(),
        )
        self._add([rating])
        self._said[pair.id] = rating

    def withdraw(self, pair: Pair) -> bool:
        """Take a rating back, and say whether there was one; its line stays, and one that withdraws it follows."""
        rating = self._said.get(pair.id)
        if rating is None:
            return False
        self._add([replace(rating, at=self._now(), withdrawn=True)])
        del self._said[pair.id]
        return True


def _about(one: Rating | Pair) -> tuple[str, str, str]:
    return one.flow, one.case, one.candidate
