"""What a server answers about benches."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.board import BoardInfo
from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Record


class LeaseView(Record):
    """Who holds a bench, and until when."""

    attempt_id: str
    job_id: str
    expires_at: AwareDatetime
    phase: str = ""


class BenchView(Record):
    """A bench as its agent registered it."""

    name: str
    reality: Reality
    board: str
    profile: BenchProfile
    board_info: BoardInfo
    agent_version: str
    last_seen_at: AwareDatetime
    state: Literal["online", "offline", "busy"]
    lease: LeaseView | None
