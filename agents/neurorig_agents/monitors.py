"""The monitors of one bench: opened, armed, recorded and stopped together; what fails is kept as a reason.

A failed monitor never ends an attempt: time and answer stand, energy is withheld.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from neurorig_agents.recorder import BlockStore, Recorder, Recording
from neurorig_drivers.process.host import HostedMonitor
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import MeasurementError, NeurorigError
from neurorig_protocols.trace import AcquisitionPlan

_log = logging.getLogger(__name__)


class Monitors:
    """All monitors of a bench, each in a child process that stays warm."""

    def __init__(self, configs: tuple[MonitorConfig, ...]) -> None:
        self._configs = {config.id: config for config in configs}
        self._hosted = {config.id: HostedMonitor(config) for config in configs}
        self._recorders: dict[str, Recorder] = {}
        self.failures: dict[str, NeurorigError] = {}
        """Monitors that failed in this attempt, and how."""
        self.absent: dict[str, NeurorigError] = {}
        """Optional monitors that are not there, and why."""

    @property
    def configured(self) -> bool:
        """Whether the bench has any monitor."""
        return bool(self._configs)

    @property
    def ready(self) -> list[str]:
        """Ids of the monitors that can be armed."""
        return [name for name in self._hosted if name not in self.failures and name not in self.absent]

    def open(self) -> None:
        """Forget old failures and open every monitor that is not open."""
        self.failures, self.absent = {}, {}
        for name, hosted in self._hosted.items():
            try:
                hosted.ensure_running()
            except NeurorigError as error:
                optional = self._configs[name].options.get("optional") is True
                (self.absent if optional else self.failures)[name] = error
                _log.log(
                    logging.INFO if optional else logging.WARNING, "monitor '%s' is absent: %s", name, error.message
                )

    def start(self, rate_hz: float, peak_w: Mapping[str, float], store: Callable[[str], BlockStore]) -> None:
        """Arm every ready monitor and record it into `store(id)`."""
        for name in self.ready:
            rails = {channel.rail for channel in self._configs[name].channels}
            plan = AcquisitionPlan(rate_hz=rate_hz, peak_w={r: w for r, w in peak_w.items() if r in rails})
            try:
                recorder = self._recorders[name] = Recorder(self._hosted[name], store(name))
                recorder.start(plan)
            except NeurorigError as error:
                self._fail(name, error)
            except OSError as error:
                self._fail(name, MeasurementError(f"samples cannot be stored: {error.strerror}", where="spool"))

    def periods_s(self) -> list[float]:
        """Return the sample period in seconds of every armed monitor."""
        return [self._hosted[name].head.dt_ns * 1e-9 for name in self._recorders]

    def update_s(self) -> float:
        """Return the longest time in seconds between updates of any armed monitor's counters; 0 without counters."""
        channels = [channel for name in self._recorders for channel in self._hosted[name].head.channels]
        return max((channel.accuracy.update_s for channel in channels), default=0.0)

    def ranges_w(self) -> dict[str, float]:
        """Return the range in watts of every rail that an armed monitor samples."""
        return {c.rail: c.range_w for name in self._recorders for c in self._hosted[name].head.channels}

    def finish(self) -> dict[str, Recording]:
        """Disarm all monitors and return what they recorded; those that failed are missing."""
        recordings = {}
        for name in list(self._recorders):
            try:
                recordings[name] = self._recorders[name].finish()
            except NeurorigError as error:
                self._fail(name, error)
        self._recorders.clear()
        return recordings

    def abandon(self) -> None:
        """Disarm whatever is armed and forget it."""
        for recorder in self._recorders.values():
            recorder.abandon()
        self._recorders.clear()

    def close(self) -> None:
        """End all monitor processes."""
        self.abandon()
        for hosted in self._hosted.values():
            hosted.close()

    def _fail(self, name: str, error: NeurorigError) -> None:
        _log.warning("monitor '%s' failed: %s", name, error.message)
        self.failures[name] = error
        if (recorder := self._recorders.pop(name, None)) is not None:
            recorder.abandon()
        # Its state is unknown: the next attempt opens it anew.
        self._hosted[name].close()
