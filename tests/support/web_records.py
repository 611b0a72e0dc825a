"""Realistic records for the page tests: VIRTUAL benches, synthetic traces, answers and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols import trace as traces
from neurorig_protocols.bench import (
    BenchProfile,
    BoardConfig,
    Channel,
    Component,
    MarkerConfig,
    MonitorConfig,
    Omitted,
    Rail,
)
from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.job import BenchRecord, JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport, ExpectedWindow, PhaseTime, TraceRef
from neurorig_protocols.workloads.digits.digits_records import ClassifierAnswer, Digits
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import (
    Improvement,
    QuboAnswer,
    QuboMis,
    Reached,
    TimeToSolution,
    pack_bits,
)

DT_NS = 20_000.0
IDLE_W = {"neurocores": 0.081, "memory": 0.0124, "io": 0.0061, "management": 0.342, "static": 0.508}
# The management CPU rests while the cores run: its dynamic energy is negative.
RUN_W = {"neurocores": 0.874, "memory": 0.117, "io": 0.0448, "management": -0.0213, "static": 0.0}
SUPPLY_LOSS = 1.083
PARTS = tuple(IDLE_W)


def qubo_spec(**changes: object) -> JobSpec:
    """A time-to-solution job of three trials."""
    workload = QuboMis(
        name="qubo-mis", n=250, density=0.05, seed=0, scenario=TimeToSolution(kind="time-to-solution", limit_s=0.05)
    )
    base = {
        "workload": workload.model_dump(),
        "plan": {"trials": 3, "idle_s": 0.05},
        "needs": {"board": "virtual-loihi"},
    }
    return JobSpec.model_validate(base | changes)


def digits_spec(count: int = 200) -> JobSpec:
    """A job of handwritten digits."""
    return JobSpec.model_validate(
        {"workload": {"name": "mnist-digits", "count": count}, "needs": {"board": "virtual-serial"}}
    )


def loihi_bench(
    name: str = "virtual-loihi-0", description: str = "A modelled chip on a modelled meter."
) -> BenchRecord:
    """A VIRTUAL bench with five part rails and a supply rail."""
    components = ("neurocores", "memory", "io", "management-cpu", "static", "host-cpu")
    rails = [Rail(name=r, component="management-cpu" if r == "management" else r, nominal_v=1.0) for r in PARTS]
    rails.append(Rail(name="supply", role="total", nominal_v=12.0))
    profile = BenchProfile(
        name=name,
        reality="virtual",
        description=description,
        location="nowhere: this bench is a program",
        board=BoardConfig(driver="virtual-loihi"),
        components=tuple(Component(name=c) for c in components),
        rails=tuple(rails),
        monitors=(
            MonitorConfig(
                id="analyser",
                driver="scpi-analyser",
                resource="TCPIP::127.0.0.1::hislip0,46325::INSTR",
                channels=tuple(Channel(channel=i, rail=rail.name) for i, rail in enumerate(rails, start=1)),
            ),
        ),
        marker=MarkerConfig(monitor="analyser", mode="level"),
        omitted=(Omitted(component="host-cpu", reason="its power is shared with other work on the host"),),
        tags=("virtual", "demo"),
    )
    board = BoardInfo(
        family="VIRTUAL Loihi-like chip",
        serial_number="V-0001",
        firmware="virtual 1.0",
        kinds=("qubo",),
        clock="dut",
        solvers=("annealing",),
        notes=("rail power is modelled from published constants",),
    )
    return BenchRecord(profile=profile, board=board, agent_version="0.1.0")


def host_bench(name: str = "host-0") -> BenchRecord:
    """This computer: time is real, no rail is sampled."""
    profile = BenchProfile(
        name=name, reality="physical", board=BoardConfig(driver="host-cpu"), components=(Component(name="host-cpu"),)
    )
    return BenchRecord(
        profile=profile, board=BoardInfo(family="x86-64", kinds=("qubo",), solvers=("tabu", "annealing"))
    )


def serial_bench(name: str = "virtual-serial-0") -> BenchRecord:
    """A VIRTUAL microcontroller with one rail."""
    profile = BenchProfile(
        name=name,
        reality="virtual",
        board=BoardConfig(driver="virtual-serial"),
        components=(Component(name="mcu"),),
        rails=(Rail(name="mcu", component="mcu"), Rail(name="supply", role="total")),
        monitors=(
            MonitorConfig(
                id="analyser",
                driver="scpi-analyser",
                channels=(Channel(channel=1, rail="mcu"), Channel(channel=2, rail="supply")),
            ),
        ),
        marker=MarkerConfig(monitor="analyser", mode="level"),
    )
    board = BoardInfo(family="VIRTUAL microcontroller", kinds=("classifier",), clock="dut")
    return BenchRecord(profile=profile, board=board)


@dataclass(frozen=True)
class Acquired:
    """A synthetic trace and the windows that were marked on it."""

    trace: traces.Trace
    windows: tuple[ExpectedWindow, ...]


def acquired(trials: int = 3, run_s: float = 0.018, settle_s: float = 0.005, rails: Sequence[str] = PARTS) -> Acquired:
    """Synthesise idle, warm-up, runs and idle again, with settles between them, on every rail."""
    rng = np.random.default_rng(7)
    phases: list[tuple[str | None, int, float]] = [(None, 0, 0.004), ("idle", 0, 0.05), (None, 0, 0.005)]
    phases += [("warmup", 0, run_s), (None, 0, settle_s)]
    for i in range(trials):
        phases += [("run", i, run_s * (1 + 0.02 * (i % 3))), (None, 0, settle_s)]
    phases += [("idle", 1, 0.05), (None, 0, 0.004)]
    power: dict[str, list[npt.NDArray[np.float64]]] = {rail: [] for rail in rails}
    line: list[npt.NDArray[np.uint8]] = []
    for phase, _, length_s in phases:
        count = round(length_s / (DT_NS * 1e-9))
        line.append(np.full(count, phase is not None, np.uint8))
        for rail in rails:
            power[rail].append(_power(rail, phase, count, rng))
    columns = {rail: np.concatenate(parts) for rail, parts in power.items()}
    columns["supply"] = SUPPLY_LOSS * np.sum(list(columns.values()), axis=0) + 0.0004 * rng.standard_normal(
        len(columns[rails[0]])
    )
    windows = tuple(ExpectedWindow(phase=p, index=i) for p, i, _ in phases if p is not None)
    return Acquired(_trace(columns, np.concatenate(line)), windows)


def _power(rail: str, phase: str | None, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    base = np.full(count, IDLE_W.get(rail, 0.03))
    if phase in ("run", "warmup"):
        settling = 1 - 0.45 * (1 - np.exp(-np.linspace(0, 5, count)))
        base = base + RUN_W.get(rail, 0.012) * settling * (1 + 0.08 * rng.standard_normal(count))
    return base + 0.0004 * rng.standard_normal(count)


def _trace(columns: Mapping[str, npt.NDArray[np.float64]], line: npt.NDArray[np.uint8]) -> traces.Trace:
    channels = tuple(
        traces.ChannelInfo(
            channel=i,
            rail=rail,
            rate_hz=1e9 / DT_NS,
            range_w=3.0,
            accuracy=traces.AccuracySpec(
                gain_limit=5e-4,
                offset_limit_w=1e-4,
                noise_w=4e-4,
                resolution_w=5e-5,
                timebase_limit=2e-5,
                source="made up",
            ),
        )
        for i, rail in enumerate(columns, start=1)
    )
    head = traces.TraceHead(
        monitor="analyser", clock="monitor:analyser", t0_ns=1_000_000_000, dt_ns=DT_NS, channels=channels
    )
    values = np.stack(list(columns.values()), axis=1).astype(np.float32)
    return traces.Trace(head, values, line, np.zeros(len(line), np.uint8))


def solved(workload: QuboMis, seed: int = 1) -> QuboAnswer:
    """Solve the problem greedily from random orders and report it as a board would."""
    problem = mis.instance(workload.n, workload.density, workload.seed)
    rng = np.random.default_rng(seed)
    best = min((_greedy(problem, rng) for _ in range(40)), key=problem.cost)
    steps = _descent(problem.cost(best), rng)
    target = mis.official_target(workload.n, workload.density, workload.seed)
    assert target is not None
    gaps = workload.scenario.gaps if isinstance(workload.scenario, TimeToSolution) else ()
    return QuboAnswer(
        solver="annealing",
        n=problem.n,
        solution=pack_bits(best),
        solver_cost=problem.cost(best),
        requested_s=0.05,
        setup_s=0.0021,
        solve_s=0.018,
        stopped_by="timeout",
        clock="dut",
        reached=tuple(_reached(gap, mis.target_cost(target.cost, gap), steps, best) for gap in gaps),
        improvements=tuple(steps),
        activity={"synaptic_operations": 1.284e7, "spikes": 88213.0},
    )


def _descent(final: int, rng: np.random.Generator) -> list[Improvement]:
    """Costs as an annealer finds them: from random states down to the final one, ever more slowly."""
    costs = [310, 86, 17, *range(-9, final + 12, -5), *range(final + 9, final, -2), final]
    times = np.cumsum(2e-5 * 1.28 ** np.arange(len(costs) - 1) * rng.uniform(0.5, 1.5, len(costs) - 1))
    scale = min(1.0, 0.011 / times[-1])
    return [Improvement(t_s=0.0, cost=costs[0])] + [
        Improvement(t_s=float(t), cost=cost) for t, cost in zip(times * scale, costs[1:], strict=True)
    ]


def _greedy(problem: mis.Instance, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    degree = np.bincount(np.concatenate([problem.rows, problem.cols]), minlength=problem.n)
    neighbours = [
        problem.cols[problem.rows == v].tolist() + problem.rows[problem.cols == v].tolist() for v in range(problem.n)
    ]
    order = np.argsort(degree + rng.uniform(0, 6, problem.n))
    bits = np.zeros(problem.n, np.uint8)
    for vertex in order:
        bits[vertex] = not bits[neighbours[vertex]].any()
    return bits


def _reached(gap: float, cost: int, steps: Sequence[Improvement], best: npt.NDArray[np.uint8]) -> Reached:
    latency = next((step.t_s for step in steps if step.cost <= cost), None)
    solution = None if latency is None else pack_bits(best)
    return Reached(gap=gap, target_cost=cost, latency_s=latency, solution=solution)


TIMES = (
    PhaseTime(phase="compile", index=0, duration_s=0.2131),
    PhaseTime(phase="map", index=0, duration_s=0.0412, cached=True),
    PhaseTime(phase="load", index=0, duration_s=0.1174),
    *(PhaseTime(phase="run", index=i, duration_s=0.018 * (1 + 0.02 * i), clock="dut") for i in range(3)),
)

PROVENANCE = {
    "neurorig": "0.1.0",
    "python": "3.11.9",
    "host": {"os": "Linux", "cpu": "x86-64", "load": [0.2, 0.1, 0.1]},
    "libraries": {"numpy": "2.1.0", "pyvisa": "1.16.0"},
}


MESH = {"grain": "core", "columns": 2, "rows": 2, "work_percent": [100, 64, 60, -1], "memory_percent": [9, 7, 7, -1]}
"""The picture of a placement, as the VIRTUAL board tells it."""


def measured_report(
    lease: Lease, answer: QuboAnswer | ClassifierAnswer, found: Acquired, ref: TraceRef, board: BoardInfo
) -> AttemptReport:
    """The report of an attempt with a trace."""
    return AttemptReport(
        fence=lease.fence,
        outcome="succeeded",
        board=board,
        compiled=Compiled(digest="sha256:" + "ab" * 32, summary={"synapses": 3125}),
        placement=Placement(
            cores=4,
            memory_bytes=131072,
            utilisation={"neurons_per_core": 0.244, "synaptic_memory": 0.61},
            summary={"tiles": 1, "mesh": MESH},
        ),
        times=TIMES,
        windows=found.windows,
        answer=answer,
        traces=(ref,),
        acquisitions=(
            traces.AcquisitionReport(
                monitor="analyser",
                samples=len(found.trace),
                dropped=0,
                overloads=0,
                identity="neurorig,VPA-8 VIRTUAL,0001,1.0",
                settings={"grade": "metered"},
            ),
        ),
        provenance=PROVENANCE,
    )


def classified(workload: Digits, wrong: Sequence[int] = (17, 92, 149)) -> ClassifierAnswer:
    """Labels of which a few are wrong."""
    expected = tuple(i % 10 for i in range(workload.count))
    labels = tuple((label + 1) % 10 if i in wrong else label for i, label in enumerate(expected))
    return ClassifierAnswer(
        model="digits-int8",
        labels=labels,
        expected=expected,
        inputs_digest="sha256:" + "cd" * 32,
        iterations=1,
        latency_s=tuple(2.31e-4 + 1e-6 * (i % 7) for i in range(workload.count)),
        clock="dut",
    )


EVIL = '<img src=x onerror="window.pwned=1"></script><script>window.pwned=1</script>{{ 7*7 }}\'"'
"""Text that must stay text wherever it is shown."""
