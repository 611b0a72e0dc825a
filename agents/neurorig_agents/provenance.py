"""What the agent's host is: enough to explain a number later. No user names and no paths."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "neurorig", "numpy", "networkx", "pyarrow", "dwave-samplers", "numba", "pyserial", "pyvisa", "pyvisa-py",
)  # fmt: skip


@functools.cache
def _host() -> tuple[tuple[str, str], ...]:
    facts = {
        "host": platform.node(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    return tuple(facts.items())


def collect() -> dict[str, Any]:
    """Return host, kernel, machine, CPU model, Python and the versions of the packages that shape a result."""
    return {**dict(_host()), "packages": dict(_packages())}


def agent_version() -> str:
    """Return the release of this agent."""
    return version("neurorig")


@functools.cache
def _packages() -> tuple[tuple[str, str], ...]:
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
