"""`neurorig tuning declare | show | list | evaluate`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from neurorig.cli import rule_tables
from neurorig.cli import terminal as digests
from neurorig.cli.documents import checked, read_declaration
from neurorig.cli.terminal import Terminal, with_terminal
from neurorig_protocols.benchmarks import tuning as rules
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.errors import NoValue


@click.group()
def tuning() -> None:
    """Declare solver parameters as constants or functions of n and density, frozen under a digest."""


@tuning.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_terminal
def declare(terminal: Terminal, file: Path) -> None:
    """Freeze the declaration in a TOML or JSON file. It cannot be changed afterwards; another one can be made."""
    declaration = read_declaration(file)
    try:
        rules.require_total(declaration)
    except NoValue as error:
        raise click.UsageError(f"{error.message}. Next: {error.next_step}") from error
    with terminal.client() as client:
        view = client.declare_tuning(declaration.model_dump(mode="json", exclude_none=True))
    terminal.show(view, rule_tables.tuning_facts(view), f"jobs name it with: solver.tuning = {view.digest}")


@tuning.command()
@click.argument("digest", type=digests.TUNING)
@with_terminal
def show(terminal: Terminal, digest: str) -> None:
    """Show a declaration."""
    with terminal.client() as client:
        view = client.tuning(digest)
    terminal.show(view, rule_tables.tuning_facts(view))


@tuning.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="List at most this many.")
@with_terminal
def list_tunings(terminal: Terminal, limit: int) -> None:
    """List declarations, newest first."""
    with terminal.client() as client:
        found = list(islice(client.tunings(page_size=min(limit, 100)), limit))
    terminal.show(found, rule_tables.tunings(found) if found else "no declarations")


@tuning.command()
@click.argument("digest_or_file")
@click.option("--n", required=True, type=click.IntRange(1), help="Variables.")
@click.option("--density", required=True, type=click.FloatRange(0, 1), help="Edge density, 0 to 1.")
@with_terminal
def evaluate(terminal: Terminal, digest_or_file: str, n: int, density: float) -> None:
    """Show the parameters that a declaration gives for a size and a density; a file is tried without a server."""
    if digests.is_digest(digest_or_file, digests.OF_TUNINGS):
        with terminal.client() as client:
            said = client.tuning(digest_or_file).declaration
        declaration = checked(TuningDeclaration, said, "this client does not understand the declaration")
    else:
        declaration = read_declaration(Path(digest_or_file))
    try:
        params = rules.evaluate(declaration, n, density)
    except NoValue as error:
        raise click.UsageError(f"{error.message}. Next: {error.next_step}") from error
    terminal.show({"digest": rules.digest(declaration), "params": params}, rule_tables.values(params))
