"""The table of best verified targets that were found after the shipped ones. Rows are added, never changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from neurorig_server.store.database import UtcDateTime
from neurorig_server.store.tables import Id, Sequence, metadata

targets = Table(
    "targets",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("key", String(96), nullable=False),
    Column("workload", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("density", Float(53)),
    Column("seed", BigInteger),
    Column("digest", String(71)),
    Column("cost", BigInteger, nullable=False),
    Column("solution", Text, nullable=False),
    Column("found_by", String(200), nullable=False),
    Column("found_on", String(200), nullable=False),
    Column("comment", Text, nullable=False),
    Column("proposed_by", String(200), nullable=False),
    Column("attempt_id", Id, ForeignKey("attempts.id")),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("key", "cost"),
    Index(None, "workload", "n"),
)
