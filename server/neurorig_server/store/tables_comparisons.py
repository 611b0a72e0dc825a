"""The table of comparisons, on the store's one `metadata`. The numbers are not stored: they follow from the sides."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table

from neurorig_server.store.database import UtcDateTime
from neurorig_server.store.tables import Id, Sequence, metadata

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
