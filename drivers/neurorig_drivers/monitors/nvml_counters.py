"""NVIDIA's GPUs through NVML, the library of their driver: their energy counters, and why one says nothing.

`nvidia-ml-py` binds the library (module `pynvml`) and is imported on use. A counter counts millijoules since the driver
was loaded, on GPUs since Volta. Knows nothing of channels, samples or traces.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from neurorig_protocols.errors import InvalidConfig, MonitorUnavailable

WHERE = "NVML"

_BUS_ID = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)

_REASONS = {
    "NVMLError_LibraryNotFound": (
        "libnvidia-ml.so.1 is not here: no NVIDIA driver is installed, or a container was started without it",
        "Install the driver; start a container with the GPU and its driver capability 'utility'.",
    ),
    "NVMLError_DriverNotLoaded": (
        "the NVIDIA driver is not loaded",
        "Try 'nvidia-smi'; load the kernel module 'nvidia' or boot again after an installation.",
    ),
    "NVMLError_LibRmVersionMismatch": (
        "NVIDIA's library and kernel module are of two versions, as after an update without a boot",
        "Boot the machine, then try 'nvidia-smi'.",
    ),
    "NVMLError_NoPermission": (
        "this user may not ask the NVIDIA driver",
        "Let the agent's user open /dev/nvidiactl and the GPU's /dev/nvidia*.",
    ),
    "NVMLError_GpuIsLost": (
        "the GPU has fallen off its bus or cannot be reached",
        "See the kernel's log for 'Xid'; the machine most likely needs a cold boot.",
    ),
    "NVMLError_ResetRequired": ("the GPU needs a reset", "See the kernel's log for 'Xid' and reset the GPU."),
    "NVMLError_NotSupported": (
        "the GPU does not offer it",
        "An energy counter needs a GPU of Volta or later that is not a virtual one; power readings are no substitute "
        "(docs/explanations/decisions/0018-gpu-energy-from-updates.md). Leave the monitor out.",
    ),
}


class Nvml:
    """The open library. Raises MonitorUnavailable with the plain reason when it cannot be opened."""

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError as error:
            raise MonitorUnavailable(
                "the Python package nvidia-ml-py is not installed", where=WHERE, next_step="pip install 'neurorig[gpu]'"
            ) from error
        self.api: Any = pynvml
        self.ask(pynvml.nvmlInit, what="NVML cannot be opened")

    def ask(self, call: Callable[..., Any], *arguments: Any, what: str) -> Any:
        """Call a function of the library; MonitorUnavailable says `what` failed, why, and what to do."""
        try:
            return call(*arguments)
        except self.api.NVMLError as error:
            reason, next_step = _REASONS.get(type(error).__name__, (f"NVML says: {error}", "Try 'nvidia-smi'."))
            raise MonitorUnavailable(f"{what}: {reason}", where=WHERE, next_step=next_step) from error

    def count(self) -> int:
        """Return how many GPUs the driver has."""
        return int(self.ask(self.api.nvmlDeviceGetCount, what="the GPUs cannot be counted"))

    def driver(self) -> str:
        """Return the version of the driver."""
        return str(self.ask(self.api.nvmlSystemGetDriverVersion, what="the driver's version cannot be read"))

    def find(self, name: str) -> Gpu:
        """Return the GPU of that index, UUID or PCI bus id; InvalidConfig when there is none."""
        call, key = self._lookup(name)
        try:
            handle = call(key)
        except (self.api.NVMLError_NotFound, self.api.NVMLError_InvalidArgument) as error:
            raise InvalidConfig(
                f"'{name}' names none of the {self.count()} GPUs",
                where=WHERE,
                next_step="'nvidia-smi -L' lists the indices and UUIDs.",
            ) from error
        except self.api.NVMLError:
            # It is there and does not answer; asked once more, the reason is put into words.
            handle = self.ask(call, key, what=f"GPU '{name}' does not answer")
        return Gpu(self, handle, self._text(handle, "UUID"), self._text(handle, "Name"))

    def close(self) -> None:
        """Let go of the library. Never raises."""
        with contextlib.suppress(self.api.NVMLError):
            self.api.nvmlShutdown()

    def _lookup(self, name: str) -> tuple[Callable[[Any], Any], int | str]:
        if name.isdecimal():
            return self.api.nvmlDeviceGetHandleByIndex, int(name)
        if name.upper().startswith("MIG-"):
            raise InvalidConfig(
                f"'{name}' is a MIG instance, and NVML counts the energy of whole GPUs only",
                where=WHERE,
                next_step='Name the GPU, and set mig = "whole" if all its instances are to be inside the number.',
            )
        if (bus := _BUS_ID.fullmatch(name)) is not None:
            domain, *rest = (int(part or "0", 16) for part in bus.groups())
            return self.api.nvmlDeviceGetHandleByPciBusId, "{:08X}:{:02X}:{:02X}.{:X}".format(domain, *rest)
        return self.api.nvmlDeviceGetHandleByUUID, name

    def _text(self, handle: Any, what: str) -> str:
        return str(self.ask(getattr(self.api, f"nvmlDeviceGet{what}"), handle, what=f"a GPU's {what} cannot be read"))


@dataclass
class Gpu:
    """One GPU and its counter of millijoules."""

    nvml: Nvml = field(repr=False)
    handle: Any = field(repr=False)
    uuid: str
    name: str
    wrap: int = 1 << 64
    _last_mj: int = 0

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return f"{self.name} ({self.uuid})"

    def read(self) -> int:
        """Return millijoules; OSError when they cannot be read, ValueError when they fell."""
        api = self.nvml.api
        try:
            found_mj = int(api.nvmlDeviceGetTotalEnergyConsumption(self.handle))
        except api.NVMLError as error:
            reason, _ = _REASONS.get(type(error).__name__, (f"NVML says: {error}", ""))
            raise OSError(f"{self.label}: {reason}") from error
        if found_mj < self._last_mj:
            raise ValueError(f"{self.label}: its counter fell from {self._last_mj} to {found_mj} mJ")
        self._last_mj = found_mj
        return found_mj

    def check(self) -> None:
        """Raise MonitorUnavailable with the reason unless the counter can be read."""
        call = self.nvml.api.nvmlDeviceGetTotalEnergyConsumption
        self.nvml.ask(call, self.handle, what=f"the energy counter of {self.label} cannot be read")

    def facts(self) -> dict[str, str | float | bool]:
        """Return what the GPU says of itself and its settings; what it does not tell is left out."""
        found: dict[str, str | float | bool] = {"gpu": self.name, "uuid": self.uuid}
        for key, (function, meaning) in _FACTS.items():
            try:
                found[key] = meaning(getattr(self.nvml.api, function)(self.handle))
            except self.nvml.api.NVMLError:
                continue
        return found


_FACTS: dict[str, tuple[str, Callable[[Any], str | float | bool]]] = {
    "vbios": ("nvmlDeviceGetVbiosVersion", str),
    "power_limit_w": ("nvmlDeviceGetEnforcedPowerLimit", lambda mw: float(mw) * 1e-3),
    "largest_power_limit_w": ("nvmlDeviceGetPowerManagementLimitConstraints", lambda both: float(both[1]) * 1e-3),
    "persistence_mode": ("nvmlDeviceGetPersistenceMode", bool),
    "mig": ("nvmlDeviceGetMigMode", lambda modes: bool(modes[0])),
    "ecc": ("nvmlDeviceGetEccMode", lambda modes: bool(modes[0])),
}
