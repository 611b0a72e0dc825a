"""Keys of rows: the random names the server gives, and keyset cursors for paging, opaque to clients."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from neurorig_protocols.api.ids import ALPHABET, LENGTH
from neurorig_server.store.errors import FieldProblem, Invalid

NO_ZERO = r"^[^\x00]*$"
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
OPTION = r"^[a-z0-9.+-]+$"
PRINTABLE = r"^[\x21-\x7e]+$"
"""Forms of other texts in requests; `problems.py` says each in words."""


def new_id() -> str:
    """Return 60 random bits as 12 characters that people can read aloud.

    Random, so that what an agent still holds of another database never names a row of this one.
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


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
