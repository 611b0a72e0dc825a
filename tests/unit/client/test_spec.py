"""From options and files to a job."""

from __future__ import annotations

import json

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig.cli.documents import MAX_FILE_BYTES, parameters, read_spec

JOB = {"workload": {"name": "mnist-digits", "count": 5}, "needs": {"board": "mlperf-serial"}, "tags": ["x"]}
TOML = 'tags = ["x"]\n[workload]\nname = "mnist-digits"\ncount = 5\n[needs]\nboard = "mlperf-serial"\n'


def test_json_and_toml_say_the_same(tmp_path):
    """A job reads the same from both kinds of file."""
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    (tmp_path / "job.toml").write_text(TOML)

    assert read_spec(tmp_path / "job.json") == read_spec(tmp_path / "job.toml")
    assert read_spec(tmp_path / "job.json").workload.count == 5


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("job.json", b"{", "cannot read"),
        ("job.toml", b"= 3", "cannot read"),
        ("job.json", b"\xff\xfe", "cannot read"),
        ("job.json", b"[" * 100_000, "cannot read"),
        ("job.json", b" " * (MAX_FILE_BYTES + 1), "larger than"),
        ("job.json", b"[]", "not valid"),
        ("job.json", b"{}", "workload: Field required"),
        ("job.json", b'{"workload": {"name": "qubo-max"}}', "workload"),
        ("job.json", b'{"workload": {"name": "mnist-digits", "count": 0}}', "workload.mnist-digits.count"),
        ("job.json", b'{"workload": {"name": "mnist-digits"}, "spead": 1}', "spead"),
    ],
)
def test_a_bad_file_is_a_usage_error(tmp_path, name, content, message):
    """Unreadable, oversized, malformed and invalid files are named with what is wrong."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(click.UsageError, match=message):
        read_spec(tmp_path / name)


def test_a_missing_file_is_a_usage_error(tmp_path):
    """A file that is not there is named with the system's reason."""
    with pytest.raises(click.UsageError, match="No such file"):
        read_spec(tmp_path / "nothing.json")


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.sampled_from(["linear", "a=b", ""])))
def test_parameters_keep_their_type(value):
    """Integers, numbers and texts come back as what they were."""
    assert {"x": value} == parameters([f"x={value}"])


@pytest.mark.parametrize("pair", ["x", "=3", ""])
def test_a_parameter_needs_name_and_value(pair):
    """What is not NAME=VALUE is refused."""
    with pytest.raises(click.BadParameter, match="NAME=VALUE"):
        parameters([pair])
