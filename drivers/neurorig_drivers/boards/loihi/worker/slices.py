"""Runs a Lava network in short slices, so that a time limit, a target and a caller who hung up can end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg

SLICE_STEPS = 64


class Runtime:
    """One Lava network that is built and waits for its first step; `member` is any of its processes."""

    def __init__(self, member: Any) -> None:
        self._member = member
        self.steps = 0
        self._step_s = 0.0
        member.create_runtime(run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))

    def advance(self, steps: int) -> None:
        """Run some steps."""
        begin = time.monotonic()
        self._member.run(condition=RunSteps(num_steps=steps))
        self.steps += steps
        self._step_s = (time.monotonic() - begin) / steps

    def run(self, goes_on: Callable[[], bool], *, steps: int | None = None, end_s: float | None = None) -> None:
        """Run one step at least, then while `goes_on`: at most `steps`, or until `end_s` of the monotonic clock."""
        while True:
            self.advance(self._slice(None if steps is None else steps - self.steps, end_s))
            late = end_s is not None and time.monotonic() >= end_s
            if not goes_on() or late or self.steps == steps:
                return

    def stop(self) -> None:
        """End the network's processes."""
        if not self.steps:
            # Lava ends only what has begun: anything else it waits for in vain.
            self.advance(1)
        self._member.stop()

    def _slice(self, left: int | None, end_s: float | None) -> int:
        """Return how many steps may run unwatched: as many as are sure to be needed."""
        count = SLICE_STEPS if left is None else min(SLICE_STEPS, left)
        if end_s is None:
            return count
        if not self._step_s:
            return 1
        return max(1, min(count, int((end_s - time.monotonic()) / self._step_s)))
