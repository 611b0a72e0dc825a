"""Energy of an attempt without traces, from the board's own power sensors and its own times. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurorig_protocols import onboard
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_protocols.report import AttemptReport, QuboAnswer


@dataclass(frozen=True)
class OnboardEnergy:
    """The sensors' mean powers and the lengths in seconds of the run windows, by window."""

    power: OnboardPower
    lengths_s: Mapping[int, float]
    reality: Reality

    def matrix(self) -> EnergyMatrix | Absent:
        """Return component x "run", or why there is none."""
        return onboard.matrix(self.power, list(self.lengths_s.values()), self.reality)

    def until(self, *, window: int, latency_s: float) -> Quantity | Absent:
        """Return the energy from the begin of run window `window` to `latency_s` later, or why there is none."""
        if window not in self.lengths_s:
            return Absent(reason_code="no_window", reason=f"there is no run window {window}")
        return onboard.until(self.power, latency_s)


def told(report: AttemptReport, reality: Reality) -> OnboardEnergy | Absent | None:
    """Return what the board's sensors said of an attempt, or why they said nothing; None for a board without them."""
    answer = report.answer
    if not isinstance(answer, QuboAnswer):
        return None
    found = answer.onboard
    if not isinstance(found, OnboardPower):
        return found
    # Only the sensors' own clock says how long the chip ran; a host's window holds the host's work too.
    runs = [time for time in report.times if time.phase == "run" and time.clock == answer.clock != "host"]
    return OnboardEnergy(found, {time.index: time.duration_s for time in runs}, reality)
