"""What the demo measures with and what it measures: server, benches, agents, jobs."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

from neurorig.client import Client
from neurorig.demo.children import Children
from neurorig.demo.folder import Folder
from neurorig_protocols.job import JobSpec, Needs
from neurorig_protocols.workloads.digits.digits_records import Digits
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout, QuboMis, Scenario, TimeToSolution

POWERCAP = Path("/sys/class/powercap")


def host_bench(powercap: Path = POWERCAP) -> str:
    """Return the bench profile of this computer as TOML."""
    packages, reason = readable_packages(powercap)
    lines = [
        'name = "host-cpu"',
        'reality = "physical"',
        'description = "this computer; it also runs the server, the agents and the virtual lab of the demo"',
        "",
        "[board]",
        'driver = "host-cpu"',
        "",
        "[[components]]",
        'name = "processor"',
        'description = "all cores and caches, whatever they run"',
    ]
    return "\n".join([*lines, *(_monitor(packages) if packages else _omission(reason))]) + "\n"


def readable_packages(powercap: Path) -> tuple[list[str], str]:
    """Return the folder names of the processor packages whose counters can be read, or none and the reason."""
    zones = sorted(powercap.glob("intel-rapl:[0-9]*"))
    packages = [zone for zone in zones if zone.name.count(":") == 1]
    if not packages:
        return [], "the kernel offers no RAPL counters here, as in most virtual machines and containers"
    try:
        for package in packages:
            (package / "energy_uj").read_bytes()
    except OSError as error:
        return [], f"the RAPL counters cannot be read: {error.strerror}; only root may since CVE-2020-8694"
    return [package.name for package in packages], ""


def _monitor(packages: list[str]) -> list[str]:
    names = [f"package-{number}" for number, _ in enumerate(packages)]
    rails = [line for name in names for line in ("", "[[rails]]", f'name = "{name}"', 'component = "processor"')]
    channels = ", ".join(f'{{ channel = {k}, rail = "{name}" }}' for k, name in enumerate(names, start=1))
    monitor = ["", "[[monitors]]", 'id = "rapl"', 'driver = "rapl"', f"channels = [{channels}]"]
    options = ["", "[monitors.options]", f"zones = {json.dumps(','.join(packages))}"]
    # No line runs from a processor to its own counters, so windows come from host timestamps.
    return [*rails, *monitor, *options, "", "[marker]", 'monitor = "rapl"', 'mode = "software"']


def _omission(reason: str) -> list[str]:
    return ["", "[[omitted]]", 'component = "processor"', f"reason = {json.dumps(reason)}"]


TAG = "demo"
DIGITS = 200

# n, density, graph seed
INSTANCES = (*((250, 0.05, seed) for seed in range(5)), (1000, 0.01, 0))
QUBO_BOARDS = ("virtual-loihi", "host-cpu")
DIGITS_BENCH = "virtual-serial"

SCENARIOS: tuple[Scenario, ...] = (
    TimeToSolution(kind="time-to-solution", limit_s=0.5),
    FixedTimeout(kind="fixed-timeout", timeout_s=0.01),
    FixedTimeout(kind="fixed-timeout", timeout_s=0.1),
)


def demo_jobs() -> list[JobSpec]:
    """Return all jobs, the digits first because their device is the slowest."""
    qubo = [
        JobSpec(
            workload=QuboMis(name="qubo-mis", n=n, density=density, seed=seed, scenario=scenario),
            needs=Needs(board=board),
            tags=(TAG,),
        )
        for board in QUBO_BOARDS
        for n, density, seed in INSTANCES
        for scenario in SCENARIOS
    ]
    digits = JobSpec(workload=Digits(name="mnist-digits", count=DIGITS), needs=Needs(bench=DIGITS_BENCH), tags=(TAG,))
    return [digits, *qubo]


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
