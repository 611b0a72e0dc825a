"""The table of uploaded files. Their bytes lie in the object store, under the same digest."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table

from neurorig_server.store.database import UtcDateTime
from neurorig_server.store.tables import Json, Sequence, metadata

files = Table(
    "files",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("facts", Json, nullable=False),
    Column("uploaded_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "kind", "seq"),
)
