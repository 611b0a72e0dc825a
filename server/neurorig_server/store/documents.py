"""Documents of attempts: what is large or seldom read. Written once, never changed."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select

from neurorig_protocols.records import Record
from neurorig_server.store.tables import documents

Kind = Literal["bench", "report", "late_report", "verified", "energy"]


def digest_of(record: Record) -> str:
    """Return the digest of a record's content; the order of its fields does not matter."""
    text = json.dumps(record.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def add(connection: Connection, attempt_seq: int, kind: Kind, body: Any, at: datetime, *, digest: str = "") -> None:
    """Keep a document; `digest` tells several of one kind apart."""
    connection.execute(insert(documents).values(attempt_seq=attempt_seq, kind=kind, digest=digest, at=at, body=body))


def get(connection: Connection, attempt_seq: int, kind: Kind) -> Any:
    """Return the body of a document, None when there is none."""
    query = select(documents.c.body).where(documents.c.attempt_seq == attempt_seq, documents.c.kind == kind)
    return connection.execute(query).scalar()


def every(connection: Connection, attempt_seq: int, kind: Kind) -> list[Row[Any]]:
    """Return all documents of a kind, oldest first."""
    query = select(documents).where(documents.c.attempt_seq == attempt_seq, documents.c.kind == kind)
    return list(connection.execute(query.order_by(documents.c.at)).all())
