"""Keyset paging: a cursor is the key of the last row seen, opaque to clients. Not for offsets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.refusals import Invalid

MAX_KEY = 2**63 - 1


def to_cursor(seq: int) -> str:
    """Encode a row's key."""
    return base64.urlsafe_b64encode(str(seq).encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> int:
    """Decode `to_cursor`; Invalid for any other text."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _not_ours() from error
    if not text.isdecimal() or len(text) > 19 or int(text) > MAX_KEY:
        raise _not_ours()
    return int(text)


def cut(rows: Sequence[Row[Any]], limit: int) -> tuple[Sequence[Row[Any]], str | None]:
    """Return a page and the cursor of the next one, None at the end; `rows` holds one more than `limit` if there is."""
    page = rows[:limit]
    return page, to_cursor(page[-1].seq) if len(rows) > limit else None


def _not_ours() -> Invalid:
    problem = FieldProblem(field="query.cursor", message="not a cursor of this server", code="invalid_cursor")
    return Invalid("the cursor is not one of this server", problems=[problem])
