"""`neurorig doctor`: is there a server, does it understand us, what may the token do."""

from __future__ import annotations

import sys

import click

from neurorig import tables
from neurorig.doctor import examine
from neurorig.terminal import EXIT_UNREACHABLE, Terminal, with_terminal


@click.command()
@with_terminal
def doctor(terminal: Terminal) -> None:
    """Check the server's address, the server and the token, without changing anything."""
    with terminal.client() as client:
        findings = examine(client)
    data = {"checks": [{"check": f.check, "well": f.well, "seen": f.seen} for f in findings]}
    terminal.show(data, tables.checks((f.check, f.well, f.seen) for f in findings))
    if not all(finding.well for finding in findings):
        sys.exit(EXIT_UNREACHABLE)
