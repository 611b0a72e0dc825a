"""The tables of targets, tuning declarations, evaluation rounds and comparisons, on the store's one `metadata`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from neurorig_protocols.benchmarks.evaluation import RoundState
from neurorig_server.store.database import UtcDateTime
from neurorig_server.store.tables import Id, Json, Sequence, metadata

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


Digest = String(71)
"""`sha256:` and 64 hexadecimal digits."""

tunings = Table(
    "tunings",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("digest", Digest, nullable=False, unique=True),
    Column("benchmark", String(64), nullable=False),
    Column("board", String(64), nullable=False),
    Column("solver", String(64), nullable=False),
    # The canonical text itself: a JSON column may write a number another way, and the digest would no longer fit.
    Column("declaration", Text, nullable=False),
    Column("declared_by", String(200), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("benchmark", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("commitment", Digest, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("comment", Text, nullable=False),
    Column("opened_by", String(200), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("tuning", Digest, ForeignKey("tunings.digest")),
    Column("nonce", String(64)),
    Column("seeds", Json),
    Column("frozen_at", UtcDateTime),
    CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in RoundState)})", name="state"),
    CheckConstraint(
        "(state = 'revealed') = (tuning IS NOT NULL AND nonce IS NOT NULL AND seeds IS NOT NULL"
        " AND frozen_at IS NOT NULL)",
        name="revealed",
    ),
    Index(None, "tuning"),
)

# The drawn seeds once more, one per row: the standing of a page of jobs must not read every round of a declaration.
evaluation_seeds = Table(
    "evaluation_seeds",
    metadata,
    Column("tuning", Digest, ForeignKey("tunings.digest"), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("evaluation_seq", Sequence, ForeignKey("evaluations.seq"), nullable=False),
    PrimaryKeyConstraint("tuning", "seed", "evaluation_seq"),
)


comparisons = Table(
    "comparisons",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("left_job", Id, ForeignKey("jobs.id")),
    Column("left_campaign", Id, ForeignKey("campaigns.id")),
    Column("right_job", Id, ForeignKey("jobs.id")),
    Column("right_campaign", Id, ForeignKey("campaigns.id")),
    Column("submitted_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("(left_job IS NULL) <> (left_campaign IS NULL)", name="left"),
    CheckConstraint("(right_job IS NULL) <> (right_campaign IS NULL)", name="right"),
)
