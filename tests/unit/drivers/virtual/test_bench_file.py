"""What is written as a bench file reads back as the same profile."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_lab.benches import RAILS, loihi_bench, serial_bench, to_toml, write_bench
from neurorig_protocols.bench import BenchProfile, BoardConfig

METER = {"resources": {"hislip": "TCPIP::127.0.0.1::hislip0,4880::INSTR", "socket": "TCPIP::127.0.0.1::5025::SOCKET"}}
BENCHES = [loihi_bench("a", METER, "127.0.0.1:1"), serial_bench("b", METER, "/dev/pts/1", 115_200)]


def rails_of(profile: BenchProfile) -> tuple[str, ...]:
    """Return the rails of the world that belongs to a bench."""
    return RAILS["virtual-serial" if profile.board.driver == "mlperf-serial" else "virtual-loihi"]


@pytest.mark.parametrize("profile", BENCHES, ids=lambda profile: profile.board.driver)
def test_bench_files_read_back_as_the_profile(profile: BenchProfile, tmp_path: Path) -> None:
    """Nothing is lost or changed between a profile and its file."""
    path = tmp_path / "bench.toml"
    write_bench(profile, path)

    assert BenchProfile.model_validate(tomllib.loads(path.read_text())) == profile
    assert list(tmp_path.iterdir()) == [path]


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"])), number=st.floats(allow_nan=False, width=32))
def test_any_text_and_number_survives(text: str, number: float) -> None:
    """Descriptions and options may hold quotes, backslashes and other scripts."""
    options = {"text": text, "count": 3, "yes": True} | ({"number": number} if abs(number) < 1e30 else {})
    profile = BenchProfile(
        name="x", reality="virtual", description=text, board=BoardConfig(driver="d", options=options)
    )

    assert BenchProfile.model_validate(tomllib.loads(to_toml(profile))) == profile


@pytest.mark.parametrize("profile", BENCHES, ids=lambda profile: profile.board.driver)
def test_virtual_benches_say_so_and_meter_every_rail(profile: BenchProfile) -> None:
    """Reality, description and tags say virtual; each rail has a channel; one rail is the total."""
    rails = [rail.name for rail in profile.rails]

    assert profile.reality == "virtual"
    assert "VIRTUAL" in profile.description
    assert set(profile.measured_rails) == set(rails) == {*rails_of(profile), "supply"}
    assert [rail.name for rail in profile.rails if rail.role == "total"] == ["supply"]


def test_the_chips_boundary_names_what_it_leaves_out() -> None:
    """The host link is a component without a rail, with the reason."""
    boundary = BENCHES[0].boundary

    assert boundary.components == ("neurocores", "memory", "io", "management-cpu", "static")
    assert [(o.component, bool(o.reason)) for o in boundary.omitted] == [("host-link", True)]
