"""The energy counters of Linux's powercap tree: finding them, reading them, polling them in a thread.

    ROOT/intel-rapl:N[:M]/{name, energy_uj, max_energy_range_uj}      (the tree of AMD processors is the same)

Counters are cumulative microjoules and wrap. Knows nothing of channels, samples or traces.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurorig_drivers.interface import host_ns
from neurorig_protocols.errors import MonitorLost, MonitorUnavailable

ROOT = Path("/sys/class/powercap")

_ZONE = re.compile(r"intel-rapl:(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Zone:
    """One counter: `id` is its folder's name, `name` what the kernel calls it ("package-0", "dram")."""

    id: str
    name: str
    energy: Path
    wrap_uj: int

    def read_uj(self) -> int:
        """Return the counter; OSError when it cannot be read, ValueError when it holds no number."""
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
        wrap_uj = int((folder / "max_energy_range_uj").read_bytes())
    except (OSError, ValueError) as error:
        raise MonitorUnavailable(f"the zone {folder.name} cannot be read: {error}", where=str(folder)) from error
    return Zone(folder.name, name, folder / "energy_uj", wrap_uj)


def check_readable(zone: Zone) -> None:
    """Raise MonitorUnavailable with the reason unless a zone's counter can be read."""
    try:
        zone.read_uj()
    except PermissionError as error:
        raise MonitorUnavailable(
            f"{zone.energy} cannot be read: energy_uj is readable by root only since CVE-2020-8694",
            where=str(zone.energy),
            next_step="Run the agent as root or let its user read energy_uj; that user's programs can then watch "
            "each other's power.",
        ) from error
    except (OSError, ValueError) as error:
        raise MonitorUnavailable(f"{zone.energy} cannot be read: {error}", where=str(zone.energy)) from error


@dataclass(frozen=True)
class Polls:
    """Readings since the last time they were taken: host clock ns (k,), unwrapped microjoules (k, zones)."""

    t_ns: npt.NDArray[np.int64]
    energy_uj: npt.NDArray[np.int64]


class Poller:
    """Reads zones every `period_s` in a thread. A reading that comes late is late, none is made up."""

    def __init__(self, zones: Sequence[Zone], period_s: float) -> None:
        self._zones = tuple(zones)
        self._period_s = period_s
        self._lock = threading.Lock()
        self._rows: list[tuple[int, tuple[int, ...]]] = []
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rapl-poller", daemon=True)
        self.longest_s = 0.0

    def start(self) -> None:
        """Begin; the first reading is there when this returns. OSError or ValueError when it cannot be had."""
        self._raw = tuple(zone.read_uj() for zone in self._zones)
        self._total = (0,) * len(self._zones)
        self._last_ns = host_ns()
        self._rows.append((self._last_ns, self._total))
        self._thread.start()

    def take(self) -> Polls:
        """Return and forget what was read since the last call; MonitorLost when reading has failed."""
        with self._lock:
            rows, self._rows = self._rows, []
            failure = self._failure
        if failure is not None:
            raise MonitorLost(
                f"the energy counters can be read no longer: {failure}",
                where=str(self._zones[0].energy),
                next_step="Check the powercap tree and its permissions, then submit the job again.",
            ) from failure
        t_ns = np.array([t for t, _ in rows], np.int64)
        return Polls(t_ns, np.array([e for _, e in rows], np.int64).reshape(-1, len(self._zones)))

    def stop(self) -> None:
        """End the thread. Idempotent."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        begin_ns, turn = self._last_ns, 0
        while True:
            # After a late reading the next full period counts: a burst would only read the same numbers again.
            turn = max(turn + 1, int((host_ns() - begin_ns) * 1e-9 / self._period_s))
            if self._stop.wait(max(turn * self._period_s - (host_ns() - begin_ns) * 1e-9, 0.0)):
                return
            try:
                self._read()
            except (OSError, ValueError) as error:
                with self._lock:
                    self._failure = error
                return

    def _read(self) -> None:
        before_ns = host_ns()
        raw = tuple(zone.read_uj() for zone in self._zones)
        t_ns = (before_ns + host_ns()) // 2
        steps = ((new - old) % zone.wrap_uj for new, old, zone in zip(raw, self._raw, self._zones, strict=True))
        total = tuple(old + step for old, step in zip(self._total, steps, strict=True))
        with self._lock:
            self.longest_s = max(self.longest_s, (t_ns - self._last_ns) * 1e-9)
            self._rows.append((t_ns, total))
            self._raw, self._total, self._last_ns = raw, total, t_ns
