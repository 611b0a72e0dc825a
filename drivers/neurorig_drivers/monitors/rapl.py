"""RAPL: the processor's own energy counters as a power monitor, through Linux's powercap tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurorig_drivers.interface import supported_rates
from neurorig_drivers.monitors.counters import CounterMonitor, Poller, Polls, invalid, unmarked_block
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import MonitorUnavailable
from neurorig_protocols.trace import AccuracySpec, AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock

ROOT = Path("/sys/class/powercap")

_ZONE = re.compile(r"intel-rapl:(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Zone:
    """One counter: `id` is its folder's name, `name` what the kernel calls it ("package-0", "dram")."""

    id: str
    name: str
    energy: Path
    wrap: int

    def read(self) -> int:
        """Return microjoules; OSError when the counter cannot be read, ValueError when it holds no number."""
        return int(self.energy.read_bytes())


def find_zones(root: Path) -> list[Zone]:
    """Return the zones of a tree in the order of their numbers; MonitorUnavailable says why there are none."""
    if not root.is_dir():
        raise MonitorUnavailable(
            f"no powercap tree at {root}: the kernel offers none, as in most virtual machines and containers",
            where=str(root),
            next_step="Measure on the machine itself, or leave the monitor out: the energy is absent then.",
        )
    folders = [(match, folder) for folder in root.iterdir() if (match := _ZONE.fullmatch(folder.name))]
    folders.sort(key=lambda found: (int(found[0][1]), int(found[0][2] or -1)))
    zones = [_zone(folder) for _, folder in folders]
    if not zones:
        raise MonitorUnavailable(
            f"no RAPL zone in {root}: the processor has none or the module intel_rapl_msr is not loaded",
            where=str(root),
            next_step="Try 'modprobe intel_rapl_msr', or leave the monitor out.",
        )
    return zones


def _zone(folder: Path) -> Zone:
    try:
        name = (folder / "name").read_text().strip()
        wrap = int((folder / "max_energy_range_uj").read_bytes())
    except (OSError, ValueError) as error:
        raise MonitorUnavailable(f"the zone {folder.name} cannot be read: {error}", where=str(folder)) from error
    return Zone(folder.name, name, folder / "energy_uj", wrap)


def check_readable(zone: Zone) -> None:
    """Raise MonitorUnavailable with the reason unless a zone's counter can be read."""
    try:
        zone.read()
    except PermissionError as error:
        raise MonitorUnavailable(
            f"{zone.energy} cannot be read: energy_uj is readable by root only since CVE-2020-8694",
            where=str(zone.energy),
            next_step="Run the agent as root or let its user read energy_uj; that user's programs can then watch "
            "each other's power.",
        ) from error
    except (OSError, ValueError) as error:
        raise MonitorUnavailable(f"{zone.energy} cannot be read: {error}", where=str(zone.energy)) from error


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
