"""`neurorig files list | put | get | show | rm`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import click

from neurorig import digests, file_tables
from neurorig.commands.submit import with_options
from neurorig.problem_options import READING
from neurorig.terminal import Terminal, with_terminal

KINDS = ("qubo", "nir", "events")


@click.group()
def files() -> None:
    """Problems, networks and inputs that jobs name by their digest."""


@files.command("list")
@click.option("--kind", type=click.Choice(KINDS))
@click.option("--name")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="List at most this many.")
@with_terminal
def list_files(terminal: Terminal, kind: str | None, name: str | None, limit: int) -> None:
    """List files, newest first."""
    with terminal.client() as client:
        found = list(islice(client.files(kind=kind, name=name), limit))
    terminal.show(found, file_tables.files(found) if found else "no files")


@files.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option("--name", help="What people call it; without it the file's name.")
@with_options(READING)
@with_terminal
def put(terminal: Terminal, path: Path, kind: str, name: str | None, **reading: Any) -> None:
    """Upload a file. A problem is read and checked there; the answer says what it is."""
    with terminal.client() as client:
        found = client.upload(path, kind=kind, name=name, **reading)
    terminal.show(found, file_tables.file_facts(found))


@files.command()
@click.argument("digest", type=digests.FILE)
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@with_terminal
def get(terminal: Terminal, digest: str, path: Path) -> None:
    """Download a file's bytes as they are kept; nothing is overwritten."""
    if path.exists():
        raise click.UsageError(f"'{path}' exists")
    with terminal.client() as client:
        content = client.file_content(digest)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"cannot write '{path}': {error.strerror}") from error
    terminal.show({"path": str(path), "size": len(content)}, f"{len(content)} bytes in {path}")


@files.command()
@click.argument("digest", type=digests.FILE)
@with_terminal
def show(terminal: Terminal, digest: str) -> None:
    """Show a file's name and facts."""
    with terminal.client() as client:
        found = client.file(digest)
    terminal.show(found, file_tables.file_facts(found))


@files.command()
@click.argument("given", metavar="DIGEST...", nargs=-1, required=True, type=digests.FILE)
@with_terminal
def rm(terminal: Terminal, given: tuple[str, ...]) -> None:
    """Delete files of yours that no job and no target names. Ends at the first that cannot be deleted."""
    with terminal.client() as client:
        for digest in given:
            client.delete_file(digest)
            terminal.show({"deleted": digest}, f"deleted {digest}")
