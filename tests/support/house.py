"""A house of real processes: server, labs and agents as a user would start them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

import neurorig

T = TypeVar("T")

QUBO: dict[str, Any] = {
    "name": "qubo-mis",
    "n": 250,
    "density": 0.05,
    "seed": 0,
    "scenario": {"kind": "fixed-timeout", "timeout_s": 0.01},
}
DIGITS: dict[str, Any] = {"name": "mnist-digits", "count": 10}


def until(probe: Callable[[], T | None], within_s: float = 60.0, what: str = "the condition") -> T:
    """Return the first result of `probe` that is neither None nor False; fail when the time is over."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while time.monotonic() < deadline:
        found = probe()
        if found is not None and found is not False:
            return found
        pause.wait(0.01)
    raise AssertionError(f"{what} did not come within {within_s:g} s")


class Process:
    """One `neurorig` command with its output in a file."""

    def __init__(self, log: Path, arguments: list[str], **settings: str) -> None:
        self.log = log
        clean = {k: v for k, v in os.environ.items() if not k.startswith("NEURORIG_")}
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "neurorig", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**clean, **settings, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it with SIGKILL: it gets no chance to tidy up."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(10)

    def stop(self, within_s: float = 30.0) -> int:
        """End it with SIGTERM and return its exit status."""
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            return self.popen.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end within {within_s:g} s of SIGTERM:\n{self.text[-2000:]}") from None


class House:
    """Server, labs and agents of one test; everything ends with it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, str] = {"NEURORIG_LEASE_TTL_S": "2", "NEURORIG_SWEEP_S": "0.2"}
        self.processes: list[Process] = []
        self._clients: list[neurorig.Client] = []

    @property
    def token_file(self) -> Path:
        """Where the server left the admin token."""
        return self.root / "admin.token"

    def start(self, name: str, *arguments: str) -> Process:
        """Start a command; its output goes to a file of that name."""
        process = Process(self.root / f"{name}.log", list(arguments), **self.settings)
        self.processes.append(process)
        return process

    def server(self) -> Process:
        """Start the server, or start it again on the same port and data, and wait until it is ready."""
        process = self.start(
            "server", "serve", "--port", str(self.port), "--data-dir", str(self.root / "data"),
            "--token-file", str(self.token_file),
        )  # fmt: skip
        until(lambda: self._answers(process), what="the server")
        return process

    def _answers(self, process: Process) -> bool:
        assert process.popen.poll() is None, process.text
        try:
            return httpx.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    def lab(self, kind: str, *arguments: str) -> tuple[Process, Path]:
        """Start a virtual lab and return it with the bench file it wrote."""
        folder = self.root / f"lab-{kind}"
        process = self.start(
            f"lab-{kind}", "lab", "start", kind, "--dir", str(folder), "--truth", str(self.root / "truth"), *arguments
        )

        def ready() -> bool:
            assert process.popen.poll() is None, process.text
            return '"ready": true' in process.text

        until(ready, what=f"the lab {kind}")
        return process, folder / "bench.toml"

    def agent(self, bench: Path, spool: str = "spool") -> Process:
        """Start an agent and wait until its bench is online."""
        process = self.start(
            f"agent-{spool}", "agent", "run", "--bench", str(bench), "--server", self.url,
            "--token-file", str(self.token_file), "--spool", str(self.root / spool),
        )  # fmt: skip

        def online() -> bool:
            assert process.popen.poll() is None, process.text
            return "is registered" in process.text

        until(online, what="the agent")
        return process

    def client(self) -> neurorig.Client:
        """Return a client with the admin token."""
        client = neurorig.Client(self.url, self.token_file.read_text().strip())
        self._clients.append(client)
        return client

    def steps(self, spool: str = "spool") -> list[str]:
        """Return the journal steps of the attempts that the spool holds now."""
        found: list[str] = []
        for journal in (self.root / spool / "attempts").glob("*/journal.jsonl"):
            try:
                lines = journal.read_text().splitlines()
            except FileNotFoundError:  # The agent has just handed this attempt over.
                continue
            found += [json.loads(line)["step"] for line in lines if line.endswith("}")]
        return found

    def close(self) -> None:
        """End everything, the last started first."""
        for client in self._clients:
            client.close()
        for process in reversed(self.processes):
            process.stop()


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
