"""Solution files: two forms are read, everything else is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import MalformedSolution, WrongLength
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits, unpack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import LONGEST_TEXT, PlainBits, SolutionFile, parse

FILE = SolutionFile(
    problem={"workload": "qubo-mis", "n": 10, "density": 0.01, "seed": 0},
    cost=-10,
    solution="/8A=",
    found_by="somebody",
    found_on="a machine",
    found_at="2026-11-21",
)


def test_a_solution_file_is_read_as_it_was_written():
    """Problem, cost, solution and provenance survive the way through the file."""
    assert parse(FILE.model_dump_json(indent=1)) == FILE


@given(st.lists(st.integers(0, 1), min_size=1, max_size=40), st.sampled_from(["", " ", "\n"]))
def test_plain_bits_are_read_in_order(values, between):
    """Noughts and ones, with or without white space, are the bits of as many variables."""
    found = parse(between.join(map(str, values)))

    assert isinstance(found, PlainBits)
    assert unpack_bits(found.of(len(values)), len(values)).tolist() == values
    with pytest.raises(WrongLength, match="variables"):
        found.of(len(values) + 1)


def test_one_bit_too_few_is_not_filled_up():
    """Nine bits are no solution of ten variables, although both pack into two bytes."""
    found = parse("1" * 9)

    assert found == PlainBits(9, pack_bits(np.ones(9, np.uint8)))
    with pytest.raises(WrongLength):
        found.of(10)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    """No text makes anything but a solution or a refusal."""
    with contextlib.suppress(MalformedSolution):
        assert isinstance(parse(text), PlainBits | SolutionFile)


@pytest.mark.parametrize("text", ["", "  ", "012", "{", '{"format": "neurorig-solution-1"}', "[1, 0]"])
def test_other_texts_are_refused(text):
    """Nothing, other digits, and JSON of something else are no solutions."""
    with pytest.raises(MalformedSolution):
        parse(text)


def test_a_huge_text_is_refused_unread():
    """The size of a file is bounded."""
    with pytest.raises(MalformedSolution, match="at most"):
        parse("0" * (LONGEST_TEXT + 1))
