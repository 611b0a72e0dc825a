"""RAPL: the processor's own energy counters as a power monitor, through Linux's powercap tree.

Its numbers have the grade `onboard` and no maker's accuracy: what stands in the AccuracySpec is this project's
assumption and says so. There is no marker line; windows come from host timestamps, so the trace is on the host clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from neurorig_drivers.interface import supported_rates
from neurorig_drivers.monitors.counter_monitor import CounterMonitor, invalid
from neurorig_drivers.monitors.counter_polling import Poller, Polls, unmarked_block
from neurorig_drivers.monitors.powercap import ROOT, Zone, check_readable, find_zones
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import MonitorUnavailable
from neurorig_protocols.trace import AccuracySpec, AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock

RATES_HZ = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

ASSUMED_GAIN_LIMIT = 0.05
ASSUMED_STEP_J = 2.0**-14
ASSUMED_CLOCK_LIMIT = 500e-6
ASSUMPTION = (
    "assumed by neurorig, no maker publishes an accuracy of RAPL: 5 % of reading, no offset of its own, "
    "counter steps of 61 uJ, host clock within 500 ppm. Not valid where the counters are filtered or distorted (SGX)."
)

LOST_NEXT_STEP = "Check the powercap tree and its permissions, then submit the job again."

_OPTIONS = frozenset({"root", "zones"})


class Rapl(CounterMonitor):
    """A PowerMonitor. Options: `root` of the tree; `zones`, names or ids of channels 1, 2 ... separated by commas.

    Without `zones` the channels are the processor packages. Raises MonitorUnavailable with the plain reason when the
    counters are not there or may not be read.
    """

    def __init__(self, config: MonitorConfig) -> None:
        super().__init__(config, _OPTIONS)
        self._root = Path(str(config.options.get("root", ROOT)))
        self._zones = _wired(config, find_zones(self._root))
        for zone in self._zones:
            check_readable(zone)
        self.channels = self._channels_at(RATES_HZ[-1])

    @property
    def identity(self) -> str:
        """The zones that are read, as the kernel names them."""
        return "Linux powercap " + ", ".join(f"{zone.name} ({zone.id})" for zone in self._zones)

    def arm(self, plan: AcquisitionPlan) -> None:
        """Start polling at the supported rate next above the wanted one, 1 kHz at most."""
        self._require_unarmed()
        rate_hz = supported_rates(RATES_HZ, plan.rate_hz)
        poller = Poller(self._zones, 1 / rate_hz, where=str(self._root), next_step=LOST_NEXT_STEP)
        try:
            poller.start()
        except (OSError, ValueError) as error:
            raise MonitorUnavailable(f"the counters cannot be read: {error}", where=str(self._root)) from error
        first = poller.take()
        self._begin(poller, self._channels_at(rate_hz), t0_ns=int(first.t_ns[0]), dt_ns=round(1e9 / rate_hz))
        self._add(first)

    def stream(self) -> Iterator[SampleBlock]:
        """Yield mean powers between even instants, see `EvenPowers`."""
        self._add(self._present().take())
        index, values = self._powers.take()
        if len(values):
            yield unmarked_block(index, values)

    def disarm(self) -> AcquisitionReport:
        """Stop polling and say what was sampled."""
        return self._report(self._end(), {"root": str(self._root)})

    def _add(self, polls: Polls) -> None:
        for column, counts_uj in enumerate(polls.counts.T):
            self._powers.add(column, polls.t_ns, counts_uj * 1e-6)

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
        ranges_w = [zone.wrap * 1e-6 * rate_hz for zone in self._zones]
        return [
            ChannelInfo(channel=c.channel, rail=c.rail, rate_hz=rate_hz, range_w=range_w, accuracy=accuracy)
            for c, range_w in zip(self._config.channels, ranges_w, strict=True)
        ]


def _wired(config: MonitorConfig, zones: Sequence[Zone]) -> list[Zone]:
    """Return the zone of each configured channel, in the order of the bench file."""
    named = str(config.options.get("zones", "")).split(",")
    chosen = [_find(config, zones, name.strip()) for name in named if name.strip()]
    chosen = chosen or [zone for zone in zones if zone.name.startswith("package")]
    missing = [c.channel for c in config.channels if c.channel > len(chosen)]
    if missing:
        known = ", ".join(f"{zone.name} ({zone.id})" for zone in zones)
        raise invalid(config, f"channel {missing[0]} has no zone; {len(chosen)} are chosen of {known}")
    return [chosen[c.channel - 1] for c in config.channels]


def _find(config: MonitorConfig, zones: Sequence[Zone], name: str) -> Zone:
    found = [zone for zone in zones if name in (zone.id, zone.name)]
    if len(found) != 1:
        known = ", ".join(f"{zone.name} ({zone.id})" for zone in zones)
        raise invalid(config, f"'{name}' names {len(found)} zones of {known}")
    return found[0]
