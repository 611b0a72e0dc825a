"""`neurorig compare`: two jobs or campaigns on the same problems, or a comparison made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from neurorig.cli import benchmark_tables
from neurorig.cli.submit_commands import ONCE
from neurorig.cli.terminal import Terminal, with_options, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig_protocols.api.comparisons import ComparisonView

if TYPE_CHECKING:
    from rich.console import RenderableType

NOT_FOUND = 404


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="COMPARISON | LEFT RIGHT")
@click.option("--name", default="", help="Name of a new comparison.")
@click.option("--pairs", "show_pairs", is_flag=True, help="Show every pair, not only the totals.")
@with_options(ONCE)
@with_terminal
def compare(
    terminal: Terminal, ids: tuple[str, ...], name: str, *, show_pairs: bool, idempotency_key: str | None
) -> None:
    """Show a comparison, or make one of two jobs or campaigns. Ratios are left / right."""
    if len(ids) > 2:
        raise click.UsageError("give a comparison, or two jobs or campaigns")
    with terminal.client() as client:
        if len(ids) == 1:
            found = client.comparison(ids[0])
        else:
            sides = side(client, ids[0]), side(client, ids[1])
            found = client.compare(*sides, name=name, idempotency_key=idempotency_key)
    terminal.show(found, *pictures(found, show_pairs=show_pairs))


def pictures(found: ComparisonView, *, show_pairs: bool = False) -> list[RenderableType]:
    """Return what is printed of a comparison; a single pair is always shown."""
    shown = benchmark_tables.comparison(found, show_pairs=show_pairs or len(found.result.pairs) == 1)
    return [*shown, f"show it again with: neurorig compare {found.id}"]


def side(client: Client, some_id: str) -> dict[str, str]:
    """Say whether an id is a job's or a campaign's; ApiError when it is neither's."""
    try:
        client.job(some_id)
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        client.campaign(some_id)
        return {"campaign": some_id}
    return {"job": some_id}
