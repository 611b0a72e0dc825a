"""The how-to for a lab, followed: its commands are typed as they stand, against a real server."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from neurorig.client import Client
from neurorig.demo.lab import host_bench

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "run-for-a-lab.md").read_text()
BLOCKS = [block.strip() for block in re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
PATIENCE_S = 90


def block_with(words: str) -> str:
    """Return the one block of commands that contains the words."""
    (found,) = [block for block in BLOCKS if words in block]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's folder, with the bench's file in it."""
    (tmp_path / "bench.toml").write_text(host_bench().replace('name = "host-cpu"', 'name = "loihi-desk-2"', 1))
    return tmp_path


def typed(block: str, folder: Path, url: str = "") -> list[str]:
    """Return the shell command that runs a block, with this test's folders and address instead of the page's."""
    here = block.replace("/srv/neurorig", str(folder / "data")).replace("/var/lib/neurorig", str(folder / "spool"))
    here = re.sub(r"--host \S+", "--host 127.0.0.1 --port 0", here).replace("https://neurorig.example", url)
    return ["bash", "-ec", f"exec {here}" if len(here.splitlines()) == 1 else here]


def environment() -> dict[str, str]:
    """Return an environment in which `neurorig` is this one."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    """The address of the server that the page starts."""
    command = typed(block_with("neurorig serve --data-dir"), folder)
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        assert server.stdout is not None
        watchdog = Timer(PATIENCE_S, server.kill)
        watchdog.start()
        try:
            line = next((line for line in server.stdout if "serves on" in line), None)
            assert line, (folder / "log").read_text()
            yield line.split()[-1]
        finally:
            watchdog.cancel()
            watchdog.join()
            server.send_signal(signal.SIGTERM)


def run(block: str, folder: Path, url: str) -> str:
    """Type a block and return what it prints."""
    done = subprocess.run(
        typed(block, folder, url),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_s_tokens_open_the_page_s_server(folder: Path, server: str) -> None:
    """The agent's token is made on the running server and accepted there; no other database appears."""
    listed = run(block_with("neurorig token create"), folder, server)
    made = run(block_with("neurorig db token create"), folder, server).strip()

    with Client(server, (folder / "agent.token").read_text().strip()) as agent:
        assert not agent.benches()
    with Client(server, made) as admin:
        assert [token.bench for token in admin.tokens() if token.scopes == ("agent",)] == ["loihi-desk-2"]
    assert "loihi-desk-2" in listed
    assert sorted(path.name for path in folder.rglob("*.db")) == ["neurorig.db"]
    assert not (folder / "var").exists()


def test_the_page_s_agent_registers_its_bench(folder: Path, server: str) -> None:
    """With the token of the page, the agent of the page checks its bench and comes online."""
    run(block_with("neurorig token create"), folder, server)
    _, check, start = block_with("neurorig agent run").splitlines()
    assert check.startswith("neurorig agent check")
    command = typed(start, folder, server)
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as agent:
        watchdog = Timer(PATIENCE_S, agent.kill)
        watchdog.start()
        try:
            with Client(server, (folder / "admin.token").read_text().strip()) as client:
                while not client.benches():
                    assert agent.poll() is None, "the agent has ended"
                (bench,) = client.benches()
        finally:
            watchdog.cancel()
            watchdog.join()
            agent.send_signal(signal.SIGTERM)
    assert (bench.name, agent.returncode) == ("loihi-desk-2", 0)
    assert json.loads(bench.model_dump_json())["profile"]["name"] == "loihi-desk-2"
