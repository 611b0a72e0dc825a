"""The measurement plan: phases, trials, settle times, limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurorig_protocols.records import Record

PhaseName = Literal["compile", "map", "load", "idle", "warmup", "preprocess", "run", "postprocess", "cooldown"]


class MeasurementPlan(Record):
    """How an attempt is measured. All times in seconds of the bench's own clock."""

    trials: int = Field(default=1, ge=1, le=1000, description="repetitions of the run phase")
    idle_s: float = Field(default=0.05, gt=0, le=600, description="length of each idle window")
    settle_s: float = Field(default=0.005, ge=0, le=60, description="wait between phases, outside every window")
    warmup: bool = Field(default=True, description="one unreported run before the trials")
    warmup_s: float = Field(
        default=1.0, gt=0, le=1000, description="longest solving time of a QUBO's warm-up run; shorter runs are whole"
    )
    ranging: bool = Field(default=True, description="one unreported run that chooses ranges and sample rate")
    max_attempt_s: float = Field(default=600, gt=0, le=86400, description="limit of one attempt on the host clock")
