"""One annealing run on the CPU: the network built beforehand, then advanced slice by slice against its limits.

The clock is the host's. Instants are nanoseconds since the run began.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from neurorig_drivers.boards.loihi.worker import annealing, synapses
from neurorig_drivers.boards.loihi.worker.slices import Runtime
from neurorig_drivers.process.framing import Arrays


class AnnealRun:
    """A network for one run.

    arrays: diagonal (n,), start (n + 1,), target, weight (m,): the rows of Q without its diagonal; target_costs (g,)
    in falling order. body: key, words of the temperature, shifts, max_steps or None, stop_at_targets, record.
    """

    def __init__(self, body: dict[str, Any], arrays: Arrays) -> None:
        self._body = body
        self._goals = len(arrays["target_costs"])
        self._n = len(arrays["diagonal"])
        self._epoch_ns = time.monotonic_ns()
        fan_out = np.diff(arrays["start"])
        self._temperature = annealing.Temperature(**body["words"])
        self._variables = annealing.Variables(
            arrays["diagonal"], fan_out, key=body["key"], shifts=tuple(body["shifts"]), goals=self._goals
        )
        self._integrator = annealing.Integrator(self._n, arrays["target_costs"], epoch_ns=self._epoch_ns)
        sources = np.repeat(np.arange(self._n), fan_out)
        synapses.connect(self._variables.s_out, self._variables.a_in, sources, arrays["target"], arrays["weight"])
        self._temperature.t_out.connect(self._variables.t_in)
        self._integrator.news_out.connect(self._variables.news_in)
        self._variables.share_out.connect(self._integrator.share_in)
        self._improvements: list[list[int]] = []
        self._states: list[Any] = []
        self._costs: list[Any] = []
        self._runtime = Runtime(self._variables)

    def run(self, limit_s: float, gone: Callable[[], bool]) -> dict[str, Any]:
        """Run to a limit or to the last target; return the steps and the nanoseconds it took."""
        begin_ns = time.monotonic_ns()
        self._improvements = [[0, 0]]
        self._begin_ns = begin_ns - self._epoch_ns
        self._runtime.run(
            lambda: self._look() and not gone(), steps=self._body["max_steps"], end_s=begin_ns * 1e-9 + limit_s
        )
        return {"steps": self._runtime.steps, "elapsed_ns": time.monotonic_ns() - begin_ns}

    def read(self) -> tuple[dict[str, Any], Arrays]:
        """Return what the run found, and end the network."""
        _, best, met, _ = self._ints(self._integrator.state)
        flips, operations = self._ints(self._variables.counted)
        changes = int(self._ints(self._temperature.changes)[0])
        kept = self._variables.kept.get().astype(np.uint8)
        reached_ns = self._ints(self._integrator.reached_ns)[:met] - self._begin_ns
        arrays: Arrays = {
            "solution": kept[0],
            "improvements": np.array(self._improvements, np.int64),
            "reached_ns": reached_ns,
            "reached_solution": kept[1 : 1 + met],
        }
        if self._body["record"]:
            arrays |= {"states": np.concatenate(self._states), "costs": np.concatenate(self._costs)}
        self._runtime.stop()
        # A change of temperature is a spike to every variable.
        return {"cost": int(best), "flips": int(flips), "synops": int(operations) + changes * self._n}, arrays

    def stop(self) -> None:
        """End the network without reading it."""
        self._runtime.stop()

    def _look(self) -> bool:
        """Fetch what the last slice left; return whether the targets still want steps."""
        _, _, met, count = self._ints(self._integrator.state)
        if (new := count + 1 - len(self._improvements)) > 0:
            rows = self._ints(self._integrator.improvements)
            first = len(self._improvements) - 1
            for number in range(first, first + new):
                at_ns, cost = rows[number % annealing.HISTORY].tolist()
                self._improvements.append([at_ns - self._begin_ns, cost])
        if self._body["record"]:
            self._record()
        return not (self._body["stop_at_targets"] and self._goals and met == self._goals)

    def _record(self) -> None:
        done = sum(len(costs) for costs in self._costs)
        rows = np.arange(done, self._runtime.steps) % annealing.HISTORY
        words = self._variables.history.get()[rows].astype("<u4")
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        self._states.append(bits[:, : self._n])
        self._costs.append(self._ints(self._integrator.history)[rows])

    @staticmethod
    def _ints(variable: Any) -> Any:
        # Lava sends every value as a float.
        return variable.get().astype(np.int64)
