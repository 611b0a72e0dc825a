"""RAPL: the processor's own energy counters as a power monitor, through Linux's powercap tree.

Its numbers have the grade `onboard` and no maker's accuracy: what stands in the AccuracySpec is this project's
assumption and says so. There is no marker line; windows come from host timestamps, so the trace is on the host clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurorig_drivers.interface import supported_rates
from neurorig_drivers.monitors.powercap import ROOT, Poller, Polls, Zone, check_readable, find_zones
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorUnavailable
from neurorig_protocols.quantities import Grade
from neurorig_protocols.trace import (
    AccuracySpec,
    AcquisitionPlan,
    AcquisitionReport,
    ChannelInfo,
    SampleBlock,
    TraceHead,
)

RATES_HZ = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

ASSUMED_GAIN_LIMIT = 0.05
ASSUMED_STEP_J = 2.0**-14
ASSUMED_CLOCK_LIMIT = 500e-6
ASSUMPTION = (
    "assumed by neurorig, no maker publishes an accuracy of RAPL: 5 % of reading, no offset of its own, "
    "counter steps of 61 uJ, host clock within 500 ppm. Not valid where the counters are filtered or distorted (SGX)."
)

_OPTIONS = {"root", "zones"}


class Rapl:
    """A PowerMonitor. Options: `root` of the tree; `zones`, names or ids of channels 1, 2 ... separated by commas.

    Without `zones` the channels are the processor packages. Raises MonitorUnavailable with the plain reason when the
    counters are not there or may not be read.
    """

    grade: Grade = "onboard"

    channels: Sequence[ChannelInfo]
    head: TraceHead

    def __init__(self, config: MonitorConfig) -> None:
        if unknown := sorted(set(config.options) - _OPTIONS):
            raise _invalid(config, f"unknown option '{unknown[0]}'")
        if not config.channels:
            raise _invalid(config, "no channel is given")
        self._config = config
        self._root = Path(str(config.options.get("root", ROOT)))
        self._zones = _wired(config, find_zones(self._root))
        for zone in self._zones:
            check_readable(zone)
        self._poller: Poller | None = None
        self._closed = False
        self.channels = self._channels_at(RATES_HZ[-1])

    @property
    def identity(self) -> str:
        """The zones that are read, as the kernel names them."""
        return "Linux powercap " + ", ".join(f"{zone.name} ({zone.id})" for zone in self._zones)

    def arm(self, plan: AcquisitionPlan) -> None:
        """Start polling at the supported rate next above the wanted one, 1 kHz at most."""
        if self._poller is not None or self._closed:
            raise self._out_of_order("is closed" if self._closed else "is armed already")
        rate_hz = supported_rates(RATES_HZ, plan.rate_hz)
        poller = Poller(self._zones, 1 / rate_hz)
        try:
            poller.start()
        except (OSError, ValueError) as error:
            raise MonitorUnavailable(f"the counters cannot be read: {error}", where=str(self._root)) from error
        self.channels = self._channels_at(rate_hz)
        self._poller, self._samples = poller, 0
        self._pending = poller.take()
        self.head = TraceHead(
            monitor=self._config.id,
            clock="host",
            t0_ns=int(self._pending.t_ns[0]),
            dt_ns=round(1e9 / rate_hz),
            channels=tuple(self.channels),
        )

    def stream(self) -> Iterator[SampleBlock]:
        """Yield mean powers between instants at which the counters are known by interpolation of two readings.

        Energy is conserved: a late reading spreads its energy evenly over the time it covers.
        """
        block = self._next_block(self._present())
        if len(block.values):
            yield block

    def disarm(self) -> AcquisitionReport:
        """Stop polling. A counter loses nothing between readings, so `dropped` is 0; `longest_poll_s` says how late."""
        poller = self._present()
        poller.stop()
        self._poller = None
        # Fails here if polling failed since the last block.
        poller.take()
        return AcquisitionReport(
            monitor=self._config.id,
            samples=self._samples,
            dropped=0,
            overloads=0,
            identity=self.identity,
            settings={
                "grade": self.grade,
                "root": str(self._root),
                "rate_hz": self.channels[0].rate_hz,
                "longest_poll_s": poller.longest_s,
            },
        )

    def close(self) -> None:
        """Stop polling if need be."""
        if self._poller is not None:
            self._poller.stop()
        self._poller, self._closed = None, True

    def _present(self) -> Poller:
        if self._poller is None:
            raise self._out_of_order("is not armed")
        return self._poller

    def _out_of_order(self, state: str) -> MeasurementError:
        return MeasurementError(f"the monitor {state}", where=f"monitor {self._config.id}")

    def _next_block(self, poller: Poller) -> SampleBlock:
        polls = _joined(self._pending, poller.take())
        dt_ns, begin = self.head.dt_ns, self._samples
        # Small numbers before floats: monotonic nanoseconds do not fit a float to the nanosecond.
        t_ns = (polls.t_ns - self.head.t0_ns).astype(np.float64)
        self._samples = max(int(t_ns[-1] // dt_ns), begin)
        edges_ns = np.arange(begin, self._samples + 1, dtype=np.float64) * dt_ns
        # The reading at or before the last edge is the first that the next block needs.
        keep = int(np.searchsorted(t_ns, edges_ns[-1], "right")) - 1
        self._pending = Polls(polls.t_ns[keep:], polls.energy_uj[keep:])
        return _block(begin, _powers_w(edges_ns, t_ns, polls.energy_uj))

    def _channels_at(self, rate_hz: float) -> list[ChannelInfo]:
        step_w = ASSUMED_STEP_J * rate_hz
        accuracy = AccuracySpec(
            gain_limit=ASSUMED_GAIN_LIMIT,
            offset_limit_w=0.0,
            noise_w=step_w,
            resolution_w=step_w,
            timebase_limit=ASSUMED_CLOCK_LIMIT,
            source=ASSUMPTION,
        )
        # Beyond this mean power a counter would wrap more than once in a sample.
        ranges_w = [zone.wrap_uj * 1e-6 * rate_hz for zone in self._zones]
        return [
            ChannelInfo(channel=c.channel, rail=c.rail, rate_hz=rate_hz, range_w=range_w, accuracy=accuracy)
            for c, range_w in zip(self._config.channels, ranges_w, strict=True)
        ]


def _powers_w(
    edges_ns: npt.NDArray[np.float64], t_ns: npt.NDArray[np.float64], energy_uj: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Mean power (k, zones) between edges (k+1,), from cumulative energies at other instants."""
    at_edges = [np.interp(edges_ns, t_ns, (e - energy_uj[0, i]) * 1e-6) for i, e in enumerate(energy_uj.T)]
    lengths_s = np.diff(edges_ns)[:, np.newaxis] * 1e-9
    return (np.diff(np.stack(at_edges, axis=1), axis=0) / lengths_s).astype(np.float32)


