"""`neurorig files list | put | get | show | rm`, with their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from neurorig.cli import terminal as digests
from neurorig.cli.problem_options import READING
from neurorig.cli.tables import local_time, named_values, rows_under
from neurorig.cli.terminal import Terminal, with_options, with_terminal
from neurorig_protocols.api.files import FileView
from neurorig_protocols.number_text import percent_text

WHOLE = ("digest",)
"""Columns that are not broken over lines, so that they can be copied."""


def files_table(found: Iterable[FileView]) -> Table:
    """One line per file."""
    table = rows_under("digest", "kind", "name", "size", "what", "uploaded", whole=WHOLE)
    for file in found:
        table.add_row(
            file.digest, file.kind, file.name, f"{file.size} B", _what(file.facts), local_time(file.created_at)
        )
    return table


def _what(facts: Mapping[str, Any]) -> str:
    if "n" in facts:
        return f"n={facts['n']}, {facts.get('couplings')} couplings"
    return f"events: {facts['events']}" if "events" in facts else ""


def file_facts(file: FileView) -> Table:
    """A file as name and value."""
    facts = {"file": file.digest, "kind": file.kind, "name": file.name, "size": f"{file.size} bytes"}
    uploaded = f"{local_time(file.created_at)} by token {file.uploaded_by}"
    return named_values({**facts, "uploaded": uploaded, **_readable(file.facts)})


def problem_facts(facts: Mapping[str, Any]) -> Table:
    """A problem's facts as name and value."""
    return named_values(_readable(facts))


def in_unit(facts: Mapping[str, Any]) -> str:
    """Say how a cost becomes a value in the file's own unit."""
    offset = str(facts.get("offset", "0"))
    return f"value = {facts.get('scale', '1')} · cost" + ("" if offset == "0" else f" + {offset}")


def _readable(facts: Mapping[str, Any]) -> dict[str, str]:
    if "n" not in facts:
        return {name: str(value) for name, value in facts.items()}
    bound = facts.get("rounding_bound") or 0
    return {
        "n": str(facts["n"]) + (f", {facts['unused']} of them in no term" if facts.get("unused") else ""),
        "couplings": f"{facts.get('couplings')} ({percent_text(float(facts.get('density', 0)))} of the pairs)",
        "format": str(facts.get("format", "")),
        "unit": in_unit(facts),
        "rounding": f"a value may be off by up to {bound:.3g}" if bound else "none: every coefficient is exact",
        "largest |q|": str(facts.get("largest_weight", "")),
        "Σ|q|": str(facts.get("sum_of_weights", "")),
        "problem": str(facts.get("problem", "")),
    }


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
    terminal.show(found, files_table(found) if found else "no files")


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
    terminal.show(found, file_facts(found))


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
    terminal.show(found, file_facts(found))


@files.command()
@click.argument("given", metavar="DIGEST...", nargs=-1, required=True, type=digests.FILE)
@with_terminal
def rm(terminal: Terminal, given: tuple[str, ...]) -> None:
    """Delete files of yours that no job and no target names. Ends at the first that cannot be deleted."""
    with terminal.client() as client:
        for digest in given:
            client.delete_file(digest)
            terminal.show({"deleted": digest}, f"deleted {digest}")
