"""Jobs, benches, errors and reports as records: what they accept and what they refuse."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neurorig_protocols import errors
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.board import BoardInfo
from neurorig_protocols.job import (
    TERMINAL_STATES,
    TRANSITIONS,
    BenchRecord,
    JobEvent,
    JobSpec,
    JobState,
    sources,
    unmet_needs,
)
from neurorig_protocols.quantities import GRADE_ORDER, worst_grade
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits, unpack_bits

QUBO = {
    "name": "qubo-mis",
    "n": 250,
    "density": 0.05,
    "seed": 0,
    "scenario": {"kind": "fixed-timeout", "timeout_s": 0.01},
}
BENCH = {
    "name": "b",
    "reality": "virtual",
    "board": {"driver": "virtual-loihi"},
    "components": [{"name": "cores"}, {"name": "host"}],
    "rails": [{"name": "vdd", "component": "cores"}],
    "monitors": [{"id": "m", "driver": "scpi-analyser", "channels": [{"channel": 1, "rail": "vdd"}]}],
    "marker": {"monitor": "m", "mode": "level"},
}


def where_refused(model: type, data: dict) -> set[str]:
    """Return the last part of each field path that a record refuses."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return {str(e["loc"][-1]) if e["loc"] else "" for e in caught.value.errors()}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"n": 0}, "n"),
        ({"n": 2.5}, "n"),
        ({"density": 1.5}, "density"),
        ({"density": float("nan")}, "density"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"scenario": {"kind": "fixed-timeout", "timeout_s": -1}}, "timeout_s"),
        ({"scenario": {"kind": "time-to-solution", "limit_s": 1, "gaps": []}}, "gaps"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_workload_names_its_field(change: dict, field: str) -> None:
    """Every violated field of a workload is named."""
    assert where_refused(JobSpec, {"workload": QUBO | change}) == {field}


def test_images_beyond_the_test_set_are_refused() -> None:
    """Digits are asked for inside the test set of 5,000."""
    assert JobSpec.model_validate({"workload": {"name": "mnist-digits", "first": 4990, "count": 10}})
    assert where_refused(JobSpec, {"workload": {"name": "mnist-digits", "first": 4991, "count": 10}}) == {
        "mnist-digits"
    }


def test_unknown_workload_is_refused() -> None:
    """A workload that nobody registered is an error at the workload."""
    assert where_refused(JobSpec, {"workload": {"name": "chess"}}) == {"workload"}


def test_several_violations_are_named_at_once() -> None:
    """A request with three mistakes gets three names."""
    data = {"workload": QUBO | {"n": 0, "density": 2}, "priority": 101}
    assert where_refused(JobSpec, data) == {"n", "density", "priority"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rails": []}, "unknown rail 'vdd'"),
        ({"rails": [{"name": "vdd", "component": "nothing"}]}, "unknown component 'nothing'"),
        (
            {"monitors": [BENCH["monitors"][0] | {"channels": [{"channel": 1, "rail": "vdd"}] * 2}]},
            "channel 'm:1' is mapped 2 times",
        ),
        ({"marker": {"monitor": "other", "mode": "level"}}, "unknown monitor 'other'"),
        ({"components": [{"name": "cores"}, {"name": "cores"}]}, "component 'cores' is mapped 2 times"),
    ],
)
def test_contradicting_bench_says_what_contradicts(change: dict, words: str) -> None:
    """A bench that contradicts itself is refused in words that name the culprit."""
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        BenchProfile.model_validate(BENCH | change)


def test_boundary_lists_what_is_left_out() -> None:
    """A component without a channel is in the boundary's omitted list, with a reason."""
    boundary = BenchProfile.model_validate(BENCH).boundary

    assert boundary.components == ("cores",)
    assert [(o.component, bool(o.reason)) for o in boundary.omitted] == [("host", True)]


