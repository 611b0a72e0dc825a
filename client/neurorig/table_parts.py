"""How every table for people looks: rows under headings, names beside values, times. Not for what they say."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from datetime import datetime


def rows_under(*columns: str, whole: Container[str] = ()) -> Table:
    """Return an empty table with headings. Columns in `whole` stay on one line: a broken id cannot be copied."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in whole, overflow="fold")
    return table


def named_values(facts: Mapping[str, str], styles: Mapping[str, str] | None = None) -> Table:
    """Return names beside values, without the empty ones; `styles` colours the values that it names."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(value, (styles or {}).get(value, "")))
    return table


def local_time(at: datetime) -> str:
    """Return an instant as date and time of this computer's zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
