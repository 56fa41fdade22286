"""One family of errors, for everything a user can mend.

    PromptMigrateError            what, where, what was kept, the next command
    ├── UsageProblem              the command line or the configuration cannot be carried out    exit 2
    │   ├── ConfigurationProblem  everything wrong with the configuration                        exit 2
    │   └── InventoryProblem      prompt files, case files or schemas cannot be read             exit 2
    ├── StoreProblem              a golden, recording or ledger is damaged, foreign or too new    exit 13
    ├── StaleGoldens              goldens no longer match the rendered requests                   exit 12
    ├── BudgetStop                the cost cap or the provider's quota ended the run              exit 11
    ├── IncompleteRun             a planned case has no account                                   exit 10
    └── Interrupted               the user stopped a run that can be finished                     exit 130

A fault of one call is not an error but a `NoReply`; a broken contract is a `Finding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from migrate.vocabulary import Place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a user's file, with the place and, where it can be guessed, the mend."""

    message: str
    place: Place | None = None
    hint: str = ""
    """`did you mean "maxTokens"?`"""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place is not None else ""
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "..."?` for the known word nearest to a mistyped one, or an empty text."""
    guess = nearest(word, known)
    return f'did you mean "{guess}"?' if guess else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word nearest to a mistyped one, or an empty text; so where several begin with it."""
    import difflib

    known = {*known}
    if sum(name.casefold().startswith(word.casefold()) for name in known) > 1:
        return ""
    # Sorted, so that a tie does not depend on the order of a set.
    plain = {name.casefold(): name for name in sorted(known, reverse=True)}
    near = difflib.get_close_matches(word.casefold(), plain, n=1)
    return plain[near[0]] if near else ""


MAKE_ROOM: Final = "free some space and repeat the command"
"""The hint where a disk is full."""


class PromptMigrateError(Exception):
    """Base of the family: a message that says what, where, what was kept and what to do next."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str = "", kept: str = "", next_command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kept = kept
        self.next_command = next_command

    def __str__(self) -> str:
        parts = [self.message]
        if self.hint:
            parts.append(self.hint)
        if self.kept:
            parts.append(f"kept: {self.kept}")
        if self.next_command:
            parts.append(f"next: {self.next_command}")
        return "\n".join(parts)


class UsageProblem(PromptMigrateError):
    """The command line or the configuration cannot be carried out."""


class ConfigurationProblem(UsageProblem):
    """Everything wrong with the configuration, collected and said once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        head = f"{len(self.problems)} problems in the configuration:"
        lines = [f"  {problem}" for problem in self.problems]
        super().__init__("\n".join([head, *lines] if len(lines) > 1 else [str(self.problems[0])]))


class InventoryProblem(UsageProblem):
    """Everything wrong with the inventory, collected and said once."""

    def __init__(self, problems: Sequence[Problem], *, next_command: str = "prompt-migrate validate") -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the inventory:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]), next_command=next_command)


class StoreProblem(PromptMigrateError):
    """A golden, a recording or the ledger is damaged, foreign or written by a newer version."""

    exit_code = 13


class StaleGoldens(PromptMigrateError):
    """Goldens no longer match what the prompts render to."""

    exit_code = 12


class BudgetStop(PromptMigrateError):
    """The cost cap or the provider's quota ended the run."""

    exit_code = 11


class IncompleteRun(PromptMigrateError):
    """A planned case has no account."""

    exit_code = 10


class Interrupted(PromptMigrateError):
    """The user stopped a run that can be finished."""

    exit_code = 130
