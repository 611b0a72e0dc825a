"""A bench in operation: its profile, the board's driver and the monitors' drivers, each in a warm child process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from neurorig_agents.monitors import Monitors
from neurorig_agents.provenance import agent_version
from neurorig_drivers.host import HostedBoard
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.job import BenchRecord


@dataclass(frozen=True)
class LiveBench:
    """Start drivers from the main thread: the kernel ends them with the thread that started them."""

    profile: BenchProfile
    board: HostedBoard
    monitors: Monitors

    @classmethod
    def of(cls, profile: BenchProfile) -> Self:
        """Return the bench of a profile; nothing is started yet."""
        return cls(profile, HostedBoard(profile.board), Monitors(profile.monitors))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all driver processes."""
        self.monitors.close()
        self.board.close()

    def record(self) -> BenchRecord:
        """Return what the server is told of this bench; the board must have run."""
        return BenchRecord(profile=self.profile, board=self.board.info, agent_version=agent_version())