def test_unmet_needs_are_sentences() -> None:
    """Each need that a bench does not meet is named, and none when it fits."""
    info = BoardInfo(family="x", kinds=("qubo",), solvers=("nebm-sa",))
    record = BenchRecord(profile=BenchProfile.model_validate(BENCH), board=info)
    fits = JobSpec.model_validate({"workload": QUBO, "needs": {"board": "virtual-loihi", "metered": True}})
    wrong = JobSpec.model_validate(
        {"workload": QUBO, "needs": {"reality": "physical", "tags": ["quiet"]}, "solver": {"name": "dwave-tabu"}}
    )

    assert unmet_needs(fits, record) == []
    assert unmet_needs(wrong, record) == [
        "reality is 'physical'",
        "a board with the solver 'dwave-tabu'",
        "tags quiet",
    ]


def test_terminal_states_have_no_way_out() -> None:
    """A job that ended stays ended."""
    assert not {state for state, _ in TRANSITIONS} & set(TERMINAL_STATES)


@given(st.lists(st.sampled_from(list(JobEvent)), max_size=30))
def test_any_sequence_of_legal_events_ends_or_can_still_end(events: list[JobEvent]) -> None:
    """From every reachable state some terminal state stays reachable."""
    state = JobState.QUEUED
    for event in events:
        state = TRANSITIONS.get((state, event), state)
    seen, todo = {state}, [state]
    while todo:
        here = todo.pop()
        todo += [t for (s, _), t in TRANSITIONS.items() if s == here and t not in seen]
        seen |= {t for (s, _), t in TRANSITIONS.items() if s == here}
    assert seen & set(TERMINAL_STATES)


def test_sources_agree_with_the_table() -> None:
    """`sources` lists exactly the states in which an event is legal."""
    for state, event in itertools.product(JobState, JobEvent):
        assert (state in sources(event)) == ((state, event) in TRANSITIONS)


def test_every_error_survives_its_record() -> None:
    """Each failure of a job or a bench is rebuilt from its record with message, place and detail."""
    branches = (errors.UserError, errors.JobError, errors.MeasurementError, errors.InfraError)
    for cls in [cls for branch in branches for cls in (branch, *_subclasses(branch))]:
        again = errors.from_record(cls("why", where="here", next_step="do this", limit=3).record())
        assert (type(again), again.message, again.where, again.detail) == (cls, "why", "here", {"limit": 3})


def test_every_error_has_a_code_of_its_own() -> None:
    """No two classes of the one tree share a code, refusals and the client's errors included."""
    for module in ("neurorig_protocols.refusals", "neurorig.errors"):
        importlib.import_module(module)
    classes = [errors.NeurorigError, *_subclasses(errors.NeurorigError)]
    # ApiError carries the code that the server gave.
    codes = [cls.code for cls in classes if cls.__name__ != "ApiError" and cls.__module__.startswith("neurorig")]

    assert len(codes) == len(set(codes)) > 50


def _subclasses(cls: type) -> list[type]:
    return [c for sub in cls.__subclasses__() for c in (sub, *_subclasses(sub))]


def test_unknown_error_code_keeps_its_fault() -> None:
    """A code of a newer version becomes the base class of its fault."""
    record = errors.DoesNotFit("x").record().model_copy(update={"code": "of_tomorrow"})
    assert type(errors.from_record(record)) is errors.JobError


@given(st.lists(st.integers(0, 1), min_size=1, max_size=100))
def test_bits_survive_packing(bits: list[int]) -> None:
    """Packed solutions unpack to the same bits."""
    array = np.array(bits, np.uint8)
    np.testing.assert_array_equal(unpack_bits(pack_bits(array), len(bits)), array)


@pytest.mark.parametrize(("text", "n"), [("!!", 8), ("gA==", 9), ("AQ==", 7), ("", 1)])
def test_wrong_solutions_are_refused(text: str, n: int) -> None:
    """Other text, another length and set padding are refused."""
    with pytest.raises(ValueError, match="solution"):
        unpack_bits(text, n)


def test_first_bit_is_the_highest() -> None:
    """x0 is the most significant bit of the first byte."""
    assert pack_bits(np.array([1, 0, 0, 0, 0, 0, 0, 0], np.uint8)) == "gA=="


@given(st.lists(st.sampled_from(GRADE_ORDER), min_size=1))
def test_worst_grade_is_no_better_than_any(grades: list) -> None:
    """A derived number is as good as its weakest input."""
    assert all(GRADE_ORDER.index(worst_grade(grades)) <= GRADE_ORDER.index(g) for g in grades)
