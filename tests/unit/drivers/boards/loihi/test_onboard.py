"""The path to the chip, up to a stand-in for the closed extension inside the real worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava_kit import artifact, batch, load

from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_drivers.boards.loihi.onboard import in_seconds, onboard_power
from neurorig_drivers.boards.loihi.program import Options, read_options
from neurorig_drivers.conformance.board_checks import check_board, qubo_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import DoesNotFit, DriverMissing, InfraError, InvalidConfig, UserError
from neurorig_protocols.onboard import OnboardPower

EXTENSION = str(Path(__file__).parents[4] / "support" / "fake_loihi2")
STEP_S = 8e-6

OpenBoard = Callable[..., LoihiBoard]


@pytest.fixture
def opened(interpreter: Path) -> Iterator[OpenBoard]:
    """Open boards on the stand-in, with any options."""
    boards: list[LoihiBoard] = []

    def make(**options: Any) -> LoihiBoard:
        given_ = {"backend": "loihi2", "extension": EXTENSION, "lava_python": str(interpreter), **options}
        boards.append(LoihiBoard(BoardConfig(driver="loihi", options=given_)))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


def test_the_chip_path_conforms(opened: OpenBoard) -> None:
    """The board passes every conformance check with a pinned board."""
    findings = check_board(opened(slurm_board="kp-7"), qubo_sample())

    assert [finding for finding in findings if not finding.passed] == []


def test_seconds_become_steps_and_power_comes_from_a_pass_of_its_own(opened: OpenBoard) -> None:
    """A limit is kept in steps; the power is that without the time probe, the idle chips' share is told apart."""
    board = load(opened(slurm_board="kp-7", sensor_accuracy=0.05), artifact())
    output = board.run(batch(limit_s=0.016), MarkerLog())

    meta = output.meta
    assert meta["clock"] == "dut"
    assert meta["grade"] == "onboard"
    assert meta["steps_allowed"] == meta["steps"] == 2000
    assert meta["solve_s"] == pytest.approx(2000 * STEP_S, rel=1e-3)
    power = OnboardPower.model_validate(meta["onboard"])
    assert [(part.component, part.rails) for part in power.components] == [
        ("neurocores", ("vdd",)), ("memory", ("vddm",)), ("io", ("vddio",)),
    ]  # fmt: skip
    assert power.total_w == pytest.approx(1.31)
    assert power.dynamic_w == pytest.approx(0.06)
    assert power.idle_chips_static_w == pytest.approx(1.25 * 7 / 8)
    assert f"{1.25 * 7 / 8:.4g} W belong to the 7 of 8" in power.source
    assert (power.accuracy, power.samples) == (0.05, 100)
    assert power.spread_w == pytest.approx(0.0131 * (100 / 99) ** 0.5)
    assert power.pass_s == pytest.approx(2000 * STEP_S, rel=1e-3)
    assert not [key for key in meta if key.startswith("onboard_")]
    assert board.info.serial_number == "kp-7"
    assert any("not yet been run on silicon" in note for note in board.info.notes)


def test_a_negative_dynamic_power_is_kept(opened: OpenBoard) -> None:
    """Static above total gives a dynamic part below zero, over Ethernet as over SLURM."""
    output = load(opened(nxsdkhost="10.0.0.9"), artifact()).run(batch(limit_s=0.008), MarkerLog())

    power = OnboardPower.model_validate(output.meta["onboard"])
    assert power.dynamic_w == pytest.approx(-0.02)
    assert power.static_w == pytest.approx(1.5)
    assert power.accuracy is None


def test_without_a_pinned_board_there_is_no_power(opened: OpenBoard) -> None:
    """A partition may give another board to every run, so static and total power would not belong together."""
    board = opened(slurm_partition="kp")
    output = load(board, artifact()).run(batch(limit_s=0.008), MarkerLog())

    assert output.meta["onboard"]["reason_code"] == "board_not_pinned"
    assert any("no board is pinned" in note for note in board.info.notes)


def test_only_the_run_phase_pays_for_power(opened: OpenBoard) -> None:
    """Ranging passes and warm-ups are solved once and not metered."""
    board = load(opened(slurm_board="kp-7"), artifact())

    for phase in (None, "warmup"):
        meta = board.run(batch(limit_s=0.008, phase=phase), MarkerLog()).meta
        assert "onboard" not in meta


def test_each_target_has_a_window_and_a_latency_of_the_chips_clock(opened: OpenBoard) -> None:
    """Time to solution runs once per target; what the chip did not find is NaN."""
    log, model = MarkerLog(), artifact()
    board = load(opened(slurm_board="kp-7"), model)
    output = board.run(batch("time-to-solution", limit_s=0.016, index=4, targets=(-5.0, -12.0, -29.0)), log)

    reached_s = output.arrays["reached_s"]
    assert [(m.index, m.edge) for m in log.records] == [(k, e) for k in (4, 5, 6) for e in ("begin", "end")]
    assert output.meta["windows"] == 3
    assert 0 < reached_s[0] < reached_s[1] < output.meta["solve_s"] * 1.01
    assert np.isnan(reached_s[2])
    assert output.meta["stopped_by"] == "timeout"
    for target, bits in zip((-5, -12), output.arrays["reached_solution"][:2].astype(int), strict=True):
        edges = bits[model.arrays["rows"]] * bits[model.arrays["cols"]]
        assert -bits.sum() + 2 * (model.arrays["weights"] @ edges) <= target


