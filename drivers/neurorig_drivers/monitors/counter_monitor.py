"""What monitors made of energy counters have in common: the order of the verbs, the head and the report.

Such a monitor is on the host's clock, has no marker line and loses nothing between two readings. Which counters there
are, and what their numbers are worth, is each driver's own business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neurorig_drivers.monitors.counter_polling import EvenPowers, Poller
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError
from neurorig_protocols.quantities import Grade
from neurorig_protocols.trace import AcquisitionReport, ChannelInfo, TraceHead


class CounterMonitor:
    """The state of one acquisition: unarmed, armed, closed. Base of PowerMonitors; `identity` is the driver's."""

    grade: Grade = "onboard"

    channels: Sequence[ChannelInfo]
    head: TraceHead

    def __init__(self, config: MonitorConfig, options: frozenset[str]) -> None:
        if unknown := sorted(set(config.options) - options):
            raise invalid(config, f"unknown option '{unknown[0]}'")
        if not config.channels:
            raise invalid(config, "no channel is given")
        self._config = config
        self._poller: Poller | None = None
        self._closed = False

    @property
    def identity(self) -> str:
        """What is read, as it names itself."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop polling if need be."""
        if self._poller is not None:
            self._poller.stop()
        self._poller, self._closed = None, True

    def _require_unarmed(self) -> None:
        if self._poller is not None or self._closed:
            raise self._out_of_order("is closed" if self._closed else "is armed already")

    def _begin(self, poller: Poller, channels: Sequence[ChannelInfo], *, t0_ns: int, dt_ns: int) -> None:
        """Note that an acquisition has begun: its first sample begins at t0."""
        self.channels = channels
        self.head = TraceHead(monitor=self._config.id, clock="host", t0_ns=t0_ns, dt_ns=dt_ns, channels=tuple(channels))
        self._powers = EvenPowers(t0_ns, dt_ns, len(channels))
        self._poller = poller

    def _present(self) -> Poller:
        if self._poller is None:
            raise self._out_of_order("is not armed")
        return self._poller

    def _end(self) -> Poller:
        """Stop polling and return the poller; MonitorLost when reading had failed."""
        poller = self._present()
        poller.stop()
        self._poller = None
        poller.check()
        return poller

    def _report(self, poller: Poller, settings: Mapping[str, str | int | float | bool]) -> AcquisitionReport:
        """Say what was sampled; a counter loses nothing between readings, `longest_poll_s` says how late one was."""
        return AcquisitionReport(
            monitor=self._config.id,
            samples=self._powers.samples,
            dropped=0,
            overloads=0,
            identity=self.identity,
            settings={
                "grade": self.grade,
                "rate_hz": self.channels[0].rate_hz,
                "longest_poll_s": poller.longest_s,
                **settings,
            },
        )

    def _out_of_order(self, state: str) -> MeasurementError:
        return MeasurementError(f"the monitor {state}", where=f"monitor {self._config.id}")


def invalid(config: MonitorConfig, problem: str) -> InvalidConfig:
    """Return the failure of a bench file's entry that cannot be right."""
    return InvalidConfig(problem, where=f"monitor {config.id}", next_step="Correct the monitor in the bench file.")
