"""The bench file of this computer.

Its processor's energy counters are a monitor where they can be read, else the processor is omitted with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


def host_bench(powercap: Path = POWERCAP) -> str:
    """Return the bench profile of this computer as TOML."""
    packages, reason = readable_packages(powercap)
    lines = [
        'name = "host-cpu"',
        'reality = "physical"',
        'description = "this computer; it also runs the server, the agents and the virtual lab of the demo"',
        "",
        "[board]",
        'driver = "host-cpu"',
        "",
        "[[components]]",
        'name = "processor"',
        'description = "all cores and caches, whatever they run"',
    ]
    return "\n".join([*lines, *(_monitor(packages) if packages else _omission(reason))]) + "\n"


def readable_packages(powercap: Path) -> tuple[list[str], str]:
    """Return the folder names of the processor packages whose counters can be read, or none and the reason."""
    zones = sorted(powercap.glob("intel-rapl:[0-9]*"))
    packages = [zone for zone in zones if zone.name.count(":") == 1]
    if not packages:
        return [], "the kernel offers no RAPL counters here, as in most virtual machines and containers"
    try:
        for package in packages:
            (package / "energy_uj").read_bytes()
    except OSError as error:
        return [], f"the RAPL counters cannot be read: {error.strerror}; only root may since CVE-2020-8694"
    return [package.name for package in packages], ""


def _monitor(packages: list[str]) -> list[str]:
    names = [f"package-{number}" for number, _ in enumerate(packages)]
    rails = [line for name in names for line in ("", "[[rails]]", f'name = "{name}"', 'component = "processor"')]
    channels = ", ".join(f'{{ channel = {k}, rail = "{name}" }}' for k, name in enumerate(names, start=1))
    monitor = ["", "[[monitors]]", 'id = "rapl"', 'driver = "rapl"', f"channels = [{channels}]"]
    options = ["", "[monitors.options]", f"zones = {json.dumps(','.join(packages))}"]
    # No line runs from a processor to its own counters, so windows come from host timestamps.
    return [*rails, *monitor, *options, "", "[marker]", 'monitor = "rapl"', 'mode = "software"']


def _omission(reason: str) -> list[str]:
    return ["", "[[omitted]]", 'component = "processor"', f"reason = {json.dumps(reason)}"]
