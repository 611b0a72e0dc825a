"""The virtual lab's own record of what each window really consumed, joined to what was measured.

The file is the lab's, one JSON line per window; neither agent nor server ever sees it. Not for physical benches: there
is no truth to be had there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurorig.errors import ClientError
from neurorig.views import EnergyView

Joules = Mapping[str, float]


@dataclass(frozen=True)
class TrueEnergy:
    """True joules of one attempt: by (component, phase), and by phase over all components."""

    cells: dict[tuple[str, str], float]
    totals: dict[str, float]


def read_truth(path: Path) -> dict[str, list[Joules]]:
    """Return, by session (which is an attempt's id), each window's true joules by rail, in the order of the windows."""
    sessions: dict[str, dict[int, Joules]] = defaultdict(dict)
    # Only whole lines: the lab may be writing the last one.
    for line in path.read_text("utf-8").split("\n")[:-1]:
        record = json.loads(line)
        sessions[record["session"]][int(record["window"])] = record["energy_j"]
    return {session: [windows[k] for k in sorted(windows)] for session, windows in sessions.items()}


def true_energy(measured: EnergyView, windows: Sequence[Joules]) -> TrueEnergy:
    """Sum the true joules of the windows that each measured cell sums.

    The k-th window of the session is the k-th measured window; another count means that measurement and truth speak
    of different things, and is an error.
    """
    if len(windows) != len(measured.windows):
        raise ClientError(f"the lab lived through {len(windows)} windows, {len(measured.windows)} were measured")
    cells = {
        (cell.component, cell.phase): sum(
            joules[rail]
            for window, joules in zip(measured.windows, windows, strict=True)
            if window.phase == cell.phase
            for rail in cell.rails
        )
        for cell in measured.cells
    }
    totals: dict[str, float] = defaultdict(float)
    for (_, phase), joules in cells.items():
        totals[phase] += joules
    return TrueEnergy(cells, dict(totals))
