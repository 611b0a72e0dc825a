"""Our GPU kernels in a child process: numba's CUDA simulator must be chosen before numba is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any

import numpy as np

SIMULATED = {"NUMBA_ENABLE_CUDASIM": "1"}


class GpuProcess:
    """The child, on a GPU or simulated: each call is one search."""

    def __init__(self, *, simulated: bool) -> None:
        self._environment = os.environ | (SIMULATED if simulated else {})

    def __enter__(self) -> GpuProcess:
        self._child = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._child.communicate(timeout=30)

    def search(self, q: np.ndarray[Any, Any], *, layout=(2, 2), params=None, memory=None, **asked: Any) -> dict:
        """Search once for the least xᵀQx; return a Found as a dictionary with `bits` as an array."""
        request = {"q": q.tolist(), "layout": layout, "params": params or {}, "memory": memory or {}, "run": asked}
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        found = json.loads(self._child.stdout.readline())
        return {**found, "bits": np.array(found["bits"], int)}


def _search(asked: dict[str, Any]) -> dict[str, Any]:
    from neurorig_drivers.solvers.gpu_search import GpuAnnealingParams, GpuAnnealingSearch, Layout
    from neurorig_drivers.solvers.qubo_search import matrix

    q = np.array(asked["q"], np.int64)
    rows, cols = np.nonzero(np.triu(q, 1))
    problem = matrix(np.diag(q).copy(), rows, cols, q[rows, cols])
    params = GpuAnnealingParams(**asked["params"])
    search = GpuAnnealingSearch(problem, Layout(*asked["layout"]), params, **asked["memory"])
    found = search.run(**asked["run"])
    return {**vars(found), "bits": found.bits.tolist()}


def main() -> None:
    """Answer one line per search until the parent hangs up."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_search(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
