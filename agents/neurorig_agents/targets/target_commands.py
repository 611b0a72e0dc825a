"""`neurorig targets improve` and `export`: only words to and from people; the client finds them by entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from neurorig_agents.server_client import ServerClient, ServerRefused
from neurorig_agents.targets import search as exporting
from neurorig_agents.targets.search import Finder, Folder, Outcome
from neurorig_agents.targets.search import improve as improved
from neurorig_protocols.errors import NeurorigError, UserError
from neurorig_protocols.workloads.qubo import targets_shipped
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, Proposal

SIZES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
DENSITIES = (0.01, 0.05, 0.1, 0.25)
SEEDS = tuple(range(5))

_FOLDER = Path("var/best")

Command = Callable[..., Any]


def _instances(command: Command) -> Command:
    """Give a command the choice of instances; without it, the tuning set."""
    for option in (
        click.option("--seed", "seeds", multiple=True, type=int, default=SEEDS, help="Seed of the graph; repeatable."),
        click.option("--density", "densities", multiple=True, type=float, default=DENSITIES, help="Repeatable."),
        click.option("--n", "sizes", multiple=True, type=int, default=SIZES, help="Variables; repeatable."),
    ):
        command = option(command)
    return command


_SOLUTIONS = click.option(
    "--solutions",
    "folder",
    default=_FOLDER,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the best solutions found so far.",
)


@click.command()
@_instances
@_SOLUTIONS
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0, 86400), help="Per instance.")
@click.option("--solver-seed", default=0, show_default=True, type=int)
@click.option("--found-by", default="unnamed", show_default=True, help="Who searches, for the record.")
@click.option("--found-on", default="", help="Solver and machine, for the record; without it, what this computer says.")
@click.option("--propose/--dry-run", default=False, help="Propose what is better to the server, or only show it.")
@click.option("--server", envvar="NEURORIG_SERVER", help="URL of the server, with --propose.")
@click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False), help="File with a token that may submit."
)
@click.option("--token", envvar="NEURORIG_TOKEN", hidden=True)
def improve(
    *,
    folder: Path,
    seconds: float,
    solver_seed: int,
    found_by: str,
    found_on: str,
    propose: bool,
    server: str | None,
    token_file: Path | None,
    token: str | None,
    **chosen: Sequence[Any],
) -> None:
    """Search for better targets on this computer, keep them in a folder, and propose them.

    The search is a local search for maximum independent sets, which solves no other problem.
    """
    kept = Folder(folder)
    try:
        with ExitStack() as stack:
            client = stack.enter_context(_client(server, token_file, token)) if propose else None
            click.echo(f"{'problem':<28}{'official':>9}{'before':>8}{'after':>8}{'found':>11}  note")
            for problem in _problems(**chosen):
                before = _before(problem, kept, client)
                found = improved(
                    problem,
                    before=before,
                    seconds=seconds,
                    solver_seed=solver_seed,
                    finder=Finder(found_by, found_on),
                )
                kept.keep(found.found)
                click.echo(_line(found, _proposed(found, client)))
    except NeurorigError as error:
        raise _told(error) from error


@click.command()
@_instances
@_SOLUTIONS
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option(
    "--proof-nodes",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Work spent on each missing proof of optimality, in search nodes.",
)
def export(*, folder: Path, output: Path, proof_nodes: int, **chosen: Sequence[Any]) -> None:
    """Write the file of shipped targets: the better of the present ones and a folder's, each recomputed.

    Instances that are not chosen stay as they are.
    """
    found = []
    try:
        problems = _problems(**chosen)
        for row in exporting.rows(problems, targets_shipped.rows(), Folder(folder), proof_nodes=proof_nodes):
            found.append(row)
            click.echo(f"{row.problem.key}: {row.cost}{', proven' if row.proof else ''}")
    except NeurorigError as error:
        raise _told(error) from error
    output.write_text(targets_shipped.dump(found), "utf-8")
    proven = sum(bool(row.proof) for row in found)
    click.echo(f"{len(found)} instances, {proven} proven, in {output}")


def _problems(sizes: Sequence[int], densities: Sequence[float], seeds: Sequence[int]) -> Iterator[MisProblem]:
    for n in sizes:
        for density in densities:
            for seed in seeds:
                try:
                    yield MisProblem(n=n, density=density, seed=seed)
                except ValueError as error:
                    raise UserError(f"n {n}, density {density}, seed {seed} is not an instance: {error}") from error


def _before(problem: MisProblem, kept: Folder, client: ServerClient | None) -> int | None:
    """Return the cost to beat: the server's best, or the better of the shipped one and the folder's."""
    if client is not None:
        return client.best_cost(problem.key)
    shipped, own = targets_shipped.best(problem.key), kept.get(problem)
    return min((found.cost for found in (shipped, own) if found is not None), default=None)


def _proposed(outcome: Outcome, client: ServerClient | None) -> str:
    if not outcome.better:
        return "not better"
    if client is None:
        return "better"
    told = outcome.found.model_dump(include={"solution", "found_by", "found_on", "comment"})
    try:
        client.propose(Proposal(problem=outcome.problem, **told))
    except ServerRefused as refused:
        return f"refused: {refused.message}"
    return "better, proposed"


def _line(outcome: Outcome, note: str) -> str:
    p, known = outcome.problem, [outcome.official, outcome.before]
    official, before = ("–" if cost is None else str(cost) for cost in known)
    name = f"n={p.n} {100 * p.density:g} % seed {p.seed}"
    return f"{name:<28}{official:>9}{before:>8}{outcome.found.cost:>8}{outcome.time_s:>9.4f} s  {note}"


def _client(server: str | None, token_file: Path | None, token: str | None) -> ServerClient:
    if not server:
        raise UserError("no server is given", where="--server", next_step="Give --server or set NEURORIG_SERVER.")
    if token_file is not None:
        try:
            token = token_file.read_text("utf-8").strip()
        except OSError as error:
            raise UserError(f"the token file cannot be read: {error.strerror}", where="--token-file") from error
    if not token:
        raise UserError("no token is given", where="--token-file", next_step="Name a token file or set NEURORIG_TOKEN.")
    return ServerClient(server, token)


def _told(error: NeurorigError) -> click.ClickException:
    hint = f"\n{error.next_step}" if error.next_step else ""
    return click.ClickException(f"{error.message}{hint}")
