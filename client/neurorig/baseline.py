"""The same problem on a second bench: the same-ticket baseline of `neurorig submit` and `neurorig benchmark`."""

from __future__ import annotations

import sys
from typing import Any

from neurorig import benchmark_tables, tables
from neurorig.follow import wait_for
from neurorig.terminal import EXIT_JOB_FAILED, Terminal
from neurorig_protocols.job import JobSpec


def baseline_of(spec: JobSpec, where: str, solver: str) -> JobSpec:
    """Return the same job for the other bench: same instance, scenario and plan, with its own solver.

    where: a bench, or "board=NAME". Parameters and tuning belong to the first solver and stay behind.
    """
    board = where.removeprefix("board=") if where.startswith("board=") else None
    needs = {"board": board, "bench": None if board else where, "metered": spec.needs.metered}
    body = spec.model_dump(mode="json")
    body["needs"] = needs
    body["solver"] = {"name": solver, "seed": spec.solver.seed}
    return JobSpec.model_validate(body)


def send_with_baseline(terminal: Terminal, spec: JobSpec, options: dict[str, Any]) -> None:
    """Submit a job and its baseline, join them in a comparison, and show it once both have ended with --wait."""
    other = baseline_of(spec, options["baseline"], options["baseline_solver"])
    key, wait_for_bench = options["idempotency_key"], options["wait_for_bench"]
    with terminal.client() as client:
        left = client.submit(spec, idempotency_key=key, wait_for_bench=wait_for_bench)
        right = client.submit(other, idempotency_key=f"{key}-baseline" if key else None, wait_for_bench=wait_for_bench)
        found = client.compare({"job": left.id}, {"job": right.id})
    way_back = f"compare them with: neurorig compare {found.id}"
    if not options["wait"]:
        terminal.show(found, tables.jobs([left, right]), way_back)
        return
    ended = wait_for(terminal, [left.id, right.id])
    with terminal.client() as client:
        found = client.comparison(found.id)
    terminal.show(
        found, tables.jobs(ended), "", *benchmark_tables.comparison(found), benchmark_tables.pairs(found), way_back
    )
    if any(job.state != "succeeded" for job in ended):
        sys.exit(EXIT_JOB_FAILED)
