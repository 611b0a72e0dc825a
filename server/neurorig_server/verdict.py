"""What the server makes of a report: the attempt's final state, quality, verified answer and energy."""

from __future__ import annotations

from typing import Literal

from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.records import Record
from neurorig_server.views import Quality, Verified


class Verdict(Record):
    """The result of a recomputation. `energy` and `energy_absent` exclude each other; one of them is given."""

    state: Literal["succeeded", "measurement_invalid"]
    quality: Quality
    codes: tuple[str, ...] = ()
    verified: Verified | None = None
    energy: EnergyMatrix | None = None
    energy_absent: str | None = None
    error: ErrorRecord | None = None
