"""What tests of the server share: a real server process, request bodies, a made-up trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import numpy as np

from neurorig_protocols.trace import AccuracySpec, ChannelInfo, Trace, TraceHead

START_S = 60
STOP_S = 30

MAIN = "import sys; from neurorig_server.commands import {0}; {0}(sys.argv[1:])"


@dataclass
class Server:
    """A running `neurorig serve`."""

    process: subprocess.Popen[str]
    url: str
    token: str
    data_dir: Path

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client of the REST interface, the administrator's without a token."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    def waiting(self) -> int:
        """Return how many lease requests wait for work."""
        page = httpx.get(f"{self.url}/metrics").text
        return next(
            int(float(line.split()[1])) for line in page.splitlines() if line.startswith("neurorig_waiting_agents")
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process by a signal; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        with self.process:
            return self.process.wait(STOP_S)


def command(name: str, *args: str) -> list[str]:
    """The command line of one of the server's commands."""
    return [sys.executable, "-c", MAIN.format(name), *args]


def launch(data_dir: Path, *args: str, **env: str) -> Server:
    """Start a server and wait until it answers."""
    token_file = data_dir / "token"
    argv = command("serve", "--port", "0", "--data-dir", str(data_dir), "--token-file", str(token_file), *args)
    with (data_dir / "log").open("a") as log:
        process = subprocess.Popen(argv, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    watchdog = Timer(START_S, process.kill)
    watchdog.start()
    try:
        line = next((line for line in process.stdout if "serves on" in line), None)
    finally:
        watchdog.cancel()
        watchdog.join()
    assert line is not None, (data_dir / "log").read_text()
    return Server(process, line.split()[-1], token_file.read_text().strip(), data_dir)


def job(bench: str | None = None, *, seed: int = 0, **fields: Any) -> dict[str, Any]:
    """A small job, for one bench."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    workload = {"name": "qubo-mis", "n": 10, "density": 0.01, "seed": seed, "scenario": scenario}
    return {"workload": workload, "needs": {"bench": bench}, **fields}


METERED = {
    "components": [{"name": "core"}, {"name": "memory"}],
    "rails": [{"name": "vdd", "component": "core"}, {"name": "vmem", "component": "memory"}],
    "monitors": [
        {
            "id": "meter",
            "driver": "scpi-analyser",
            "channels": [{"channel": i + 1, "rail": r} for i, r in enumerate(["vdd", "vmem"])],
        }
    ],
    "marker": {"monitor": "meter", "mode": "level"},
}


def bench_body(name: str, **profile: Any) -> dict[str, Any]:
    """A virtual bench that runs QUBOs."""
    return {
        "profile": {"name": name, "reality": "virtual", "board": {"driver": "virtual-loihi"}, **profile},
        "board": {"family": "virtual", "kinds": ["qubo"], "solvers": ["annealing"]},
    }


def upload(
    client: httpx.Client, lease: dict[str, Any], digest: str, chunk: bytes, *, offset: int, size: int
) -> httpx.Response:
    """Send one chunk of a trace; `digest` in 64 hex digits."""
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Length": str(size),
        "Neurorig-Fence": str(lease["fence"]),
        "Content-Type": "application/octet-stream",
    }
    return client.patch(f"/attempts/{lease['attempt_id']}/traces/{digest}", content=chunk, headers=headers)


DT_NS = 10_000.0
ACCURACY = AccuracySpec(
    gain_limit=1e-3, offset_limit_w=1e-4, noise_w=1e-3, resolution_w=1e-6, timebase_limit=1e-6, source="made up"
)
MADE_WINDOWS = [{"phase": "idle", "index": 0}, {"phase": "run", "index": 0}, {"phase": "idle", "index": 1}]


def made_trace(*, active_w: tuple[float, float] = (3.0, 2.0), samples: int = 1000) -> Trace:
    """Two rails at 1 W each, three marked windows of `samples` samples, the middle one at `active_w`."""
    gap = samples // 10
    level = np.concatenate([np.zeros(gap), np.ones(samples)] * 3 + [np.zeros(gap)])
    values = np.ones((len(level), 2), np.float32)
    run = slice(2 * gap + samples, 2 * gap + 2 * samples)
    values[run] = active_w
    channels = tuple(
        ChannelInfo(channel=i + 1, rail=rail, rate_hz=1e9 / DT_NS, range_w=10, accuracy=ACCURACY)
        for i, rail in enumerate(["vdd", "vmem"])
    )
    head = TraceHead(monitor="meter", clock="monitor:meter", t0_ns=5_000_000, dt_ns=DT_NS, channels=channels)
    return Trace(head, values, level.astype(np.uint8), np.zeros(len(level), np.uint8))


ACQUISITION = {
    "monitor": "meter",
    "samples": 3400,
    "dropped": 0,
    "overloads": 0,
    "identity": "made up",
    "settings": {"grade": "metered"},
}

# The official target of (10, 0.01, 0) is -10: no edge, all vertices in the set.
ANSWER = {
    "kind": "qubo",
    "solver": "annealing",
    "n": 10,
    "solution": "/8A=",
    "solver_cost": -10,
    "requested_s": 0.01,
    "solve_s": 0.01,
    "stopped_by": "timeout",
}
