"""Input events as text: what is written is read, and what is no file of events is refused with the place."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nir_kit import format_events

from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.snn import events as module
from neurorig_protocols.workloads.snn.events import Events, parse_events

ROWS = st.sets(st.tuples(st.integers(0, 99_999), st.integers(0, 999_999), st.integers(0, 2**31 - 1)), max_size=30)


@given(ROWS)
def test_what_is_written_is_read(rows: set[tuple[int, int, int]]) -> None:
    """Any set of events survives the way to text and back, sorted."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)

    found = parse_events(format_events(Events(*table.T)))

    assert np.stack([found.sample, found.step, found.input], axis=1).tolist() == table.tolist()


@given(st.permutations([(0, 3, 1), (0, 0, 2), (1, 0, 0), (0, 3, 0)]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_order_heading_and_line_ends_do_not_matter(rows: list[tuple[int, int, int]], heading: bool, end: str) -> None:
    """Lines in any order, with a heading or without, give the same sorted events."""
    lines = ["sample,step,input"] * heading + [",".join(map(str, row)) for row in rows]

    found = parse_events(end.join(lines).encode())

    assert found.sample.tolist() == [0, 0, 0, 1]
    assert found.step.tolist() == [0, 3, 3, 0]
    assert found.input.tolist() == [2, 0, 1, 0]
    assert found.facts() == {"events": 4, "samples": 2, "steps": 4, "inputs": 3}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever comes, it is events or a UserError."""
    with contextlib.suppress(UserError):
        parse_events(data)


@given(st.text("0123456789,\n", max_size=60))
def test_any_digits_are_read_or_refused(text: str) -> None:
    """Digits, commas and line ends in any order are events or a UserError, without a warning."""
    with contextlib.suppress(UserError):
        assert len(parse_events(text.encode())) <= text.count("\n") + 1


@pytest.mark.parametrize("data", [b"", b"\n", b"sample,step,input\n"])
def test_no_events_are_events(data: bytes) -> None:
    """A network may be driven by nothing."""
    assert parse_events(data).facts() == {"events": 0, "samples": 0, "steps": 0, "inputs": 0}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"0,0,1\n0,0,1\n", "the event 0,0,1 is there twice"),
        (b"0,0\n1,1\n", "2 numbers"),
        (b"0,0,0,0\n", "4 numbers"),
        (b"0,0,0\n0,1\n", "a line is not sample,step,input"),
        (b"0,,0\n", "a line is not sample,step,input"),
        (b"0,-1,0\n", "'-' is neither a digit nor a comma"),
        (b"0,1.5,0\n", "'.' is neither a digit nor a comma"),
        (b"step,sample,input\n0,0,0\n", "is neither a digit nor a comma"),
        ("0,0,²\n".encode(), "byte 4 is no ASCII character"),
        (b"100000,0,0\n", "event 1 names sample 100000, the largest is 99999"),
        (b"0,0,0\n0,1000000,0\n", "event 2 names step 1000000"),
        (b"0,0,2147483648\n", "names input 2147483648"),
        (b"0,0,99999999999999999999\n", "a line is not sample,step,input"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, what: str) -> None:
    """Each flaw has its sentence."""
    with pytest.raises(UserError) as caught:
        parse_events(data)

    assert what in caught.value.message


def test_a_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many bytes and too many events are refused before they cost anything."""
    monkeypatch.setattr(module, "MAX_BYTES", 30)
    monkeypatch.setattr(module, "MAX_EVENTS", 2)

    with pytest.raises(UserError, match="larger than 30 bytes"):
        parse_events(b"0,0,0\n" * 6)
    with pytest.raises(UserError, match="more than 2 events"):
        parse_events(b"0,0,0\n0,0,1\n0,0,2\n")
