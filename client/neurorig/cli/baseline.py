"""The same problem on a second bench: the same-ticket baseline of `neurorig submit` and `neurorig benchmark`."""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Any

import click

from neurorig.cli import benchmark_tables, tables
from neurorig.cli.job_commands import wait_for
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig_protocols.job import JobSpec


def asked_baseline(client: Client, spec: JobSpec, options: dict[str, Any]) -> JobSpec | None:
    """Return the baseline that the options of a command ask for, None for none.

    A usage error where the job itself could land on the baseline's bench.
    """
    where: str | None = options.get("baseline")
    if not where:
        return None
    _require_two_sides(spec, where, _board_name(where) or _board_of(client, where))
    return baseline_of(spec, where, options["baseline_solver"])


def baseline_of(spec: JobSpec, where: str, solver: str) -> JobSpec:
    """Return the same job for the other bench: same instance, scenario and plan, with its own solver.

    where: a bench, or "board=NAME". Parameters and tuning belong to the first solver and stay behind.
    """
    board = _board_name(where)
    needs = {"board": board, "bench": None if board else where, "metered": spec.needs.metered}
    body = spec.model_dump(mode="json")
    body["needs"] = needs
    body["solver"] = {"name": solver, "seed": spec.solver.seed}
    return JobSpec.model_validate(body)


def _board_name(where: str) -> str | None:
    return where.removeprefix("board=") if where.startswith("board=") else None


def _require_two_sides(spec: JobSpec, where: str, board: str | None) -> None:
    needs = spec.needs
    anywhere = needs.bench is None and needs.board in (None, board)
    if anywhere or needs.bench == where:
        raise click.UsageError(
            f"the job itself may run on its baseline '{where}': name another --board, or a --bench, for it"
        )


def _board_of(client: Client, bench: str) -> str | None:
    """Return a bench's board, None for a bench that is not registered yet."""
    try:
        return client.bench(bench).board
    except ApiError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


def keys_of(key: str | None) -> tuple[str | None, str | None, str | None]:
    """Return the keys of what is measured, of its baseline and of their comparison; none are made of none."""
    return (key, f"{key}-baseline", f"{key}-comparison") if key else (None, None, None)


def send_with_baseline(terminal: Terminal, spec: JobSpec, other: JobSpec, options: dict[str, Any]) -> None:
    """Submit a job and its baseline, join them in a comparison, and show it once both have ended with --wait."""
    keys, wait_for_bench = keys_of(options["idempotency_key"]), options["wait_for_bench"]
    with terminal.client() as client:
        left = client.submit(spec, idempotency_key=keys[0], wait_for_bench=wait_for_bench)
        right = client.submit(other, idempotency_key=keys[1], wait_for_bench=wait_for_bench)
        found = client.compare({"job": left.id}, {"job": right.id}, idempotency_key=keys[2])
    way_back = f"compare them with: neurorig compare {found.id}"
    if not options["wait"]:
        terminal.show(found, tables.jobs([left, right]), way_back)
        return
    ended = wait_for(terminal, [left.id, right.id])
    with terminal.client() as client:
        found = client.comparison(found.id)
    shown = benchmark_tables.comparison(found, show_pairs=True)
    terminal.show(found, tables.jobs(ended), "", *shown, way_back)
    if any(job.state != "succeeded" for job in ended):
        sys.exit(EXIT_JOB_FAILED)
