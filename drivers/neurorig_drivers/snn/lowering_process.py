"""Reads and lowers a NIR file in a process of its own, with bounds on memory and time.

A NIR file is HDF5 from a user, and the HDF5 library has had its flaws: what it does with a hostile file must not
happen in the agent. This is done once, by the agent, so that every board gets the same integers.

    python -m neurorig_drivers.snn.lowering_process FILE [DT]

writes one frame to standard output: {"ok": {...}} with the arrays of an "snn" artifact, or {"error": ErrorRecord}.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurorig_drivers.process.framing import Arrays, FrameError, encode, read_frame
from neurorig_protocols.errors import DriverMissing, DriverTimeout, ErrorRecord, JobError, NeurorigError, from_record

MAX_FILE_BYTES = 128 << 20
MAX_MEMORY_BYTES = 6 << 30
LIMIT_S = 120.0
MAX_CPU_S = 240
MAX_FRAMES = 10_000
"""A graph is followed from node to node, some frames for each of the nodes that may lie in a row."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, eq=False)
class LoweredFile:
    """The meta (inputs, populations, quantisation) and the arrays of an "snn" artifact."""

    meta: dict[str, Any]
    arrays: Arrays


def lower_file(path: Path, dt: float | None = None, *, limit_s: float = LIMIT_S) -> LoweredFile:
    """Lower a NIR file. UserError or DoesNotFit say what is wrong with it, JobError that it broke its reader."""
    command = [sys.executable, "-m", "neurorig_drivers.snn.lowering_process", str(path)]
    try:
        done = subprocess.run(
            [*command, *([repr(dt)] if dt is not None else [])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=limit_s,
            env={**os.environ, **_ONE_THREAD},
        )
    except subprocess.TimeoutExpired as late:
        raise DriverTimeout(f"reading the network took longer than {limit_s:g} s", where="model") from late
    try:
        answer, arrays = read_frame(_reader(done.stdout))
    except (FrameError, EOFError):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise JobError(
            f"the network broke its reader (exit status {done.returncode}): {' '.join(last)}",
            where="model",
            next_step=f"Reading may take {MAX_MEMORY_BYTES >> 30} GiB of memory; check the file with nir.read.",
        ) from None
    if (record := answer.get("error")) is not None:
        raise from_record(ErrorRecord.model_validate(record))
    return LoweredFile(answer["ok"], arrays)


def _reader(data: bytes) -> Any:
    place = 0

    def read_exact(size: int) -> bytes:
        nonlocal place
        if place + size > len(data):
            raise EOFError
        place += size
        return data[place - size : place]

    return read_exact


def _lower(path: Path, dt: float | None) -> bytes:
    from neurorig_drivers.snn.lowering import lower
    from neurorig_drivers.snn.nir_graph import read_nir

    if path.stat().st_size > MAX_FILE_BYTES:
        raise JobError(f"the network's file is larger than {MAX_FILE_BYTES} bytes", where="model")
    found = lower(read_nir(path, dt))
    meta = {"inputs": found.network.inputs, "populations": list(found.populations), "quantisation": found.report}
    return encode({"ok": meta}, found.network.to_arrays())


def main() -> None:
    """Lower the file that is named, within bounds."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # Also when the caller is gone and nobody ends this process.
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    sys.setrecursionlimit(MAX_FRAMES)
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        frame = _lower(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)
    except NeurorigError as error:
        frame = encode({"error": error.record().model_dump(mode="json")})
    except ModuleNotFoundError as error:
        missing = DriverMissing(
            f"networks cannot be read, '{error.name}' is missing",
            where="model",
            next_step="pip install neurorig[agent,snn]",
        )
        frame = encode({"error": missing.record().model_dump(mode="json")})
    with os.fdopen(out, "wb") as stream:
        stream.write(frame)


if __name__ == "__main__":
    main()
