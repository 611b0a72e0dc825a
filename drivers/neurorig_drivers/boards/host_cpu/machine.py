"""What this computer says of itself. Reads /proc; where that is missing, says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")


def cpu_model(proc: Path = PROC) -> str:
    """Return the processor's name, or "unknown cpu"."""
    return _field(proc / "cpuinfo", ("model name", "Model", "Hardware")) or "unknown cpu"


def usable_cores() -> int:
    """Return how many logical cores this process may use."""
    return len(allowed_cores()) or os.cpu_count() or 1


def allowed_cores() -> tuple[int, ...]:
    """Return the numbers of the cores that this thread may use; empty where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep this thread on one core, and let it go again as before; with None it stays free."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def available_memory_bytes(proc: Path = PROC) -> int | None:
    """Return the memory that can be had without swapping, in bytes, or None where the system does not tell."""
    text = _field(proc / "meminfo", ("MemAvailable",))
    return int(text.split()[0]) * 1024 if text else None


def _field(path: Path, names: tuple[str, ...]) -> str | None:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    found = {key.strip(): value.strip() for key, _, value in pairs}
    return next((found[name] for name in names if found.get(name)), None)
