"""What lists of campaigns and comparisons share: filters by name and owner, and the owner's name in each row."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, Table, func, or_, select

from neurorig_protocols.records import Record
from neurorig_server.store.paging import from_cursor
from neurorig_server.store.tables import tokens

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class OwnedFilter(Record):
    """What a list is narrowed to; None does not matter."""

    name: Text | None = Field(default=None, description="part of the name, in any case")
    owner: Text | None = Field(default=None, description="name of the token that submitted it")


def newest_first(table: Table, wanted: OwnedFilter, *, limit: int, cursor: str | None) -> Select[Any]:
    """Return the query of one page, with the owner's name as `owner`.

    Args:
        table: a table with the columns seq, name and submitted_by.
        wanted: what the list is narrowed to.
        limit: rows per page; the query asks for one more, so that `paging.cut` knows whether a page follows.
        cursor: `next` of the page before, None for the first page.

    Raises:
        Invalid: the cursor is not one of this server.
    """
    # A token that was made outside this database has no row: its id is the best name there is.
    owner = func.coalesce(tokens.c.name, table.c.submitted_by)
    joined = table.outerjoin(tokens, tokens.c.id == table.c.submitted_by)
    query = select(table, owner.label("owner")).select_from(joined)
    if wanted.name is not None:
        query = query.where(table.c.name.icontains(wanted.name, autoescape=True))
    if wanted.owner is not None:
        query = query.where(or_(owner == wanted.owner, table.c.submitted_by == wanted.owner))
    if cursor is not None:
        query = query.where(table.c.seq < from_cursor(cursor))
    return query.order_by(table.c.seq.desc()).limit(limit + 1)
