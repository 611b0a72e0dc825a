"""Answers of a newer server are read by an older client, and nothing of them is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from whole_answers import whole

from neurorig_protocols import answers
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout, QuboMis

SCENARIO = {"kind": "fixed-timeout", "timeout_s": 0.01}
WORKLOAD = {"name": "qubo-mis", "n": 10, "density": 0.1, "seed": 0, "scenario": SCENARIO}


def job(**changes: Any) -> dict[str, Any]:
    """Return a job's answer, with changes."""
    given = {"id": "0123456789ab", "state": "queued", "spec": {"workload": WORKLOAD}, **changes}
    found: dict[str, Any] = whole(JobView, given)
    return found


def read(body: dict[str, Any]) -> JobView:
    """Read a job's answer."""
    return answers.read(JobView, json.dumps(body))


def test_known_answers_are_records() -> None:
    """What this version knows is read as the records of the protocol, unions and numbers included."""
    found = read(job())

    assert isinstance(found.spec.workload, QuboMis)
    assert isinstance(found.spec.workload.scenario, FixedTimeout)
    assert found.spec.workload.scenario.timeout_s == 0.01
    assert not found.ended


def test_unknown_fields_are_kept_on_every_level() -> None:
    """Fields of a newer server are attributes, and come back in JSON."""
    body = job(colour="blue")
    body["spec"]["workload"] = {**WORKLOAD, "weights": {"low": 1}, "scenario": {**SCENARIO, "grace_s": 2}}
    found = read(body)

    assert found.colour == "blue"  # type: ignore[attr-defined]  # not of this version
    shown = answers.as_json(found)
    assert shown["colour"] == "blue"
    assert shown["spec"]["workload"]["weights"] == {"low": 1}
    assert shown["spec"]["workload"]["scenario"] == {**SCENARIO, "grace_s": 2}


def test_unknown_values_of_closed_lists_are_plain_strings() -> None:
    """A state or an event that a newer server has is text; everything beside it stays typed."""
    found = read(job(state="paused"))

    assert found.state == "paused"
    assert not found.ended
    assert isinstance(found.spec.workload, QuboMis)


def test_unknown_members_of_unions_are_readable() -> None:
    """A workload that this version does not have keeps its fields; a scenario likewise."""
    body = job()
    body["spec"]["workload"] = {"name": "asc", "clips": [1, 2], "model": {"layers": 3}}
    found = read(body)

    assert isinstance(found.spec.workload, answers.UnknownMember)
    assert found.spec.workload.name == "asc"  # type: ignore[attr-defined]  # as it was sent
    assert answers.as_json(found)["spec"]["workload"] == body["spec"]["workload"]


def test_other_forms_of_ids_are_accepted() -> None:
    """The form of an id may change without a client refusing it."""
    assert read(job(id="a longer id than today's", state="paused")).id == "a longer id than today's"


@pytest.mark.parametrize("missing", ["id", "state", "spec"])
def test_a_missing_field_is_an_error(missing: str) -> None:
    """Lenient is not blind: what this version needs must be there."""
    body = job(colour="blue")
    del body[missing]

    with pytest.raises(ValidationError) as caught:
        read(body)

    assert [error["loc"] for error in caught.value.errors()] == [(missing,)]


def test_a_known_member_that_is_malformed_is_no_unknown_one() -> None:
    """A workload of a known name without its fields is an error, even where another value is not known."""
    body = job(state="paused")
    body["spec"]["workload"] = {"name": "qubo-mis", "n": 10}

    with pytest.raises(ValidationError, match="density"):
        read(body)


def test_a_list_of_records_is_read() -> None:
    """A route that answers with a list is read item by item."""
    bench = whole(BenchView, {"name": "b", "state": "resting", "reality": "virtual"})
    (found,) = answers.read(list[BenchView], json.dumps([bench]))

    assert (found.name, found.state) == ("b", "resting")


def test_requests_stay_strict() -> None:
    """Reading an answer changes nothing for requests: the same record refuses what it does not know."""
    read(job(state="paused", colour="blue"))

    with pytest.raises(ValidationError):
        JobView.model_validate(job(state="paused"))
    with pytest.raises(ValidationError):
        JobView.model_validate(job(colour="blue"))


def test_an_unknown_answer_of_an_attempt_is_readable() -> None:
    """An answer of a kind that a newer server has, with its recomputation, is read and comes back whole."""
    given = {"kind": "clips", "scores": [0.5], "verified": {"kind": "clips", "correct": 1}}
    found = answers.read(AttemptView, json.dumps(whole(AttemptView, {"answer": given})))

    assert isinstance(found.answer, answers.UnknownMember)
    assert answers.as_json(found)["answer"] == given
