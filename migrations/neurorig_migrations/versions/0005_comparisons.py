"""Comparisons: which two jobs or campaigns belong together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table of comparisons."""
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
