"""The NVIDIA GPU of this computer as a board: simulated annealing with many replicas, for any QUBO."""

from __future__ import annotations

from neurorig_drivers.boards.host_gpu.gpu_driver import HostGpu

__all__ = ["HostGpu"]
