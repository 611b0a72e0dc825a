"""A spiking network is run again from the integers of the report: right counts stand, others make it invalid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nir_kit import format_events, some_events
from server_kit import job
from verify_kit import check

from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import Checked
from neurorig_protocols.workloads.snn import snn_verify as verify_snn
from neurorig_protocols.workloads.snn.events import Events
from neurorig_protocols.workloads.snn.network import SpikingNetwork, pack_network, rasters
from neurorig_protocols.workloads.snn.snn_records import SnnAnswer, VerifiedSnn, pack_counts
from neurorig_server.recompute import attempt

MODEL, EVENTS = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
STEPS, SAMPLES = 30, 3
SPEC = JobSpec.model_validate(
    {**job(), "workload": {"name": "snn", "model": MODEL, "events": EVENTS, "steps": STEPS, "samples": SAMPLES}}
)
NETWORK = SpikingNetwork(
    inputs=2,
    du=np.array([4096, 2000, 4096]),
    dv=np.array([100, 0, 300]),
    vth=np.array([3000, 5000, 4000]),
    bias=np.array([0, 200, 0]),
    population=np.array([0, 0, 1]),
    outputs=np.array([2, 1]),
    start=np.array([0, 2, 4, 5, 6, 7]),
    target=np.array([0, 1, 0, 2, 2, 2, 0]),
    weight=np.array([40, 30, 25, 20, 60, 50, -20]),
)
INPUT = some_events(2, steps=STEPS, samples=SAMPLES)
FILE = format_events(Events(*(INPUT[f"event_{name}"] for name in ("sample", "step", "input"))))


def answer(**fields: Any) -> SnnAnswer:
    """Return the right answer of the network, with other fields where they are given."""
    (raster,) = rasters(NETWORK, INPUT, steps=STEPS, samples=SAMPLES)
    found = raster.answer(NETWORK)
    spikes = found["population_spikes"].sum(axis=0).tolist()
    body = {
        "model": MODEL, "events": EVENTS, "steps": STEPS, "samples": SAMPLES, "outputs": 2,
        "counts": pack_counts(found["counts"]), "first_steps": pack_counts(found["first_step"]),
        "spikes": sum(spikes), "solve_s": 0.1, "quantisation": {}, "network": pack_network(NETWORK),
        "populations": [
            {"name": name, "neurons": neurons, "spikes": count}
            for name, neurons, count in zip("ab", (2, 1), spikes, strict=True)
        ],
        **fields,
    }  # fmt: skip
    return SnnAnswer.model_validate(body)


def run(found: SnnAnswer, file: bytes | None = FILE) -> Checked:
    """Check an answer; None is a file that is gone."""

    def files(digits: str) -> bytes:
        assert digits == "b" * 64
        if file is None:
            raise FileNotFoundError(digits)
        return file

    return check(SPEC, found, lambda _w, _s: Absent(reason_code="none", reason="none"), files=files)


def verified(checked: Checked) -> VerifiedSnn:
    """Return the verified part."""
    assert isinstance(checked.verified, VerifiedSnn)
    return checked.verified


def test_right_counts_are_recomputed() -> None:
    """The counts of the network itself stand, and it is said that the rounding was not looked at."""
    checked = run(answer())

    assert checked.codes == ()
    assert verified(checked).recomputed == verify_snn.RECOMPUTED
    assert verified(checked).not_recomputed is None
    assert verified(checked).output_spikes > 10


def test_one_spike_too_many_is_found() -> None:
    """A count or a first spike that the network does not give makes the attempt invalid."""
    (raster,) = rasters(NETWORK, INPUT, steps=STEPS, samples=SAMPLES)
    found = raster.answer(NETWORK)
    found["counts"][1, 0] -= 1

    checked = run(answer(counts=pack_counts(found["counts"])))

    assert checked.codes == ("counts_mismatch",)
    assert str(verified(checked).recomputed).startswith("1 values differ")


def test_a_board_that_said_so_may_differ() -> None:
    """Spikes that differ on a board that declares why degrade the attempt, and the reason stands beside the number."""
    (raster,) = rasters(NETWORK, INPUT, steps=STEPS, samples=SAMPLES)
    found = raster.answer(NETWORK)
    found["counts"][1, 0] -= 1

    checked = run(answer(counts=pack_counts(found["counts"]), inexact="its currents are fractions"))

    assert checked.codes == ("counts_inexact",)
    assert "counts_inexact" not in registry.invalidating() | attempt.INFORMING
    assert str(verified(checked).recomputed).startswith("1 values differ (its currents are fractions): ")
    assert run(answer(inexact="its currents are fractions")).codes == ()


def test_spikes_of_a_hidden_population_are_counted_too() -> None:
    """A sum of a population that the run does not give is a mismatch, even where no output shows it."""
    right = answer()
    wrong = [p.model_copy(update={"spikes": p.spikes + 1}) if i == 0 else p for i, p in enumerate(right.populations)]

    assert run(right.model_copy(update={"populations": tuple(wrong), "spikes": right.spikes + 1})).codes == (
        "counts_mismatch",
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"network": "AAAA"}, "not compressed text"),
        ({"populations": [{"name": "a", "neurons": 3, "spikes": 1}], "spikes": 1}, "other neurons"),
    ],
)
def test_a_network_that_is_not_the_answers_is_refused(fields: dict[str, Any], why: str) -> None:
    """A network that cannot be read, or has other neurons than the answer, makes the attempt invalid."""
    checked = run(answer(**fields))

    assert checked.codes == ("malformed_network",)
    assert why in str(verified(checked).not_recomputed)


def test_events_beyond_the_network_are_refused() -> None:
    """A network with fewer input lines than the events name is not the one that ran."""
    checked = run(answer(), b"0,0,2\n")

    assert checked.codes == ("malformed_network",)


@pytest.mark.parametrize(
    ("file", "why"), [(None, "not here any more"), (b"x", "cannot be read"), (bytes(50), "larger than 0 MiB")]
)
def test_without_its_events_nothing_is_recomputed(
    monkeypatch: pytest.MonkeyPatch, file: bytes | None, why: str
) -> None:
    """Events that are gone, damaged or too many leave the counts unchecked, with the reason."""
    monkeypatch.setattr(verify_snn, "MOST_EVENT_BYTES", 49)

    checked = run(answer(), file)

    assert checked.codes == ()
    assert why in str(verified(checked).not_recomputed)


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that takes too long is not run again, and the bound is said."""
    monkeypatch.setattr(verify_snn, "MOST_WORK", 1_000)

    checked = run(answer())

    assert checked.codes == ()
    assert verified(checked).not_recomputed == "the network takes more than 1,000 operations"


@pytest.mark.parametrize("code", ["counts_mismatch", "malformed_network", "counts_inexact"])
def test_a_mismatch_is_explained(code: str) -> None:
    """Every code has its sentence on the page; what no board declared takes the attempt's worth."""
    assert (code in registry.invalidating()) == (code != "counts_inexact")
    assert code in registry.codes()
