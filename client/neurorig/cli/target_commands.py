"""`neurorig targets list | show | check | propose`, and what other packages add."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from neurorig.cli import terminal as digests
from neurorig.cli.solutions import Solution, check_solution, read_solution
from neurorig.cli.tables import named_values, rows_under
from neurorig.cli.terminal import Terminal, with_terminal
from neurorig_protocols.api.targets import HeldTarget, TargetView
from neurorig_protocols.number_text import count_text, percent_text
from neurorig_protocols.text.result_text import problem_text, proven_text
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHORT_KEY = 17
"""Of an uploaded problem: `qubo-` and twelve digits of its digest."""
WHOLE = ("key", "attempt")
"""Columns that are not broken over lines, so that they can be copied."""


def targets_table(found: Iterable[TargetView]) -> Table:
    """One line per problem within 80 columns: both targets, whether the better one is proven, who found it.

    The key is what `neurorig targets show` takes, for all the rest.
    """
    table = rows_under("key", "density", "official", "best", "proven", "found by", whole=(*WHOLE, "official", "best"))
    for view in found:
        best, graph = view.best, view.problem
        table.add_row(
            _short_key(view),
            percent_text(graph.density) if isinstance(graph, MisProblem) else "–",
            _count(view.official.cost if view.official else None),
            _count(best.cost if best else None),
            proven_text(view),
            best.found_by if best else "",
        )
    return table


def whole_keys(found: Iterable[TargetView]) -> list[str]:
    """Return the keys that `targets` had to shorten, those of uploaded problems, under a heading; nothing without."""
    shortened = [view.key for view in found if _short_key(view) != view.key]
    return ["", "in full:", *shortened] if shortened else []


def _short_key(view: TargetView) -> str:
    return view.key if isinstance(view.problem, MisProblem) else f"{view.key[:_SHORT_KEY]}…"


def facts(view: TargetView) -> Table:
    """One target as name and value."""
    official, best = view.official, view.best
    return named_values(
        {
            "target": view.key,
            "problem": problem_text(view),
            "official target": f"{count_text(official.cost)} ({official.source}, {official.version})"
            if official
            else "none",
            "best verified": f"{count_text(best.cost)}, {_holder(best)}" if best else "none",
            "proven": proven_text(view),
            "proof": view.proof or "",
        }
    )


def history(found: Iterable[HeldTarget]) -> Table:
    """Who held the record, oldest first."""
    table = rows_under("cost", "found by", "on", "when", "attempt", whole=WHOLE)
    for held in found:
        origin = "shipped" if held.shipped else held.attempt_id or "proposed"
        table.add_row(count_text(held.cost), held.found_by, held.found_on, held.found_at.isoformat(), origin)
    return table


def _holder(held: HeldTarget) -> str:
    return f"by {held.found_by} on {held.found_on}, {held.found_at.isoformat()}"


def _count(number: int | None) -> str:
    return "–" if number is None else count_text(number)


class TargetGroup(click.Group):
    """Our own subcommands, and those of the entry point group `neurorig.targets`, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our own commands first."""
        return [*super().list_commands(ctx), *sorted(_others())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one whose libraries are missing says what to install."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _others():
            return own
        try:
            found: click.Command = _others()[cmd_name].load()
        except ImportError as error:
            raise click.ClickException(
                f"'targets {cmd_name}' cannot be loaded: {error}. Next: pip install 'neurorig[agent]'"
            ) from error
        return found


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="neurorig.targets")}


@click.group(cls=TargetGroup)
def targets() -> None:
    """Targets of problems: the official one and the best verified one, with its solution."""


@targets.command("list")
@click.option("--workload", type=click.Choice(["qubo-mis", "qubo"]))
@click.option("--n", type=int, help="Variables.")
@click.option("--density", type=float)
@click.option("--seed", type=int)
@click.option("--problem", type=digests.FILE, help="Digest of an uploaded problem.")
@with_terminal
def list_targets(terminal: Terminal, **filters: str | int | float | None) -> None:
    """List official and best verified targets beside each other."""
    with terminal.client() as client:
        found = client.targets(**filters)
    pictures: list[RenderableType] = [targets_table(found.items) if found.items else "no target matches"]
    pictures += whole_keys(found.items)
    terminal.show(found.items, *pictures, *(["there are more; narrow the list"] if found.more else []))


@targets.command()
@click.argument("key")
@click.option(
    "--solution", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write its solution to this new file."
)
@with_terminal
def show(terminal: Terminal, key: str, path: Path | None) -> None:
    """Show a target by its key: who holds it, who held it before, how it is proven. Nothing is overwritten."""
    if path is not None and path.exists():
        raise click.UsageError(f"'{path}' exists")
    with terminal.client() as client:
        found = client.target(key)
        if path is not None:
            _write(path, client.target_solution(key))
    terminal.show(found, facts(found), history(found.history))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"cannot write '{path}': {error.strerror}") from error


@targets.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--n", type=int, help="Variables, for a file of plain bits.")
@click.option("--density", type=float, help="Edge density, for a file of plain bits.")
@click.option("--seed", type=int, help="Seed of the graph, for a file of plain bits.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
def check(*, file: Path, n: int | None, density: float | None, seed: int | None, as_json: bool) -> None:
    """Recompute the cost of a solution file on this computer and compare it with the targets known here."""
    found = check_solution(read_solution(file, n=n, density=density, seed=seed))
    Terminal(None, None, as_json).show(found.as_dict(), found.sentence())


@targets.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--n", type=int, help="Variables, for a file of plain bits.")
@click.option("--density", type=float, help="Edge density, for a file of plain bits.")
@click.option("--seed", type=int, help="Seed of the graph, for a file of plain bits.")
@click.option("--problem", help="Digest of an uploaded problem, for a file of plain bits.")
@click.option("--found-by", help="Who found it; without it, what the file says.")
@click.option("--found-on", help="Solver and machine; without it, what the file says.")
@click.option("--comment")
@with_terminal
def propose(
    terminal: Terminal,
    *,
    file: Path,
    n: int | None,
    density: float | None,
    seed: int | None,
    problem: str | None,
    found_by: str | None,
    found_on: str | None,
    comment: str | None,
) -> None:
    """Propose a solution to the server, which recomputes its cost and keeps it if it is strictly better."""
    solution: Solution = read_solution(file, n=n, density=density, seed=seed, digest=problem)
    proposal = solution.proposal(found_by=found_by, found_on=found_on, comment=comment)
    with terminal.client() as client:
        found = client.propose_target(proposal)
    terminal.show(found, facts(found))
