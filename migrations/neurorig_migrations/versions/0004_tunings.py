"""Tuning declarations and evaluation rounds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables of declarations and rounds."""
    _tunings()
    _evaluations()
    _evaluation_seeds()


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
