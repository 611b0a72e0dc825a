"""What the submitters of a problem call its variables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the table of names."""
    op.create_table(
        "variable_names",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("token", sa.String(200), nullable=False),
        sa.Column("names", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["files.digest"], name="fk_variable_names_digest"),
        sa.PrimaryKeyConstraint("digest", "token", name="pk_variable_names"),
    )
