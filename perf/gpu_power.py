"""Mean power of the GPU in windows of the GPU benchmark, from the energy counter that the `nvml` monitor reads.

The counter is updated a few times a second, so only windows of a second or so say anything; others get no power.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from neurorig_drivers.interface import host_ns
from neurorig_drivers.monitors.nvml import Nvml
from neurorig_protocols.bench import Channel, MonitorConfig
from neurorig_protocols.errors import NeurorigError
from neurorig_protocols.trace import AcquisitionPlan, join_blocks

SHORTEST_S = 0.9
IDLE_S = 2.0


class Power:
    """A monitor that is armed inside the context, or the reason why there is none."""

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._absent: str | None = None
        self._monitor: Nvml | None = None
        self._blocks: list[Any] = []
        self._rows: list[dict[str, Any]] = []
        self._idle_ns = (0, 0)

    def __enter__(self) -> Power:
        try:
            channel = Channel.model_validate({"channel": 1, "rail": "gpu"})
            config = MonitorConfig(id="nvml", driver="nvml", channels=(channel,), options={"devices": self._uuid})
            self._monitor = Nvml(config)
            self._monitor.arm(AcquisitionPlan(rate_hz=100.0))
        except (NeurorigError, ImportError) as error:
            self._give_up(error)
        begin_ns = host_ns()
        time.sleep(IDLE_S if self._monitor else 0)
        self._idle_ns = begin_ns, host_ns()
        return self

    def __exit__(self, *_: object) -> None:
        if self._monitor is not None:
            self._monitor.close()

    def note(self, rows: Iterable[dict[str, Any]]) -> None:
        """Keep rows whose `window_ns` was measured meanwhile, and fetch what was sampled."""
        self._rows += rows
        self._fetch()

    def told(self) -> dict[str, Any]:
        """Put `power_w` into the kept rows of long windows; return the idle power and how it was measured."""
        if self._monitor is not None:
            time.sleep(1.0)  # until the counter has been updated after the last window
            self._fetch()
        if self._monitor is None or not self._blocks:
            return {"power": {"absent": self._absent or "no sample came"}}
        head = self._monitor.head
        values = join_blocks(head, self._blocks).values[:, 0].astype(float)
        t_ns = head.t0_ns + head.dt_ns * np.arange(len(values))
        for row in self._rows:
            row["power_w"] = _mean(t_ns, values, row["window_ns"]) if row["actual_s"] >= SHORTEST_S else None
        return {"power": {"idle_w": _mean(t_ns, values, self._idle_ns), "identity": self._monitor.identity}}

    def _fetch(self) -> None:
        if self._monitor is None:
            return
        try:
            self._blocks += self._monitor.stream()
        except NeurorigError as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._absent = f"{type(error).__name__}: {error}"
        if self._monitor is not None:
            self._monitor.close()
        self._monitor = None


def _mean(t_ns: Any, values: Any, window_ns: Iterable[int]) -> float | None:
    begin_ns, end_ns = window_ns
    inside = values[(t_ns >= begin_ns) & (t_ns < end_ns)]
    return float(np.nanmean(inside)) if np.isfinite(inside).any() else None
