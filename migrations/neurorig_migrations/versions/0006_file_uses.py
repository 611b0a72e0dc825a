"""Which jobs name which files, and the lease that a bench's agent handed back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
NAMED_IN = {"qubo": ("problem",), "snn": ("model", "events")}
BATCH = 1000


def upgrade() -> None:
    """Create the table of uses, fill it from the jobs that are here, and add the column to the benches."""
    op.create_table(
        "job_files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("job_seq", KEY, nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["files.digest"], name="fk_job_files_digest"),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_job_files_job_seq"),
        sa.PrimaryKeyConstraint("digest", "job_seq", name="pk_job_files"),
    )
    op.create_index("ix_files_uploaded_by", "files", ["uploaded_by"], unique=False)
    op.add_column("benches", sa.Column("returned_lease", sa.String(12), nullable=True))
    _fill()


def _fill() -> None:
    jobs = sa.table("jobs", sa.column("seq", KEY), sa.column("workload", sa.String), sa.column("spec", DOCUMENT))
    job_files = sa.table("job_files", sa.column("digest", sa.String), sa.column("job_seq", KEY))
    connection = op.get_bind()
    kept = set(connection.execute(sa.text("SELECT digest FROM files")).scalars())
    last = 0
    while True:
        query = sa.select(jobs.c.seq, jobs.c.spec).where(jobs.c.seq > last, jobs.c.workload.in_(list(NAMED_IN)))
        rows = connection.execute(query.order_by(jobs.c.seq).limit(BATCH)).all()
        if not rows:
            return
        last = rows[-1].seq
        uses = [{"digest": digest, "job_seq": row.seq} for row in rows for digest in _named(row.spec) & kept]
        if uses:
            connection.execute(sa.insert(job_files), uses)


def _named(spec: dict[str, Any]) -> set[str]:
    workload = spec["workload"]
    return {str(workload[field]).removeprefix("sha256:") for field in NAMED_IN[workload["name"]]}
