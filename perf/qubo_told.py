"""What `perf/qubo.py` prints: how far it is, and the table of claims, both for a terminal of 100 columns."""

from __future__ import annotations

import itertools
import os
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

ABOUT = {
    "budgets": "own CPU solvers stop in time: 1, 10 and 100 ms",
    "tts": "time to the official target, against D-Wave Tabu",
    "gaps": "quality at equal budgets, against D-Wave Tabu",
    "instances": "the best cost on each of the 180 tuning instances",
    "big": "the largest published size on the virtual chip",
    "lava": "the virtual chip against Lava's CPU simulator",
}
"""The parts in their order, and what each is about."""

USUAL_S = {"budgets": 70.0, "tts": 240.0, "gaps": 490.0, "instances": 150.0, "big": 10.0, "lava": 40.0}
"""How long each part took on two cores of a quiet computer; used until the part has run on this one."""

WIDTHS = (37, 33, 18, 5)
_OWN_LOAD = 1.5
HEAD = ("claim", "measured", "limit", "holds")


def expected_s(name: str, earlier: dict[str, Any]) -> float:
    """Return how long a part will take: as long as its last complete run here, else what is usual."""
    part = earlier.get(name, {})
    return float(part["seconds"]) if "seconds" in part and "absent" not in part else USUAL_S[name]


def heading(parts: Sequence[str], at: int, earlier: dict[str, Any]) -> str:
    """Return the line that begins part `at` of the chosen ones, with about how long the rest takes."""
    left_s = [expected_s(name, earlier) for name in parts[at:]]
    about = f"about {_minutes(left_s[0])}" + (f", {_minutes(sum(left_s))} to the end" if len(left_s) > 1 else "")
    return f"\n[{at + 1}/{len(parts)}] {parts[at]}: {ABOUT[parts[at]]} ({about})"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def table(verdicts: Iterable[dict[str, Any]]) -> list[str]:
    """Return the claims as a table of lines, at most 100 columns wide; long cells go on below."""
    rows = [HEAD, tuple("-" * width for width in WIDTHS)]
    rows += [(line["name"], line["told"], line.get("limit", ""), "yes" if line["holds"] else "NO") for line in verdicts]
    return [text for row in rows for text in _lines(row)]


def _lines(row: tuple[str, ...]) -> list[str]:
    cells = [textwrap.wrap(cell, width) for cell, width in zip(row, WIDTHS, strict=True)]
    pieces = itertools.zip_longest(*cells, fillvalue="")
    return [
        "  ".join(f"{piece:{width}}" for piece, width in zip(line, WIDTHS, strict=True)).rstrip() for line in pieces
    ]


def absences(parts: dict[str, Any]) -> list[str]:
    """Return why parts could not be measured, a line or more for each."""
    return [
        line
        for name, part in parts.items()
        if "absent" in part
        for line in textwrap.wrap(f"not measured: {name}: {part['absent']}", 100, subsequent_indent="  ")
    ]


def load_average() -> float | None:
    """Return the mean number of runnable threads over the last minute, None where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def noise(parts: dict[str, Any], cores: int) -> list[str]:
    """Return a warning when other work was going on while a part began: its times are not to be trusted."""
    # The part before is still in the mean: it alone makes one.
    most = max(_OWN_LOAD, cores / 2)
    loaded = [name for name, part in parts.items() if (part.get("load_before") or 0) > most]
    if not loaded:
        return []
    text = (
        f"Other work was running when {', '.join(loaded)} began (load average above {most:g} on {cores} cores): "
        "run these parts again on a quiet computer before you quote their times."
    )
    return ["", *textwrap.wrap(text, 100)]
