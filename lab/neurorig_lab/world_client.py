"""A world that lives in another process, with the methods of World. Not reachable for its truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Link, RemoteFailure
from neurorig_lab.truth import MarkerMode
from neurorig_lab.world import FloatArray, Forgotten, Marks, Mode, NotYet

_FAILURES: dict[str, type[Exception]] = {
    "NotYet": NotYet,
    "Forgotten": Forgotten,
    "KeyError": KeyError,
    "ValueError": ValueError,
}


class WorldClient:
    """A WorldAccess over a socket; thread-safe. ConnectionError from any method when the world is gone."""

    def __init__(self, address: str, *, connect_s: float | None = None) -> None:
        self._link = Link(address, connect_s=connect_s)
        hello, _ = self._call("hello")
        self.rails: tuple[str, ...] = tuple(hello["rails"])
        self.mode: Mode = hello["mode"]
        self.marker_mode: MarkerMode = hello["marker_mode"]

    def now_ns(self) -> int:
        """See WorldAccess."""
        return int(self._call("now_ns")[0]["value"])

    def standing(self, power_w: dict[str, float]) -> None:
        """See WorldAccess."""
        self._call("standing", power_w=power_w)

    def play(self, durations_s: FloatArray, power_w: FloatArray, marks: Marks = ()) -> int:
        """See WorldAccess."""
        arrays = {"durations_s": np.asarray(durations_s, float), "power_w": np.asarray(power_w, float)}
        return int(self._call("play", arrays, marks=[list(mark) for mark in marks])[0]["value"])

    def wait(self, seconds: float) -> None:
        """See WorldAccess."""
        self._call("wait", seconds=seconds)

    def mark(self, level: int, at_ns: int | None = None) -> None:
        """See WorldAccess."""
        self._call("mark", level=level, at_ns=at_ns)

    def session(self, label: str) -> None:
        """See WorldAccess."""
        self._call("session", label=label)

    def sample(self, t_edges_ns: FloatArray, rails: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """See WorldAccess."""
        edges = {"t_edges_ns": np.asarray(t_edges_ns, float)}
        _, arrays = self._call("sample", edges, rails=list(rails))
        return arrays["power_w"], arrays["digital"]

    def close(self) -> None:
        """Hang up; a second call does nothing."""
        self._link.close()

    def _call(self, method: str, arrays: Arrays | None = None, **arguments: object) -> Answer:
        try:
            return self._link.call({"method": method, **arguments}, arrays)
        except RemoteFailure as failure:
            raise _FAILURES.get(failure.kind, RuntimeError)(str(failure)) from failure
