"""What a server answers about itself."""

from __future__ import annotations

from neurorig_protocols.records import Record


class Alive(Record):
    """The process answers."""

    status: str = "ok"


class Ready(Record):
    """The database answers and has the schema of this code."""

    status: str = "ready"
    revision: str
