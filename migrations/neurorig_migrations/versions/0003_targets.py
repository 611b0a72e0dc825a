"""Best verified targets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of targets that were found after the shipped ones."""
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


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("targets")
