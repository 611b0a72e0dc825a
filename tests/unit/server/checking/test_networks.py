"""Uploaded networks and events: refused when they are something else, and described when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from nir_kit import write_files

from neurorig_protocols.errors import UserError
from neurorig_server.objects.checks import Checked, check_of


def test_a_written_graph_passes(tmp_path: Path) -> None:
    """What nir.write wrote is taken; the agent, not the server, reads it."""
    model, _, _ = write_files(tmp_path)

    facts = check_of("nir")(model.read_bytes(), {}).facts

    assert facts["format"] == "NIR in HDF5"


@pytest.mark.parametrize("content", [b"", b"{}", b"\x89HDF\r\n"])
def test_another_file_is_no_graph(content: bytes) -> None:
    """A file that does not begin as HDF5 does is refused, with how to write one."""
    with pytest.raises(UserError, match="not a NIR graph") as caught:
        check_of("nir")(content, {})

    assert "nir.write" in (caught.value.next_step or "")


def test_events_are_counted() -> None:
    """The facts say what steps, samples and inputs a job needs for them."""
    found = check_of("events")(b"0,3,2\n1,0,5\n", {})

    assert found == Checked({"events": 2, "samples": 2, "steps": 4, "inputs": 6})


def test_wrong_events_are_refused() -> None:
    """The check is the parser's own."""
    with pytest.raises(UserError, match="there twice"):
        check_of("events")(b"0,3,2\n0,3,2\n", {})
