"""The whole inventory, or one file of it; everything that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from migrate.edges.inventory.chains import with_chunks
from migrate.edges.inventory.files import Folder, discover
from migrate.edges.inventory.flows import presumed_name, read_flow
from migrate.errors import InventoryProblem, Problem
from migrate.vocabulary import Flow, FlowName, Inventory, Place, Settings

if TYPE_CHECKING:
    from migrate.evidence.policy import Policy

MOST_TOLD: Final = 3
"""Problems of one file that are told where it is refused; `validate` lists all."""


def load(prompts: Settings | Path | str, root: Path | None = None) -> tuple[Flow, ...]:
    """Return the flows of a prompts folder, sorted by file. `root` is what places are told relative to.

    Reads `**/*.prompt.yml` and `.yaml` and the case files and documents they name, nothing else. Raises
    InventoryProblem with all problems of all files.
    """
    settings = prompts if isinstance(prompts, Settings) else None
    if isinstance(prompts, Settings):
        root = root or prompts.root
        prompts = prompts.prompts
    chunk_tokens = settings.chunk_tokens if settings is not None else None
    root = Path(root or Path.cwd())
    prompts_dir = root / prompts
    if not prompts_dir.is_dir():
        where = Place(Folder(prompts_dir, root).shown(prompts_dir))
        # Who stands in another folder than the project's own learns which one was taken for it.
        words = "there is no such folder" + ("" if root.resolve() == Path.cwd() else f" in {root}")
        raise InventoryProblem([Problem(words, where)], next_command="prompt-migrate init")
    flows = _loaded(Folder(prompts_dir, root), discover(prompts_dir))
    return flows if chunk_tokens is None else tuple(with_chunks(flow, chunk_tokens) for flow in flows)


def load_readable(settings: Settings) -> Inventory:
    """Return the flows that can be read, and what is wrong with the others; none where there is no prompts folder.

    For what is about one flow: another one's file, in the middle of being edited, must not stand in its way.
    """
    prompts_dir = settings.root / settings.prompts
    folder, flows = Folder(prompts_dir, settings.root), list[Flow]()
    wrong: dict[FlowName, list[Problem]] = {}
    for path in discover(prompts_dir):
        problems: list[Problem] = []
        flow = read_flow(folder, path, problems)
        if flow is not None and not problems:
            flows.append(flow)
        else:
            wrong.setdefault(presumed_name(folder, path) if flow is None else flow.name, []).extend(problems)
    for problem in _doubles(flows):
        twice = {flow.name.casefold() for flow in flows if flow.place == problem.place}
        wrong |= {flow.name: [problem] for flow in flows if flow.name.casefold() in twice}
    tokens, sound = settings.chunk_tokens, tuple(flow for flow in flows if flow.name not in wrong)
    if tokens is not None:
        sound = tuple(with_chunks(flow, tokens) for flow in sound)
    return Inventory(sound, {name: _unreadable(problems) for name, problems in wrong.items()})


def _unreadable(problems: Sequence[Problem]) -> str:
    more = f"; and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
    return f"its prompt file cannot be read: {'; '.join(map(str, problems[:MOST_TOLD]))}{more}"


def load_policies(settings: Settings) -> dict[FlowName, Policy]:
    """Return what the inventory says of its flows for their verdicts, as far as it can be read.

    A run is shown even if its prompt files are gone or in the middle of being edited.
    """
    # Collecting prompt files needs no statistics.
    from migrate.evidence.policy import policies_of

    return policies_of(load_readable(settings).flows)


def load_flow(path: Path, prompts_dir: Path | None = None, root: Path | None = None) -> Flow:
    """Return the flow of one prompt file, whose prompts folder is its own unless given. Raises InventoryProblem."""
    prompts_dir = prompts_dir or path.parent
    (flow,) = _loaded(Folder(prompts_dir, root or Path.cwd()), [path])
    return flow


def _loaded(folder: Folder, paths: Iterable[Path]) -> tuple[Flow, ...]:
    problems: list[Problem] = []
    flows = [flow for path in paths if (flow := read_flow(folder, path, problems)) is not None]
    problems += _doubles(flows)
    if problems:
        raise InventoryProblem(problems)
    return tuple(flows)


def _doubles(flows: Iterable[Flow]) -> list[Problem]:
    first: dict[str, Flow] = {}
    problems = []
    for flow in flows:
        other = first.setdefault(flow.name.casefold(), flow)
        if other is not flow and other.place is not None:
            alike = "" if other.name == flow.name else f' as "{other.name}": upper and lower case are the same'
            words = f'the flow "{flow.name}" is already in {other.place.file}{alike}'
            problems.append(Problem(words, flow.place, 'give one of them another name: "flow: ..."'))
    return problems
