"""The whole schema. It replaces the revisions 0001 to 0006 from before the first release; its number is the last."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create every table, parents first."""
    _benches()
    _campaigns()
    _idempotency()
    _requirements()
    _tokens()
    _feasible()
    _jobs()
    _attempts()
    _attempt_indexes()
    _exclusions()
    _job_events()
    _job_tags()
    _documents()
    _energy_cells()
    _traces()
    _files()
    _job_files()
    _targets()
    _tunings()
    _evaluations()
    _evaluation_seeds()
    _comparisons()


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _benches() -> None:
    op.create_table(
        "benches",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("reality", sa.String(16), nullable=False),
        sa.Column("board", sa.String(64), nullable=False),
        sa.Column("record", DOCUMENT, nullable=False),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("returned_lease", sa.String(12), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_benches"),
    )


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("submitted_by", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_campaigns"),
        sa.UniqueConstraint("id", name="uq_campaigns_id"),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.String(12), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency"),
    )


def _requirements() -> None:
    op.create_table(
        "requirements",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("example", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requirements"),
        sa.UniqueConstraint("digest", name="uq_requirements_digest"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("bench", sa.String(64), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        sa.UniqueConstraint("id", name="uq_tokens_id"),
    )


def _feasible() -> None:
    op.create_table(
        "feasible",
        sa.Column("bench", sa.String(64), nullable=False),
        sa.Column("requirement_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["bench"], ["benches.name"], name="fk_feasible_bench"),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirements.id"], name="fk_feasible_requirement_id"),
        sa.PrimaryKeyConstraint("bench", "requirement_id", name="pk_feasible"),
    )
    op.create_index("ix_feasible_requirement_id", "feasible", ["requirement_id"], unique=False)


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("requirement_id", KEY, nullable=False),
        sa.Column("workload", sa.String(64), nullable=False),
        sa.Column("board", sa.String(64), nullable=True),
        sa.Column("spec", DOCUMENT, nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.String(12), nullable=True),
        sa.Column("submitted_by", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("cancel_requested_at", INSTANT, nullable=True),
        sa.Column("error", DOCUMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')",
            name="ck_jobs_state",
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_jobs_campaign_id"),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirements.id"], name="fk_jobs_requirement_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
    )
    op.create_index("ix_jobs_campaign_id_state", "jobs", ["campaign_id", "state"], unique=False)
    op.create_index(
        "ix_jobs_queue",
        "jobs",
        ["state", sa.literal_column("priority DESC"), "seq"],
        unique=False,
        **_where("state = 'queued'"),
    )
    op.create_index("ix_jobs_state_seq", "jobs", ["state", "seq"], unique=False)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("job_seq", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bench", sa.String(64), nullable=False),
        sa.Column("board", sa.String(64), nullable=False),
        sa.Column("reality", sa.String(16), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("lease_id", sa.String(12), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("leased_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("heartbeat", DOCUMENT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("reported_at", INSTANT, nullable=True),
        sa.Column("report_digest", sa.String(64), nullable=True),
        sa.Column("analysis_until_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("quality", sa.String(16), nullable=True),
        sa.Column("codes", DOCUMENT, nullable=False),
        sa.Column("energy_absent", sa.Text(), nullable=True),
        sa.Column("error", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["bench"], ["benches.name"], name="fk_attempts_bench"),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_attempts_job_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_attempts"),
        sa.UniqueConstraint("id", name="uq_attempts_id"),
        sa.UniqueConstraint("job_seq", "number", name="uq_attempts_job_seq_number"),
        sa.UniqueConstraint("lease_id", name="uq_attempts_lease_id"),
    )


def _attempt_indexes() -> None:
    op.create_index("ix_attempts_board_job_seq", "attempts", ["board", "job_seq"], unique=False)
    op.create_index(
        "ix_attempts_expiry", "attempts", ["expires_at"], unique=False, **_where("state IN ('leased', 'running')")
    )
    op.create_index("ix_attempts_state", "attempts", ["state"], unique=False)
    op.create_index(
        "uq_attempts_one_per_bench",
        "attempts",
        ["bench"],
        unique=True,
        **_where("state IN ('leased', 'running') AND reported_at IS NULL"),
    )
    op.create_index(
        "uq_attempts_one_per_job", "attempts", ["job_seq"], unique=True, **_where("state IN ('leased', 'running')")
    )


def _exclusions() -> None:
    op.create_table(
        "exclusions",
        sa.Column("job_seq", KEY, nullable=False),
        sa.Column("bench", sa.String(64), nullable=False),
        sa.Column("until_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["bench"], ["benches.name"], name="fk_exclusions_bench"),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_exclusions_job_seq"),
        sa.PrimaryKeyConstraint("job_seq", "bench", name="pk_exclusions"),
    )


def _job_events() -> None:
    op.create_table(
        "job_events",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("job_seq", KEY, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_job_events_job_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_job_events"),
    )
    op.create_index("ix_job_events_job_seq", "job_events", ["job_seq"], unique=False)


def _job_tags() -> None:
    op.create_table(
        "job_tags",
        sa.Column("job_seq", KEY, nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_job_tags_job_seq"),
        sa.PrimaryKeyConstraint("tag", "job_seq", name="pk_job_tags"),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("attempt_seq", KEY, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["attempt_seq"], ["attempts.seq"], name="fk_documents_attempt_seq"),
        sa.PrimaryKeyConstraint("attempt_seq", "kind", "digest", name="pk_documents"),
    )


def _energy_cells() -> None:
    op.create_table(
        "energy_cells",
        sa.Column("attempt_seq", KEY, nullable=False),
        sa.Column("component", sa.String(64), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("rails", sa.Text(), nullable=False),
        sa.Column("workload", sa.String(64), nullable=False),
        sa.Column("board", sa.String(64), nullable=False),
        sa.Column("bench", sa.String(64), nullable=False),
        sa.Column("reality", sa.String(16), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Float(53), nullable=False),
        sa.Column("energy_j", sa.Float(53), nullable=False),
        sa.Column("u_j", sa.Float(53), nullable=False),
        sa.Column("window_j", sa.Float(53), nullable=False),
        sa.Column("window_u_j", sa.Float(53), nullable=False),
        sa.Column("dynamic_j", sa.Float(53), nullable=True),
        sa.Column("dynamic_u_j", sa.Float(53), nullable=True),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_seq"], ["attempts.seq"], name="fk_energy_cells_attempt_seq"),
        sa.PrimaryKeyConstraint("attempt_seq", "component", "phase", name="pk_energy_cells"),
    )
    op.create_index(
        "ix_energy_cells_component_phase_reality", "energy_cells", ["component", "phase", "reality"], unique=False
    )
    op.create_index("ix_energy_cells_ended_at", "energy_cells", ["ended_at"], unique=False)


def _traces() -> None:
    op.create_table(
        "traces",
        sa.Column("attempt_seq", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_seq"], ["attempts.seq"], name="fk_traces_attempt_seq"),
        sa.PrimaryKeyConstraint("attempt_seq", "digest", name="pk_traces"),
    )
    op.create_index("ix_traces_digest", "traces", ["digest"], unique=False)


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("uploaded_by", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_files"),
        sa.UniqueConstraint("digest", name="uq_files_digest"),
    )
    op.create_index("ix_files_kind_seq", "files", ["kind", "seq"], unique=False)
    op.create_index("ix_files_uploaded_by", "files", ["uploaded_by"], unique=False)


def _job_files() -> None:
    op.create_table(
        "job_files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("job_seq", KEY, nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["files.digest"], name="fk_job_files_digest"),
        sa.ForeignKeyConstraint(["job_seq"], ["jobs.seq"], name="fk_job_files_job_seq"),
        sa.PrimaryKeyConstraint("digest", "job_seq", name="pk_job_files"),
    )


def _targets() -> None:
    op.create_table(
        "targets",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("key", sa.String(96), nullable=False),
        sa.Column("workload", sa.String(64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("density", sa.Float(53), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(71), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("solution", sa.Text(), nullable=False),
        sa.Column("found_by", sa.String(200), nullable=False),
        sa.Column("found_on", sa.String(200), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("attempt_id", sa.String(12), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_targets"),
        sa.UniqueConstraint("key", "cost", name="uq_targets_key_cost"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="fk_targets_attempt_id"),
    )
    op.create_index("ix_targets_workload_n", "targets", ["workload", "n"])


def _tunings() -> None:
    op.create_table(
        "tunings",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("benchmark", sa.String(64), nullable=False),
        sa.Column("board", sa.String(64), nullable=False),
        sa.Column("solver", sa.String(64), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("declared_by", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_tunings"),
        sa.UniqueConstraint("digest", name="uq_tunings_digest"),
    )


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("benchmark", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("commitment", sa.String(71), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("tuning", sa.String(71)),
        sa.Column("nonce", sa.String(64)),
        sa.Column("seeds", DOCUMENT),
        sa.Column("frozen_at", INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_evaluations"),
        sa.UniqueConstraint("id", name="uq_evaluations_id"),
        sa.ForeignKeyConstraint(["tuning"], ["tunings.digest"], name="fk_evaluations_tuning"),
        sa.CheckConstraint("state IN ('open', 'revealed')", name="ck_evaluations_state"),
        sa.CheckConstraint(
            "(state = 'revealed') = (tuning IS NOT NULL AND nonce IS NOT NULL AND seeds IS NOT NULL"
            " AND frozen_at IS NOT NULL)",
            name="ck_evaluations_revealed",
        ),
    )
    op.create_index("ix_evaluations_tuning", "evaluations", ["tuning"], unique=False)


def _evaluation_seeds() -> None:
    op.create_table(
        "evaluation_seeds",
        sa.Column("tuning", sa.String(71), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_seq", KEY, nullable=False),
        sa.PrimaryKeyConstraint("tuning", "seed", "evaluation_seq", name="pk_evaluation_seeds"),
        sa.ForeignKeyConstraint(["tuning"], ["tunings.digest"], name="fk_evaluation_seeds_tuning"),
        sa.ForeignKeyConstraint(["evaluation_seq"], ["evaluations.seq"], name="fk_evaluation_seeds_evaluation_seq"),
    )


def _comparisons() -> None:
    op.create_table(
        "comparisons",
        sa.Column("seq", KEY, nullable=False),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("left_job", sa.String(12), nullable=True),
        sa.Column("left_campaign", sa.String(12), nullable=True),
        sa.Column("right_job", sa.String(12), nullable=True),
        sa.Column("right_campaign", sa.String(12), nullable=True),
        sa.Column("submitted_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(left_job IS NULL) <> (left_campaign IS NULL)", name="ck_comparisons_left"),
        sa.CheckConstraint("(right_job IS NULL) <> (right_campaign IS NULL)", name="ck_comparisons_right"),
        sa.ForeignKeyConstraint(["left_job"], ["jobs.id"], name="fk_comparisons_left_job"),
        sa.ForeignKeyConstraint(["left_campaign"], ["campaigns.id"], name="fk_comparisons_left_campaign"),
        sa.ForeignKeyConstraint(["right_job"], ["jobs.id"], name="fk_comparisons_right_job"),
        sa.ForeignKeyConstraint(["right_campaign"], ["campaigns.id"], name="fk_comparisons_right_campaign"),
        sa.PrimaryKeyConstraint("seq", name="pk_comparisons"),
        sa.UniqueConstraint("id", name="uq_comparisons_id"),
    )
