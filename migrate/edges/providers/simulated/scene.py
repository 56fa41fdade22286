"""What a habit sees when it acts: the question, what is promised, and chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from migrate.edges.providers.simulated.chance import Chance
from migrate.edges.providers.simulated.draft import Draft, Slip
from migrate.edges.providers.simulated.places import Steps, overlaps
from migrate.edges.providers.simulated.promises import schema_text
from migrate.edges.providers.simulated.question import Question
from migrate.vocabulary import Check, JsonObject, Parse

T = TypeVar("T")
Proposal = tuple[Draft, Slip]
Act = Callable[["Scene", Draft], Iterator[Proposal]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One reply about to be given.

    Choices of habits depend on the flow first and the case second, never on the model: what trips one model of
    a family trips its smaller sisters at the same place.
    """

    question: Question
    flow: str
    case: str
    sample: int
    chance: Chance
    schema: JsonObject | None = None
    """What a JSON answer must fit; None: nothing is promised."""
    schema_key: str | None = None
    """The schema as the text by which its validator is kept."""
    argument_keys: Mapping[str, str] = field(default_factory=dict)
    """The same for every tool's arguments, by name of the tool."""
    parse: Parse = "text"
    checks: tuple[Check, ...] = ()
    touched: tuple[Steps, ...] = field(default=())
    """Places a slip has changed already: each is left to one slip."""

    @property
    def json_mode(self) -> bool:
        """True when the API guarantees that the text is JSON."""
        return self.question.response_format != "text"

    @property
    def strict(self) -> bool:
        """True when the API guarantees that the JSON fits the schema."""
        return self.question.response_format == "json_schema" and self.question.strict

    def free(self, steps: Steps) -> bool:
        """Say whether no slip has changed this place, what holds it or what it holds."""
        return not any(overlaps(steps, touched) for touched in self.touched)

    def touching(self, steps: Steps) -> Scene:
        """Return the scene with one more place left alone."""
        return replace(self, touched=(*self.touched, steps))

    def ordered(self, options: Sequence[T], name: Callable[[T], object], *what: object) -> list[T]:
        """Return options in the order this flow prefers them, equals in the order this case does."""
        draw = self.chance.bits
        return sorted(
            options, key=lambda one: (draw(self.flow, *what, name(one)), draw(self.case, *what, str(one)[:200]))
        )


def scene_of(question: Question, flow: str, case: str, sample: int, chance: Chance, **promises: object) -> Scene:
    """Return a scene whose schemas are ready for judging."""
    scene = Scene(question, flow, case, sample, chance, **promises)  # type: ignore[arg-type]
    arguments = {tool.name: schema_text(tool.parameters) or "{}" for tool in question.tools}
    return replace(scene, schema_key=schema_text(scene.schema), argument_keys=arguments)
