"""This computer as a board: D-Wave's tabu search and simulated annealing, NeuroBench's own CPU baselines."""

from __future__ import annotations

from neurorig_drivers.boards.host_cpu.cpu_driver import HostCpu

__all__ = ["HostCpu"]