@pytest.mark.parametrize(
    ("variable", "value", "what"),
    [
        ("FAKE_LOIHI2_TIME_UNIT", "us", "time probe gives 7.9992 per step"),
        ("FAKE_LOIHI2_ENERGY", "uJ", "does not belong"),
    ],
)
def test_a_wrong_unit_is_found_out(
    opened: OpenBoard, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, what: str
) -> None:
    """Microseconds for seconds and microjoules for joules are refused, not reported."""
    monkeypatch.setenv(variable, value)
    board = opened(slurm_board="kp-7")

    with pytest.raises(InfraError, match=what):
        load(board, artifact()).run(batch(limit_s=0.008), MarkerLog())


def test_the_extension_is_asked_for(opened: OpenBoard, tmp_path: Path) -> None:
    """Without the closed extension the chip's backend does not open and says what to install."""
    with pytest.raises(DriverMissing, match="closed Loihi 2 extension") as caught:
        opened(slurm_board="kp-7", extension=str(tmp_path))

    assert "INRC" in (caught.value.next_step or "")


def test_parameters_are_the_solvers_own(opened: OpenBoard) -> None:
    """Unknown or fractional parameters are refused before the chip is asked."""
    board = load(opened(slurm_board="kp-7"), artifact())

    for params in ({"t_max": 1}, {"max_temperature": 1.5}):
        with pytest.raises(UserError, match="whole numbers named max_temperature"):
            board.run(batch(limit_s=0.008, **params), MarkerLog())
    with pytest.raises(UserError, match="no solver"):
        board.run(batch(limit_s=0.008, solver="nebm-sa"), MarkerLog())


def test_the_environment_names_one_board_and_nothing_inherited() -> None:
    """What chooses a board comes from the options alone."""
    inherited = {"PATH": "/bin", "BOARD": "other", "NXSDKHOST": "1.2.3.4", "SLURM": "1"}
    slurm = Options(backend="loihi2", slurm_board="kp-7", generation="N3C1").environment(inherited)
    ethernet = Options(backend="loihi2", nxsdkhost="10.0.0.9").environment(inherited)

    assert slurm == {"PATH": "/bin", "SLURM": "1", "BOARD": "kp-7", "LOIHI_GEN": "N3C1"}
    assert ethernet == {
        "PATH": "/bin",
        "NOSLURM": "1",
        "NXSDKHOST": "10.0.0.9",
        "HOST_BINARY": "nxcore/bin/nx_driver_server",
        "LOIHI_GEN": "N3B3",
    }
    assert Options().environment(inherited) == {"PATH": "/bin"}


def probed(total: float, static: float, seconds: float, used: int = 1) -> dict[str, Any]:
    """Return what the worker hands on of a power probe."""
    shares = {"vdd": 0.5 * total, "vddm": 0.3 * total, "vddio": 0.2 * total}
    power = {"total": total, "dynamic": 0.0, "static": static, **shares}
    energy = {name: watts * seconds * 1e6 for name, watts in power.items()}
    return {
        "power": power, "energy_breakdown": energy, "energy": total * seconds, "chips_available": 8,
        "chips_allocated": used, "samples": None, "spread": None,
    }  # fmt: skip


@given(total=st.floats(0.1, 100), static=st.floats(0.1, 100), seconds=st.floats(1e-4, 100), used=st.integers(1, 8))
def test_power_figures_add_up(total: float, static: float, seconds: float, used: int) -> None:
    """Dynamic and static make the total whatever their signs; idle chips never cost more than all chips."""
    power = onboard_power(probed(total, static, seconds, used), seconds, None)

    assert power.total_w == pytest.approx(total)
    assert power.dynamic_w is not None
    assert power.dynamic_w + static == pytest.approx(total)
    assert power.idle_chips_static_w is not None
    assert 0 <= power.idle_chips_static_w <= static * 7 / 8


def test_supplies_that_do_not_make_the_total_are_refused() -> None:
    """A supply that nobody names would be lost from every component."""
    found = probed(1.0, 0.5, 1.0)
    found["power"]["vddm"] = 0.2

    with pytest.raises(InfraError, match=r"supplies make 0\.9 W, its total is 1 W"):
        onboard_power(found, 1.0, None)


def test_no_power_at_all_is_refused() -> None:
    """A running chip draws something: zero is a probe that saw nothing."""
    with pytest.raises(InfraError, match="0 W over 1 s"):
        onboard_power(probed(0.0, 0.0, 1.0), 1.0, None)


@pytest.mark.parametrize(
    "options",
    [
        {"backend": "loihi2", "slurm_board": "kp-7", "sensor_accuracy": 0},
        {"backend": "loihi2", "slurm_board": "kp-7", "sensor_accuracy": 1.5},
        {"backend": "cpu", "sensor_accuracy": 0.05},
    ],
)
def test_an_accuracy_is_a_share_of_a_chips_sensors(options: dict[str, Any]) -> None:
    """Zero is no accuracy, more than everything is none either, and a simulation has no sensors."""
    with pytest.raises(InvalidConfig, match="sensor_accuracy"):
        read_options(BoardConfig(driver="loihi", options=options))


@pytest.mark.parametrize("times", [[], [12.0, 11.0], [0.0, 0.0], [float("nan")]])
def test_times_that_are_none_are_refused(times: list[float]) -> None:
    """No, zero, or far too long step times give no number."""
    with pytest.raises(InfraError, match="time probe"):
        in_seconds(np.array(times))


def test_more_chips_in_use_than_there_are_is_refused() -> None:
    """A profiler that contradicts itself is not believed."""
    with pytest.raises(InfraError, match="9 of 8 chips"):
        onboard_power(probed(1.0, 1.0, 1.0, used=9), 1.0, None)


def test_weights_of_more_than_eight_bits_do_not_fit(opened: OpenBoard) -> None:
    """The chip's solver has shorter words than the simulated network, and says so at load."""
    model = artifact()
    model.arrays["weights"] = model.arrays["weights"] * 50

    with pytest.raises(DoesNotFit, match="needs 200"):
        load(opened(slurm_board="kp-7"), model)
