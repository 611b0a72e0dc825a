"""Every figure of the virtual chip says where it stands, and is wired once."""

from __future__ import annotations

import pytest

from neurorig_lab.chip import constants


def test_every_constant_has_unit_source_and_grade() -> None:
    """No number of the model is without evidence."""
    for name, constant in constants.CONSTANTS.items():
        assert constant.value > 0, name
        assert constant.unit, name
        assert constant.source, name
        assert constant.grade in ("fitted", "derived", "published", "board"), name


def test_every_energy_and_power_feeds_from_exactly_one_rail() -> None:
    """The wiring covers all energies and powers, each once, and the rails are its keys."""
    wired = [name for names in constants.WIRING.values() for name in names]

    assert sorted(wired) == sorted(n for n in constants.CONSTANTS if n.endswith(("_energy", "_power")))
    assert tuple(constants.WIRING) == constants.RAILS


def test_unknown_terms_have_no_value() -> None:
    """What is not published is listed with a reason and never among the constants."""
    assert not set(constants.UNKNOWN) & set(constants.CONSTANTS)
    assert all(constants.UNKNOWN.values())


@pytest.mark.parametrize(
    ("tiles", "ns"), [(1, 600), (2, 1000), (3, 1400), (4, 1400), (5, 1800), (29, 1800), (32, 1800)]
)
def test_barrier_takes_the_next_larger_published_time(tiles: int, ns: int) -> None:
    """Between the published points nothing is interpolated."""
    assert constants.sync_ticks(tiles) == ns * 10


def test_published_times_are_whole_ticks() -> None:
    """A tick of 0.1 ns holds every time exactly."""
    for name, constant in constants.CONSTANTS.items():
        if constant.unit == "ns":
            assert constants.ticks(name) * constants.TICK_S == pytest.approx(constant.value * 1e-9, rel=1e-12)
