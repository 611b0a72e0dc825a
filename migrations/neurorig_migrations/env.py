"""Runs the revisions on the connection that the server hands over, or on NEURORIG_DATABASE_URL for a developer."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine


def run(connection: Connection) -> None:
    """Run all pending revisions in one transaction."""
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(os.environ["NEURORIG_DATABASE_URL"])
    with engine.connect() as own:
        run(own)
    engine.dispose()
