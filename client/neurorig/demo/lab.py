"""Starts what the demo measures with: a server, two virtual benches, this computer, and an agent beside each."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

from neurorig.client import Client
from neurorig.demo.children import Children
from neurorig.demo.folder import Folder
from neurorig.demo.host_bench import host_bench

VIRTUAL_BENCHES = ("virtual-loihi", "virtual-serial")
HOST_BENCH = "host-cpu"
BENCHES = (*VIRTUAL_BENCHES, HOST_BENCH)

START_S = 120.0
"""The first start on a fresh machine compiles the chip's kernels and byte code."""

_SERVES = re.compile(r"neurorig serves on (http://\S+)")


def start_server(children: Children, folder: Folder) -> tuple[str, str]:
    """Start a server on a free port; return its address and its first admin token."""
    token_file = folder.root / "tokens" / "admin"
    options = ["--port", "0", "--data-dir", str(folder.server), "--public-read", "--token-file", str(token_file)]
    children.start("server", ["serve", *options])
    address = children.ready("server", lambda line: (found := _SERVES.search(line)) and found[1], START_S)
    return address, token_file.read_text("utf-8").strip()


def start_benches(children: Children, folder: Folder, admin: Client) -> None:
    """Start the virtual lab and an agent beside each bench; return when all benches are registered and online."""
    for name in VIRTUAL_BENCHES:
        where = ["--dir", str(folder.bench(name)), "--truth", str(folder.truth)]
        children.start(f"lab-{name}", ["lab", "start", name, *where])
    _start_agent(children, folder, admin, HOST_BENCH, _host_file(folder))
    for name in VIRTUAL_BENCHES:
        bench_file = children.ready(f"lab-{name}", _bench_file, START_S)
        _start_agent(children, folder, admin, name, bench_file)
    for name in BENCHES:
        children.until(partial(_is_online, admin, name), f"agent-{name}", START_S)


def _start_agent(children: Children, folder: Folder, admin: Client, bench: str, bench_file: Path) -> None:
    token = admin.create_token(f"agent of {bench}", ["agent"], bench=bench).token
    options = {
        "--bench": bench_file,
        "--server": admin.server,
        "--token-file": folder.secret(f"agent-{bench}", token),
        "--spool": folder.bench(bench) / "spool",
    }
    flat = [str(part) for pair in options.items() for part in pair]
    children.start(f"agent-{bench}", ["agent", "run", *flat])


def _host_file(folder: Folder) -> Path:
    path = folder.bench(HOST_BENCH) / "bench.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(host_bench(), "utf-8")
    return path


def _bench_file(line: str) -> Path | None:
    """Return the bench file that a lab's ready line names, or None for any other line."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return Path(record["bench"]) if isinstance(record, dict) and record.get("ready") is True else None


def _is_online(admin: Client, name: str) -> bool | None:
    return any(bench.name == name and bench.state != "offline" for bench in admin.benches()) or None
