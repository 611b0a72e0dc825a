"""The process in which Lava runs, under its own Python 3.10. What is asked of it is the backends' business."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from neurorig_drivers.process.child import Child
from neurorig_protocols.errors import DriverMissing

PROTOCOL = 1
"""What the worker must answer to `hello`; both sides come from one distribution, unless files were mixed up."""

_PROGRAM = ("-I", str(Path(__file__).with_name("worker") / "main.py"))
_TIDY_S = 2.0
_LOOK_S = 0.005


class LavaChild(Child):
    """A worker that has said hello. `loihi2` tells whether it can import the closed extension for the chip.

    Lava forks a process for every process of a network. They die with the worker, and Python's own resource tracker
    then removes their shared memory; only what is left after that is killed as a group.
    """

    def __init__(
        self,
        interpreter: Path,
        *,
        start_limit_s: float,
        extension: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("the Lava worker", str(interpreter), _PROGRAM, environment)
        try:
            hello, _ = self.call("hello", {"extension": extension}, limit_s=start_limit_s)
            if hello["protocol"] != PROTOCOL:
                raise DriverMissing(
                    f"the Lava worker speaks version {hello['protocol']} of its protocol, its driver {PROTOCOL}",
                    where="loihi",
                    next_step="Install neurorig anew: driver and worker come from one release.",
                )
        except BaseException:
            self.kill()
            raise
        self.loihi2: bool = hello["loihi2"]

    def kill(self) -> None:
        """End the worker and everything that it started. Idempotent, never raises."""
        if self._process.returncode is None:
            # Not reaped yet, so its id is still its own.
            os.kill(self.pid, signal.SIGKILL)
            self._let_others_end()
        super().kill()

    def _let_others_end(self) -> None:
        deadline = time.monotonic() + _TIDY_S
        while time.monotonic() < deadline and _members(self.pid):
            time.sleep(_LOOK_S)


def _members(group: int) -> list[int]:
    """Return the processes of a group that have not ended; Linux only, elsewhere none is seen."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found
