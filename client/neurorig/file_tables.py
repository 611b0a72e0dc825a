"""Tables of uploaded files and of problems, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from neurorig.table_parts import local_time, named_values, rows_under

if TYPE_CHECKING:
    from neurorig.file_views import FileView

WHOLE = ("digest",)
"""Columns that are not broken over lines, so that they can be copied."""


def files(found: Iterable[FileView]) -> Table:
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
        "couplings": f"{facts.get('couplings')} ({100 * float(facts.get('density', 0)):.4g} % of the pairs)",
        "format": str(facts.get("format", "")),
        "unit": in_unit(facts),
        "rounding": f"a value may be off by up to {bound:.3g}" if bound else "none: every coefficient is exact",
        "largest |q|": str(facts.get("largest_weight", "")),
        "Σ|q|": str(facts.get("sum_of_weights", "")),
        "problem": str(facts.get("problem", "")),
    }