def _block(index: int, values: npt.NDArray[np.float32]) -> SampleBlock:
    # No line is wired to a processor's counters, and they have no range to leave.
    nothing = np.zeros(len(values), np.uint8)
    return SampleBlock(index=index, values=values, digital=nothing, flags=nothing.copy())


def _joined(older: Polls, newer: Polls) -> Polls:
    return Polls(np.concatenate([older.t_ns, newer.t_ns]), np.concatenate([older.energy_uj, newer.energy_uj]))


def _wired(config: MonitorConfig, zones: Sequence[Zone]) -> list[Zone]:
    """Return the zone of each configured channel, in the order of the bench file."""
    named = str(config.options.get("zones", "")).split(",")
    chosen = [_find(config, zones, name.strip()) for name in named if name.strip()]
    chosen = chosen or [zone for zone in zones if zone.name.startswith("package")]
    missing = [c.channel for c in config.channels if c.channel > len(chosen)]
    if missing:
        known = ", ".join(f"{zone.name} ({zone.id})" for zone in zones)
        raise _invalid(config, f"channel {missing[0]} has no zone; {len(chosen)} are chosen of {known}")
    return [chosen[c.channel - 1] for c in config.channels]


def _find(config: MonitorConfig, zones: Sequence[Zone], name: str) -> Zone:
    found = [zone for zone in zones if name in (zone.id, zone.name)]
    if len(found) != 1:
        known = ", ".join(f"{zone.name} ({zone.id})" for zone in zones)
        raise _invalid(config, f"'{name}' names {len(found)} zones of {known}")
    return found[0]


def _invalid(config: MonitorConfig, problem: str) -> InvalidConfig:
    return InvalidConfig(problem, where=f"monitor {config.id}", next_step="Correct the monitor in the bench file.")
