"""Tables and named values as text: what rich draws on a terminal and Jinja draws on a page. No drawing here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal

from neurorig_protocols.number_text import count_text
from neurorig_protocols.quantities import Reality
from neurorig_protocols.workloads.contract import Fact, FactTable

NONE = "–"
"""What stands where nothing belongs; what is missing says why instead."""

NUMERIC = frozenset("0123456789+−≥≤")
"""What a number begins with."""

DIGEST_HEAD = 19
"""Characters of a shortened digest: `sha256:` and twelve digits."""

Tone = Literal["", "calm", "good", "warn", "bad", "active", "virtual", "muted"]
"""How a text is meant, drawn as a colour; the text says it in words, too."""


@dataclass(frozen=True)
class Cell:
    """One text of a table, or one named value.

    Attributes:
        text: what is shown.
        reason: why it is not a number, where that is too long to be shown everywhere.
        note: a remark shown below or behind the text.
        tone: how it is meant.
        badge: drawn with a frame on a page.
        code: an id, a digest or an expression: copied as it is.
        href: path of the page on the server that it leads to.
        parts: several cells instead of one text.
    """

    text: str
    reason: str = ""
    note: str = ""
    tone: Tone = ""
    badge: bool = False
    code: bool = False
    href: str = ""
    parts: tuple[Cell, ...] = ()

    @property
    def line(self) -> str:
        """The text with its note, or the parts, in one line; without the reason."""
        if self.parts:
            return ", ".join(part.line for part in self.parts)
        return f"{self.text} ({self.note})" if self.note and self.text else self.text or self.note

    @property
    def numeric(self) -> bool:
        """Whether this begins as a number, so that a page does not break it over lines."""
        return self.text[:1] in NUMERIC and not self.code


Where = Literal["", "terminal", "page"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        header: its heading.
        align: where its texts stand; counts and costs stand at the right.
        note: a remark below the heading.
        unbroken: never broken over lines on a terminal, so that it can be copied.
        where: the only place that shows it; empty for both.
    """

    header: str
    align: Literal["left", "right"] = "left"
    note: str = ""
    unbroken: bool = False
    where: Where = ""


@dataclass(frozen=True)
class TextTable:
    """A table of texts: a caption, columns, and rows with a cell for each column; the first cell names its row.

    Attributes:
        title: its caption.
        columns: the columns.
        rows: the rows.
        sums: how many rows at the end sum up those above.
        more: rows that are left to the JSON.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    sums: int = 0
    more: int = 0

    def on(self, place: Where) -> TextTable:
        """Return the table with the columns that a place shows, without those that are empty in every row."""
        used = [not self.rows or any(row[k].line for row in self.rows) for k in range(len(self.columns))]
        shown = [k for k, column in enumerate(self.columns) if used[k] and column.where in ("", place)]
        return replace(
            self, columns=[self.columns[k] for k in shown], rows=[[row[k] for k in shown] for row in self.rows]
        )


NamedValues = Sequence[tuple[str, Cell]]
"""Names beside values; a name with an empty value is not shown."""


def columns(*headers: str, right: Iterable[str] = (), unbroken: Iterable[str] = ()) -> list[Column]:
    """Return columns by their headings."""
    aligned, kept = set(right), set(unbroken)
    return [Column(header, "right" if header in aligned else "left", unbroken=header in kept) for header in headers]


def titled(title: str, reality: Reality) -> str:
    """Return the caption of a table of measured values; a virtual bench is named in it."""
    return f"{title}, VIRTUAL" if reality == "virtual" else title


def of_facts(facts: Iterable[Fact]) -> NamedValues:
    """Return a workload's facts as named values."""
    return [(fact.label, Cell(fact.text, note=fact.note)) for fact in facts]


def of_fact_table(found: FactTable) -> TextTable:
    """Return a workload's table."""
    rows = [[Cell(text) for text in row] for row in found.rows]
    return TextTable(found.title, [Column(header) for header in found.columns], rows, more=found.more)


def of_records(title: str, rows: Sequence[tuple[str, str]]) -> TextTable:
    """Return free-form facts as a table of names and values."""
    return TextTable(title, columns("Name", "Value"), [[Cell(name), Cell(value)] for name, value in rows])


def instant_text(at: datetime | date) -> str:
    """Return an instant to the second in UTC, or a day."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if isinstance(at, datetime) else at.isoformat()


def instant_cell(at: datetime | None, otherwise: str = "not yet", *, note: str = "") -> Cell:
    """Return an instant, or what stands where it has not come."""
    return Cell(otherwise, tone="muted") if at is None else Cell(instant_text(at), note=note)


def count_cell(number: int | None, *, href: str = "") -> Cell:
    """Return a count; a dash without one."""
    return dash() if number is None else Cell(count_text(number), href=href)


def dash() -> Cell:
    """Return what stands where nothing belongs."""
    return Cell(NONE, tone="muted")


def id_cell(some_id: str, path: str = "", *, note: str = "") -> Cell:
    """Return an id with the page it leads to; `path` is the part before it, such as "/jobs/"."""
    return Cell(some_id, code=True, href=f"{path}{some_id}" if path else "", note=note)


def digest_cell(digest: str | None, otherwise: str = NONE) -> Cell:
    """Return the beginning of a digest, with the whole one as its reason."""
    return Cell(f"{digest[:DIGEST_HEAD]}…", reason=digest, code=True) if digest else Cell(otherwise, tone="muted")


def reality_text(reality: Reality | None) -> str:
    """Return a reality in words; a virtual one cannot be overlooked."""
    return {"virtual": "VIRTUAL", "physical": "physical"}[reality] if reality else "no result yet"


def reality_cell(reality: Reality) -> Cell:
    """Return a reality as a badge."""
    return Cell(reality_text(reality), tone="virtual" if reality == "virtual" else "calm", badge=True)


TONES: dict[str, Tone] = {
    "succeeded": "good", "valid": "good", "online": "good", "verified": "good",
    "degraded": "warn", "measurement_invalid": "warn", "cancelling": "warn", "lost": "warn",
    "failed": "bad", "invalid": "bad", "offline": "bad", "WRONG": "bad",
    "running": "active", "leased": "active", "busy": "active",
}  # fmt: skip


def state_cell(state: str | None, otherwise: str = "", *, note: str = "") -> Cell:
    """Return a state, a quality or a verdict as a badge."""
    if state is None:
        return Cell(otherwise, tone="muted", note=note)
    return Cell(state.replace("_", " "), tone=TONES.get(state, "calm"), badge=True, note=note)
