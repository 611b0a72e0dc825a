"""The energy counters of Linux's powercap tree: finding them and reading them.

    ROOT/intel-rapl:N[:M]/{name, energy_uj, max_energy_range_uj}      (the tree of AMD processors is the same)

Counters are cumulative microjoules and wrap. Knows nothing of channels, samples or traces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from neurorig_protocols.errors import MonitorUnavailable

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
