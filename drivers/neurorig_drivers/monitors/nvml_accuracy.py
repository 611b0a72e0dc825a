"""What NVML's energy counter is worth: nobody publishes its accuracy, so every figure here is assumed or declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurorig_drivers.monitors.counter_monitor import invalid
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.trace import AccuracySpec

ASSUMED_GAIN_LIMIT = 0.05
ASSUMED_CLOCK_LIMIT = 500e-6
COUNTER_STEP_J = 1e-3

ASSUMED = (
    "assumed by neurorig: 5 % of reading, which NVIDIA states for power readings of old parts; nobody publishes an "
    "accuracy of the energy counter"
)
DECLARED = "declared by the bench (sensor_accuracy): {limit:g} of reading"
REST = (
    "no offset; counter steps of 1 mJ; at each edge of a window all that was counted between two updates; host clock "
    "within 500 ppm. In no figure: power sensors that look a quarter of the time only, as published of A100 and H100 "
    "(arXiv 2312.02741), so a load that repeats in step with them may be far off."
)


@dataclass(frozen=True)
class Worth:
    """The relative limit of the counters' error, and whose word that is."""

    gain_limit: float
    source: str

    @classmethod
    def of(cls, config: MonitorConfig) -> Worth:
        """Return what the bench declares, or what is assumed; InvalidConfig when it declares no such number."""
        limit = config.options.get("sensor_accuracy")
        if limit is None:
            return cls(ASSUMED_GAIN_LIMIT, f"{ASSUMED}; {REST}")
        if isinstance(limit, bool | str) or not 0 < limit < 1:
            raise invalid(config, f"sensor_accuracy is {limit!r}, it must be a number between 0 and 1")
        return cls(float(limit), f"{DECLARED.format(limit=limit)}; {REST}")

    def spec(self, update_s: float) -> AccuracySpec:
        """Return the accuracy of a counter that is updated every `update_s` seconds at least."""
        step_w = COUNTER_STEP_J / update_s
        return AccuracySpec(
            gain_limit=self.gain_limit,
            offset_limit_w=0.0,
            noise_w=step_w,
            resolution_w=step_w,
            timebase_limit=ASSUMED_CLOCK_LIMIT,
            update_s=update_s,
            source=self.source,
        )


def range_w(facts: Mapping[str, str | float | bool], sample_s: float) -> float:
    """Return the largest power in watts that the GPU may draw.

    A GPU that does not tell has what a counter of 64 bits could count in a sample.
    """
    told = [float(facts[key]) for key in ("largest_power_limit_w", "power_limit_w") if key in facts]
    return max((watts for watts in told if watts > 0), default=float(1 << 64) * COUNTER_STEP_J / sample_s)
