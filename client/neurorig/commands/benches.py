"""`neurorig benches`."""

from __future__ import annotations

import click

from neurorig import tables
from neurorig.terminal import Terminal, with_terminal


@click.command()
@with_terminal
def benches(terminal: Terminal) -> None:
    """List benches, what they run and whether their agents are there."""
    with terminal.client() as client:
        found = client.benches()
    terminal.show(found, tables.benches(found) if found else "no benches are registered")
