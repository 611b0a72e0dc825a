"""Every table of the store. The migrations must give the same schema; a test compares them on both databases."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from neurorig_protocols.job import JobState
from neurorig_server.store.database import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Sequence = BigInteger().with_variant(Integer(), "sqlite")
"""Key that counts rows in their order of creation; SQLite counts by itself on INTEGER only."""

Id = String(12)
BenchName = String(64)


def among(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Return `column IN (…)` with our own constants spelled out, so that partial indexes apply."""
    return column.in_([literal_column(f"'{value}'", String) for value in values])


tokens = Table(
    "tokens",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("bench", BenchName),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("submitted_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

benches = Table(
    "benches",
    metadata,
    Column("name", BenchName, primary_key=True),
    Column("reality", String(16), nullable=False),
    Column("board", String(64), nullable=False),
    Column("record", Json, nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    # The lease that its agent last handed back: a claim under this id that is still on its way comes too late.
    Column("returned_lease", Id),
)

# Jobs that ask the same of a bench share one requirement: benches are matched with requirements, not with jobs.
requirements = Table(
    "requirements",
    metadata,
    Column("id", Sequence, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("example", Json, nullable=False),
)

feasible = Table(
    "feasible",
    metadata,
    Column("bench", BenchName, ForeignKey("benches.name"), nullable=False),
    Column("requirement_id", Sequence, ForeignKey("requirements.id"), nullable=False),
    PrimaryKeyConstraint("bench", "requirement_id"),
    Index(None, "requirement_id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("requirement_id", Sequence, ForeignKey("requirements.id"), nullable=False),
    Column("workload", String(64), nullable=False),
    Column("board", String(64)),
    Column("spec", Json, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("campaign_id", Id, ForeignKey("campaigns.id")),
    Column("submitted_by", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("cancel_requested_at", UtcDateTime),
    Column("error", Json),
    CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in JobState)})", name="state"),
    Index(None, "state", "seq"),
    Index(None, "campaign_id", "state"),
)
is_queued = jobs.c.state == literal_column(f"'{JobState.QUEUED}'", String)
Index(
    # The state stands in front although it is always the same here: SQLite prefers an index that begins with an
    # equality, and would otherwise sort the whole queue for every claim.
    "ix_jobs_queue",
    jobs.c.state,
    jobs.c.priority.desc(),
    jobs.c.seq,
    sqlite_where=is_queued,
    postgresql_where=is_queued,
)

job_tags = Table(
    "job_tags",
    metadata,
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    Column("tag", String(64), nullable=False),
    PrimaryKeyConstraint("tag", "job_seq"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("who", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "job_seq"),
)

exclusions = Table(
    "exclusions",
    metadata,
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    Column("bench", BenchName, ForeignKey("benches.name"), nullable=False),
    Column("until_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("job_seq", "bench"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Id, nullable=False, unique=True),
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("bench", BenchName, ForeignKey("benches.name"), nullable=False),
    Column("board", String(64), nullable=False),
    Column("reality", String(16), nullable=False),
    Column("state", String(24), nullable=False),
    Column("lease_id", Id, nullable=False, unique=True),
    Column("fence", Integer, nullable=False),
    Column("leased_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("heartbeat", Json),
    Column("started_at", UtcDateTime),
    Column("reported_at", UtcDateTime),
    Column("report_digest", String(64)),
    Column("analysis_until_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("quality", String(16)),
    Column("codes", Json, nullable=False),
    Column("energy_absent", Text),
    Column("error", Json),
    UniqueConstraint("job_seq", "number"),
    Index(None, "state"),
    Index(None, "board", "job_seq"),
)
is_open = among(attempts.c.state, ["leased", "running"])
"""The attempt has no result yet."""
holds_bench = is_open & attempts.c.reported_at.is_(None)
"""The attempt's agent is at work, so its bench is taken."""
Index(
    "uq_attempts_one_per_bench",
    attempts.c.bench,
    unique=True,
    sqlite_where=holds_bench,
    postgresql_where=holds_bench,
)
Index(
    "uq_attempts_one_per_job",
    attempts.c.job_seq,
    unique=True,
    sqlite_where=is_open,
    postgresql_where=is_open,
)
Index(
    "ix_attempts_expiry",
    attempts.c.expires_at,
    sqlite_where=is_open,
    postgresql_where=is_open,
)

# What is large or seldom read: the bench as it was, the report, late reports, the verified answer, the energy matrix.
documents = Table(
    "documents",
    metadata,
    Column("attempt_seq", Sequence, ForeignKey("attempts.seq"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("attempt_seq", "kind", "digest"),
)

traces = Table(
    "traces",
    metadata,
    Column("attempt_seq", Sequence, ForeignKey("attempts.seq"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    PrimaryKeyConstraint("attempt_seq", "digest"),
    Index(None, "digest"),
)

energy_cells = Table(
    "energy_cells",
    metadata,
    Column("attempt_seq", Sequence, ForeignKey("attempts.seq"), nullable=False),
    Column("component", String(64), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("rails", Text, nullable=False),
    Column("workload", String(64), nullable=False),
    Column("board", String(64), nullable=False),
    Column("bench", BenchName, nullable=False),
    Column("reality", String(16), nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("windows", Integer, nullable=False),
    Column("duration_s", Float(53), nullable=False),
    Column("energy_j", Float(53), nullable=False),
    Column("u_j", Float(53), nullable=False),
    Column("window_j", Float(53), nullable=False),
    Column("window_u_j", Float(53), nullable=False),
    Column("dynamic_j", Float(53)),
    Column("dynamic_u_j", Float(53)),
    Column("grade", Integer, nullable=False),
    PrimaryKeyConstraint("attempt_seq", "component", "phase"),
    Index(None, "component", "phase", "reality"),
    Index(None, "ended_at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("resource_id", Id, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("owner", "key"),
)


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

# Equal problems are one file, whatever their submitters call the variables.
variable_names = Table(
    "variable_names",
    metadata,
    Column("digest", String(64), ForeignKey("files.digest"), nullable=False),
    Column("token", String(200), nullable=False),
    Column("names", Json, nullable=False),
    PrimaryKeyConstraint("digest", "token"),
)

# The foreign key is what keeps a file: no race between a deletion and a submission can leave a job without it.
job_files = Table(
    "job_files",
    metadata,
    Column("digest", String(64), ForeignKey("files.digest"), nullable=False),
    Column("job_seq", Sequence, ForeignKey("jobs.seq"), nullable=False),
    PrimaryKeyConstraint("digest", "job_seq"),
)
