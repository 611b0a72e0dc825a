"""Tables of uploaded files and of problems, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from neurorig.file_views import FileView


def files(found: Iterable[FileView]) -> Table:
    """One line per file."""
    table = _table("digest", "kind", "name", "size", "what", "uploaded")
    for file in found:
        what = f"n={file.facts['n']}, {file.facts.get('couplings')} couplings" if "n" in file.facts else ""
        table.add_row(file.digest, file.kind, file.name, f"{file.size} B", what, _when(file.created_at))
    return table


def file_facts(file: FileView) -> Table:
    """A file as name and value."""
    facts = {"file": file.digest, "kind": file.kind, "name": file.name, "size": f"{file.size} bytes"}
    return _facts({**facts, "uploaded": _when(file.created_at), **_readable(file.facts)})


def problem_facts(facts: Mapping[str, Any]) -> Table:
    """A problem's facts as name and value."""
    return _facts(_readable(facts))


def in_unit(facts: Mapping[str, Any]) -> str:
    """Say how a cost becomes a value in the file's own unit."""
    offset = str(facts.get("offset", "0"))
    return f"value = {facts.get('scale', '1')} · cost" + ("" if offset == "0" else f" + {offset}")


def _readable(facts: Mapping[str, Any]) -> dict[str, str]:
    if "n" not in facts:
        return {name: str(value) for name, value in facts.items()}
    bound = facts.get("rounding_bound") or 0
    return {
        "n": str(facts["n"]),
        "couplings": f"{facts.get('couplings')} ({100 * float(facts.get('density', 0)):.4g} % of the pairs)",
        "format": str(facts.get("format", "")),
        "unit": in_unit(facts),
        "rounding": f"a value may be off by up to {bound:.3g}" if bound else "none: every coefficient is exact",
        "largest |q|": str(facts.get("largest_weight", "")),
        "Σ|q|": str(facts.get("sum_of_weights", "")),
        "problem": str(facts.get("problem", "")),
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        # A digest that is broken over two lines cannot be copied.
        table.add_column(column, no_wrap=column == "digest", overflow="fold")
    return table


def _facts(facts: Mapping[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, value)
    return table


def _when(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
