"""Virtual GPUs behind the real nvidia-ml-py: a stand-in for NVIDIA's library, compiled here, on facts the test sets."""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neurorig_drivers.interface import host_ns
from neurorig_protocols.bench import Channel, MonitorConfig

SOURCE = Path(__file__).with_name("nvml_standin.c")

GPU_IS_LOST = 15


@functools.cache
def library() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the compiled stand-in, once per test process."""
    folder = tempfile.TemporaryDirectory(prefix="nvml-")
    target = Path(folder.name) / "libnvidia-ml.so.1"
    name = f"-Wl,-soname,{target.name}"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", name, "-o", target, SOURCE], check=True)
    return folder


@functools.cache
def load_here() -> ctypes.CDLL:
    """Load the stand-in into this process: whoever asks for NVIDIA's library by its name then gets this one."""
    return ctypes.CDLL(str(Path(library().name) / "libnvidia-ml.so.1"))


@dataclass
class Gpus:
    """The stand-in's facts. This process and those started afterwards find it where the driver's library would be."""

    path: Path
    update_s: float = 0.1
    power_w: tuple[float, ...] = (100.0,)
    powers: list[tuple[int, int, float]] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Gpus:
        """Let the GPUs run, loaded one second ago."""
        self.loaded_ns = host_ns() - 1_000_000_000
        self.powers = [(gpu, self.loaded_ns, watts) for gpu, watts in enumerate(self.power_w)]
        self._write()
        monkeypatch.setenv("NVML_STANDIN", str(self.path))
        monkeypatch.setenv("LD_LIBRARY_PATH", library().name)
        load_here()
        return self

    def draw(self, gpu: int, watts: float, at_ns: int) -> None:
        """Let a GPU draw another power from an instant on."""
        self.powers.append((gpu, at_ns, watts))
        self._write()

    def say(self, *facts: str) -> None:
        """Add lines to the file; the stand-in's source lists them."""
        self.facts += facts
        self._write()

    def fail(self, function: str, code: int) -> None:
        """Let a function of the library fail from now on."""
        self.say(f"fails {function} {code}")

    def energy_j(self, gpu: int, begin_ns: float, end_ns: float) -> float:
        """Return what a GPU truly drew between two instants, in joules."""
        own = [(at, watts) for g, at, watts in self.powers if g == gpu]
        ends = [at for at, _ in own[1:]] + [end_ns]
        spans = [(max(at, begin_ns), min(end, end_ns), w) for (at, w), end in zip(own, ends, strict=True)]
        return sum(max(end - begin, 0) * 1e-9 * watts for begin, end, watts in spans)

    def config(self, *rails: str, **options: str | float) -> MonitorConfig:
        """A bench file's entry with one channel per rail."""
        channels = tuple(Channel(channel=n, rail=rail) for n, rail in enumerate(rails, start=1))
        return MonitorConfig(id="nvml", driver="nvml", channels=channels, options=options)

    def _write(self) -> None:
        head = [f"gpus {len(self.power_w)}", f"loaded {self.loaded_ns}", f"update {round(self.update_s * 1e9)}"]
        powers = [f"power {gpu} {at_ns} {watts * 1e3:.0f}" for gpu, at_ns, watts in self.powers]
        new = self.path.with_suffix(".new")
        # What must be known before powers are summed stands before them.
        new.write_text("\n".join([*head, *self.facts, *powers, ""]))
        new.replace(self.path)
