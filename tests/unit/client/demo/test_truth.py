"""Joining the lab's own record to what was measured."""

from __future__ import annotations

import json

import pytest

from neurorig.demo.results import is_complete, read_truth, true_energy, with_truth
from neurorig.errors import ClientError


def test_the_record_is_read_by_session_in_order(tmp_path):
    """Windows of several sessions, written in any order, come back by session and in order."""
    lines = [("a", 1, 2.0), ("b", 0, 9.0), ("a", 0, 1.0)]
    path = tmp_path / "bench.jsonl"
    records = ({"session": s, "window": k, "energy_j": {"cores": j}, "t0_ns": 0} for s, k, j in lines)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))

    assert read_truth(path) == {"a": [{"cores": 1.0}, {"cores": 2.0}], "b": [{"cores": 9.0}]}


def test_a_line_in_the_writing_is_left_for_later(tmp_path):
    """A last line without its end is not read yet."""
    path = tmp_path / "bench.jsonl"
    path.write_text('{"session": "a", "window": 0, "energy_j": {"cores": 1.0}}\n{"session": "a", "win')

    assert read_truth(path) == {"a": [{"cores": 1.0}]}


def test_true_energy_sums_the_windows_of_a_phase(measured, windows):
    """Each cell's truth is the sum over its phase's windows and its component's rails; the input rail is no part."""
    truth = true_energy(measured(), windows)

    assert truth.cells["neurocores", "run"] == 3.0 + 4.0
    assert truth.cells["memory", "run"] == 12.0 + 13.0 + 200.0
    assert truth.cells["neurocores", "idle"] == 1.0 + 5.0
    assert truth.totals == {"idle": 6.0 + 24.0 + 200.0, "warmup": 2.0 + 11.0 + 100.0, "run": 7.0 + 225.0}


@pytest.mark.parametrize("count", [4, 6])
def test_another_count_of_windows_is_an_error(measured, windows, count):
    """Truth and measurement of different windows are never compared."""
    with pytest.raises(ClientError, match=f"{count} windows, 5 were measured"):
        true_energy(measured(), (windows * 2)[:count])


def test_only_virtual_results_get_a_truth(result, measured, windows):
    """A physical attempt, and one without energy, keeps no truth."""
    truths = {"a1": windows}
    results = [result(energy=measured()), result(energy=measured(), reality="physical"), result()]

    assert [found.truth is not None for found in with_truth(results, truths)] == [True, False, False]


def test_completeness_waits_for_virtual_windows_only(result, measured, windows):
    """The record is complete once it holds every measured window of every virtual attempt."""
    results = [result(energy=measured()), result(energy=measured(), reality="physical", attempt="a2"), result()]

    assert not is_complete(results, {})
    assert not is_complete(results, {"a1": windows[:4]})
    assert is_complete(results, {"a1": windows})
