"""The tables of uploaded files and of the jobs that name them. The bytes lie in the object store, by digest."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table

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
    Index(None, "uploaded_by"),
)

# The foreign key is what keeps a file: no race between a deletion and a submission can leave a job without it.
job_files = Table(
    "job_files",
    metadata,
    Column("digest", String(64), ForeignKey("files.digest"), nullable=False),
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    PrimaryKeyConstraint("digest", "job_seq"),
)
