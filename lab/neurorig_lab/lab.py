"""Starts the processes of a virtual bench, watches over them and ends them: world, device under test, analyser.

No child outlives this process: each is bound to it by the kernel, whatever ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurorig_lab.benches import RAILS, Kind, loihi_bench, sanafe_bench, serial_bench, write_bench
from neurorig_lab.device_process import Wait, bound_to
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.errors import InfraError

# The first start compiles the chip's kernel.
READY_LIMIT_S = 240.0
_STOP_LIMIT_S = 5.0
_LOOK_S = 0.5


MustEnd = Callable[[float], bool]
"""Waits up to so many seconds for a reason to end; says whether there is one."""


class Stopped(Exception):
    """The lab was told to end before it was ready."""


@dataclass(frozen=True)
class LabOptions:
    """What a lab is started with. `truth` None keeps no truth; `faults` are the analyser's (faults.py).

    `chips` are those of virtual-loihi.
    `python` and `architecture` are SANA-FE's: the Python that holds it and the chip that it simulates.
    """

    kind: Kind
    folder: Path
    truth: Path | None = None
    name: str = ""
    seed: int = 0
    faults: Sequence[str] = ()
    chips: int = 1
    baud: int = 921_600
    python: str = ""
    architecture: str = "loihi"

    @property
    def bench(self) -> str:
        """Name of the bench, which is also the name of its truth log."""
        return self.name or self.kind


@dataclass
class Lab:
    """The running processes of one bench, in the order in which they were started."""

    bench_file: Path
    must_end: MustEnd
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, module: str, *arguments: str) -> dict[str, Any]:
        """Start a part and return what it announced; InfraError when it does not get ready."""
        command = [sys.executable, "-m", f"neurorig_lab.{module}", *arguments]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=bound_to(os.getpid()),  # noqa: PLW1509 - this process has one thread only
        )
        self.processes[name] = process
        self.facts[name] = _announcement(name, process, self.must_end)
        return self.facts[name]

    def dead(self) -> list[str]:
        """Return the names of the parts that have ended."""
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def stop(self) -> None:
        """End all parts, the last one first: nobody shall miss its world."""
        for process in reversed(self.processes.values()):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_LIMIT_S)
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextlib.contextmanager
def running(options: LabOptions, must_end: MustEnd) -> Iterator[Lab]:
    """Run a lab within the block; its bench file is there and everything answers.

    Raises Stopped when the lab must end before it is ready, InfraError when a part does not get ready.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    lab = Lab(options.folder.absolute() / "bench.toml", must_end)
    try:
        write_bench(_PROFILES[options.kind](lab, options), lab.bench_file)
        yield lab
    finally:
        lab.stop()


def reasons_to_end(wait: Wait, parent_pid: int, stdin: int | None = None) -> MustEnd:
    """Return what says that a lab must end: a signal, the death of the parent, or `stdin` closed if it is given."""

    def must_end(timeout_s: float) -> bool:
        if wait(timeout_s) in (signal.SIGTERM, signal.SIGINT):
            return True
        return os.getppid() != parent_pid or (stdin is not None and _is_closed(stdin))

    return must_end


def watch(lab: Lab) -> None:
    """Return when the lab must end; InfraError when the world died.

    A bench goes on without its analyser or its board, as a real one does: their loss is for the agent to notice.
    """
    known = set[str]()
    while not lab.must_end(_LOOK_S):
        for name in set(lab.dead()) - known:
            known.add(name)
            why = f"the {name} of the virtual lab has ended with exit code {lab.processes[name].returncode}"
            if name == "world":
                raise InfraError(why, where="lab")
            sys.stderr.write(f"{why}; the bench goes on without it\n")


def _is_closed(file: int) -> bool:
    ready, _, _ = select.select([file], [], [], 0)
    return bool(ready) and not os.read(file, 4096)


def _announcement(name: str, process: subprocess.Popen[bytes], must_end: MustEnd) -> dict[str, Any]:
    """Read the one JSON line of a part that is ready; select watches, for a part may hang without a word."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    pipe, deadline, line = process.stdout.fileno(), time.monotonic() + READY_LIMIT_S, b""
    while not line.endswith(b"\n"):
        if must_end(0):
            raise Stopped
        if time.monotonic() > deadline:
            raise InfraError(f"the {name} of the virtual lab was not ready within {READY_LIMIT_S:g} s", where="lab")
        ready, _, _ = select.select([pipe], [], [], _LOOK_S)
        chunk = os.read(pipe, 4096) if ready else b""
        if ready and not chunk:
            raise InfraError(f"the {name} of the virtual lab ended before it was ready", where="lab")
        line += chunk
    facts: dict[str, Any] = json.loads(line)
    return facts


def _start_world(lab: Lab, options: LabOptions, mode: str, marker_mode: str) -> str:
    truth = ["--truth", str(options.truth.absolute())] if options.truth else []
    rails = ",".join(RAILS[options.kind])
    world = ["--mode", mode, "--rails", rails, "--marker-mode", marker_mode, "--bench", options.bench, *truth]
    return str(lab.start("world", "world_server", *world)["address"])


def _start_analyser(lab: Lab, options: LabOptions, world: str) -> dict[str, Any]:
    faults = [word for fault in options.faults for word in ("--fault", fault)]
    ports = ["--port", "0", "--hislip-port", "0"]
    return lab.start("analyser", "meter_process", "--world", world, *ports, "--seed", str(options.seed), *faults)


def _start_loihi(lab: Lab, options: LabOptions) -> BenchProfile:
    world = _start_world(lab, options, "stepped", "level")
    board = ["--serial-number", f"VIRTUAL-{options.seed}", "--chips", str(options.chips)]
    chip = lab.start("chip", "chip.chip_device", "--world", world, *board)
    meter = _start_analyser(lab, options, world)
    return loihi_bench(options.bench, meter, chip["address"])


def _start_serial(lab: Lab, options: LabOptions) -> BenchProfile:
    world = _start_world(lab, options, "realtime", "pulse")
    link = str(options.folder.absolute() / "serial-port")
    board = ["--world", world, "--mode", "energy", "--baud", str(options.baud), "--link", link]
    port = str(lab.start("serial board", "serial_dut", *board)["port"])
    meter = _start_analyser(lab, options, world)
    return serial_bench(options.bench, meter, port, options.baud)


def _start_sanafe(lab: Lab, options: LabOptions) -> BenchProfile:
    world = _start_world(lab, options, "stepped", "level")
    chosen = ["--python", options.python, "--architecture", options.architecture]
    chip = lab.start("chip", "sanafe_device", "--world", world, *chosen)
    meter = _start_analyser(lab, options, world)
    return sanafe_bench(options.bench, meter, chip["address"], chip["facts"])


_PROFILES: dict[Kind, Callable[[Lab, LabOptions], BenchProfile]] = {
    "virtual-loihi": _start_loihi,
    "virtual-serial": _start_serial,
    "sanafe": _start_sanafe,
}
