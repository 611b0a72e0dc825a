"""Benches that fail: time and answer stand, energy is withheld with the reason, and the agent goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from house import DIGITS, QUBO, House, until

pytestmark = pytest.mark.e2e

METERED = {"workload": QUBO, "needs": {"board": "virtual-loihi"}, "max_attempts": 1}


def children_of(pid: int) -> dict[str, int]:
    """Return the child processes of a process by the last part of the module they run."""
    found = {}
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listing.read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
            module = next((w for w in words if w.startswith("neurorig_lab.")), "")
            found[module.rpartition(".")[2]] = int(child)
    return found


@pytest.mark.parametrize(
    ("fault", "code"),
    [("die:0.04", "monitor_lost"), ("idn:ACME,Scope,1,1", "monitor_mismatch"), ("drop:0.07:500", "samples_lost")],
)
def test_a_faulty_meter_withholds_the_energy_and_keeps_the_rest(house: House, fault: str, code: str) -> None:
    """A meter that dies, is another one or drops samples costs the energy, not the time and not the answer."""
    house.server()
    _, bench = house.lab("virtual-loihi", "--fault", fault)
    house.agent(bench)
    client = house.client()

    (job,) = client.wait([client.submit(METERED).id], poll_s=0.1)

    attempt = client.attempt(job.attempts[-1].id)
    assert attempt.state == "measurement_invalid", attempt
    assert attempt.error is not None
    assert (attempt.error.code, attempt.error.fault) == (code, "measurement")
    assert attempt.energy_absent
    assert any(t.phase == "run" and t.duration_s > 0 for t in attempt.times)
    assert attempt.answer is not None
    assert attempt.answer.verified is not None
    assert not getattr(client.energy(attempt.id), "cells", ())


def test_a_meter_that_is_not_there_is_named(house: House) -> None:
    """An analyser whose process is gone is a monitor that does not answer; the run's time is kept."""
    house.server()
    lab, bench = house.lab("virtual-loihi")
    os.kill(children_of(lab.popen.pid)["meter_process"], signal.SIGKILL)
    house.agent(bench)
    client = house.client()

    job = client.submit(METERED)
    (done,) = client.wait([job.id], poll_s=0.1)

    attempt = client.attempt(done.attempts[-1].id)
    assert attempt.error is not None
    assert attempt.error.fault in ("measurement", "infra"), attempt.error
    assert not getattr(client.energy(attempt.id), "cells", ())


def test_a_serial_port_that_vanishes_is_an_infrastructure_failure(house: House) -> None:
    """When the board's port goes away mid-run the attempt fails as retryable and has no number."""
    house.server()
    lab, bench = house.lab("virtual-serial")
    house.agent(bench)
    client = house.client()
    spec = {"workload": DIGITS | {"count": 200}, "needs": {"board": "mlperf-serial"}, "max_attempts": 1}
    job = client.submit(spec)
    until(lambda: "run 0" in house.steps(), what="the run")

    os.kill(children_of(lab.popen.pid)["serial_dut"], signal.SIGKILL)

    (done,) = client.wait([job.id], poll_s=0.1)
    attempt = client.attempt(done.attempts[-1].id)
    assert (done.state, attempt.state) == ("failed", "failed")
    assert attempt.error is not None
    assert (attempt.error.code, attempt.error.fault, attempt.error.retryable) == ("board_lost", "infra", True)
    assert attempt.error.next_step
    assert not getattr(client.energy(attempt.id), "cells", ())
