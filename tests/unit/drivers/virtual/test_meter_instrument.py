"""The virtual analyser keeps its published specification and its SCPI, on a world whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scpi_kit import decode_block

from neurorig_lab import meter_spec as spec
from neurorig_lab.meter_frontend import Died, Frontend, parse_faults
from neurorig_lab.meter_instrument import Instrument
from neurorig_lab.world import Forgotten, World
from neurorig_protocols.wire.scpi.status import parse_record

RAILS = ("a", "b", "supply")


@pytest.fixture
def world() -> World:
    """A stepped world of the rails a and b at 10 mW and 20 mW."""
    world = World(["a", "b"], mode="stepped", marker_mode="level")
    world.standing({"a": 0.01, "b": 0.02})
    return world


@pytest.fixture
def meter(world: World) -> Instrument:
    """A healthy analyser on that world."""
    return Instrument(world, RAILS, seed=1)


def ask(meter: Instrument, message: str) -> str:
    """Do a text message and return its answer."""
    return meter.execute(message.encode()).decode().strip()


def error_of(meter: Instrument, message: str) -> int:
    """Do a message that must not be answered and return the number in the error queue."""
    assert meter.execute(message.encode()) == b""
    return parse_record(ask(meter, "SYST:ERR?"))[0]


def start(meter: Instrument, *, range_w: float = 0.1, integration_s: float = 1e-5) -> None:
    """Begin an acquisition."""
    message = f"SENS:POW:RANG {range_w};:SENS:SWE:TINT {integration_s};:INIT:ELOG;:TRIG:ELOG;:SYST:ERR?"
    assert ask(meter, message) == '+0,"No error"'


def fetch(meter: Instrument, most: int = 100_000) -> npt.NDArray[np.float32]:
    """Fetch a block; rows of channels, marker line, flags."""
    block, rest = decode_block(meter.execute(f"FETC:ELOG? {most}".encode()))
    assert rest == b"\n"
    return np.frombuffer(block, ">f4").reshape(-1, len(RAILS) + 2)


# --- what it says of itself


def test_it_says_that_it_is_virtual(meter: Instrument) -> None:
    """*IDN? names the model and the word VIRTUAL."""
    maker, model, serial, firmware = ask(meter, "*IDN?").split(",")

    assert (maker, model, serial) == ("neurorig", "VPA-8", "V000001")
    assert "VIRTUAL" in firmware


def test_it_answers_for_its_channels(meter: Instrument) -> None:
    """Count, names and settings, for all channels or for those of a list."""
    assert ask(meter, "sense:channel:count?;NAME?") == '3;"a","b","supply"'
    assert ask(meter, "SENS:CHAN:NAME? (@3,1)") == '"supply","a"'
    assert ask(meter, "SENS:POW:RANG 0.3,(@2);RANG?;RANG? (@2:3)") == "100.0,0.3,100.0;0.3,100.0"
    assert ask(meter, "SENS:POW:RANG? MIN;RANG? MAX") == "0.0001;100.0"
    assert ask(meter, "SENS:SWE:TINT 20US;TINT?") == "2E-05"
    assert len(ask(meter, "SENS:SWE:TINT:CAT?").split(",")) == 10


@pytest.mark.parametrize(("wanted_w", "range_w"), [(0, 1e-4), (1e-4, 1e-4), (1.01e-4, 3e-4), (0.31, 1.0), (100, 100.0)])
def test_the_next_larger_range_is_chosen(meter: Instrument, wanted_w: float, range_w: float) -> None:
    """A range holds what it was set for."""
    assert float(ask(meter, f"SENS:POW:RANG {wanted_w},(@1);RANG? (@1)")) == range_w


def test_its_accuracy_follows_range_and_integration(meter: Instrument) -> None:
    """ACC? answers the published figures for the present settings."""
    ask(meter, "SENS:POW:RANG 1,(@1);:SENS:SWE:TINT 100US")
    figures = [float(text) for text in ask(meter, "SENS:POW:ACC? (@1)").split(",")]

    assert figures == pytest.approx([3e-4, 5e-5, 1e-5, 2 / 2**18, 20e-6])


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("SENS:POW:RANG 101", -222), ("SENS:POW:RANG -1", -222), ("SENS:POW:RANG 1,(@4)", -222),
        ("SENS:POW:RANG 1 V", -131), ("SENS:POW:RANG? 5", -104), ("SENS:SWE:TINT 0.1US", -222),
        ("SENS:SWE:TINT 2", -222), ("FETC:ELOG?", -109), ("FETC:ELOG? 1", -230), ("FETC:ELOG? 0", -222),
        ("FETC:ELOG? 1E9", -222), ("TRIG:ELOG", -211), ("SENS:ELOG:TIME?", -230), ("SENS:ELOG:COUN?", -230),
        ("READ?", -113),
    ],
)  # fmt: skip
def test_wrong_commands_are_errors_in_the_queue(meter: Instrument, message: str, number: int) -> None:
    """Each has its standard number and no answer."""
    assert error_of(meter, message) == number


def test_a_running_acquisition_keeps_its_settings(meter: Instrument) -> None:
    """Ranges, integration time and a second INIT are refused until ABOR."""
    start(meter)
    assert error_of(meter, "SENS:POW:RANG 1") == -221
    assert error_of(meter, "SENS:SWE:TINT 1E-6") == -221
    assert error_of(meter, "INIT:ELOG") == -213
    assert ask(meter, "ABOR:ELOG;:SENS:POW:RANG 1,(@1);RANG? (@1)") == "1.0"


def test_a_bus_trigger_starts_an_acquisition(meter: Instrument) -> None:
    """*TRG does what TRIG:ELOG does, and is ignored without INIT."""
    assert error_of(meter, "*TRG") == -211
    assert ask(meter, "INIT:ELOG;*TRG;:SENS:ELOG:COUN?;:SYST:ERR?") == '0,0,0;+0,"No error"'


def test_reset_ends_everything(meter: Instrument) -> None:
    """*RST stops sampling and sets the largest ranges."""
    start(meter)
    assert ask(meter, "*RST;SENS:POW:RANG?") == "100.0,100.0,100.0"
    assert error_of(meter, "FETC:ELOG? 1") == -230


# --- how well it measures


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(spec.RANGES_W), st.floats(0.05, 1.0))
def test_every_seed_keeps_the_specification(seed: int, range_w: float, fraction: float) -> None:
    """Gain and offset together stay inside their limits, and the noise is what is published."""
    true_w = fraction * range_w
    readings, overload = Frontend(seed).measure(np.full((20_000, 1), true_w), (range_w,), 1e-6)
    noise_w = spec.noise_w(range_w, 1e-6)
    limit_w = spec.GAIN_LIMIT * true_w + spec.offset_limit_w(range_w) + 6 * noise_w / math.sqrt(20_000)

    assert abs(float(readings.mean(dtype=float)) - true_w) <= limit_w
    assert float(readings.std(dtype=float)) == pytest.approx(noise_w, rel=0.05)
    assert not overload.any()


def test_seeds_differ_and_repeat() -> None:
    """One seed is one instrument, to the last bit."""
    power_w = np.full((100, 2), 0.05)
    first, again, other = (Frontend(seed).measure(power_w, (0.1, 0.1), 1e-5)[0] for seed in (4, 4, 5))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_clock_of_every_seed_is_off_within_its_limit() -> None:
    """Offsets are seconds, drifts within 10 ppm, and no two instruments agree."""
    clocks = [Frontend(seed).clock for seed in range(50)]

    assert all(2e9 <= clock.offset_ns <= 9e9 and abs(clock.drift) <= 10e-6 for clock in clocks)
    assert len({clock.drift for clock in clocks}) == 50
    assert clocks[0].world_ns(np.array([clocks[0].reading_ns(1e10)])) == pytest.approx(1e10, abs=1e-3)


def test_noise_falls_with_the_root_of_the_integration_time() -> None:
    """A hundred times longer is ten times quieter."""
    fast, slow = (
        float(Frontend(1).measure(np.full((20_000, 1), 0.5), (1.0,), t)[0].std(dtype=float)) for t in (1e-6, 1e-4)
    )

    assert fast / slow == pytest.approx(10, rel=0.1)


def test_readings_are_steps_of_18_bits() -> None:
    """Each reading is a whole number of steps."""
    readings, _ = Frontend(2).measure(np.linspace(0, 0.1, 1000)[:, np.newaxis], (0.1,), 1e-6)
    steps = readings.astype(float) / spec.resolution_w(0.1)

    assert np.abs(steps - np.rint(steps)).max() < 0.01
    assert len(np.unique(np.rint(steps))) > 500


def test_power_beyond_the_range_is_flagged(world: World, meter: Instrument) -> None:
    """A sample beyond 1.05 of any range carries the flag, the readings stay at the rail, and it is counted."""
    start(meter, range_w=0.1)
    world.play(np.array([1e-3, 1e-3, 1e-3]), np.array([[0.104, 0.0], [0.106, 0.0], [-0.2, 0.05]]))
    world.wait(1e-4)
    rows = fetch(meter)
    middle = np.arange(5, 95)

    assert not rows[middle, -1].any()
    assert rows[100 + middle, -1].all()
    assert rows[200 + middle, -1].all()
    assert rows[100 + middle, 0].max() <= np.float32(0.105)
    assert np.allclose(rows[200 + middle, 0], -0.105, rtol=1e-6)
    assert ask(meter, "SENS:ELOG:COUN?").split(",")[2] == str(int(rows[:, -1].sum()))


def test_energy_on_its_own_clock_is_the_true_energy(world: World, meter: Instrument) -> None:
    """Summed samples differ from the truth by no more than gain, offset and time base allow."""
    start(meter, range_w=0.1, integration_s=1e-5)
    rng = np.random.default_rng(3)
    durations_s, power_w = rng.uniform(1e-6, 3e-4, 500), rng.uniform(0, 0.04, (500, 2))
    world.wait(1e-3)
    t0_ns = world.play(durations_s, power_w)
    world.wait(1e-3)
    rows = fetch(meter)
    seconds = world.now_ns() * 1e-9
    standing_s = seconds - durations_s.sum()
    true_j = durations_s @ power_w + standing_s * np.array([0.01, 0.02])

    assert t0_ns >= 1_000_000
    measured_j = rows[:, :2].astype(float).sum(axis=0) * 1e-5
    limit_j = (spec.GAIN_LIMIT + spec.TIMEBASE_LIMIT) * true_j + spec.offset_limit_w(0.1) * seconds + 0.04 * 2e-5
    assert (np.abs(measured_j - true_j) <= limit_j).all()
    assert np.allclose(rows[:, 2], rows[:, 0] + rows[:, 1], atol=2e-4)


# --- the marker line and time


def test_the_marker_line_comes_with_the_samples(world: World, meter: Instrument) -> None:
    """Edges lie where the world put them, to one sample, on the analyser's own clock."""
    clock = Frontend(1).clock
    world.wait(0.5)
    start(meter)
    t0_ns = int(ask(meter, "SENS:ELOG:TIME?"))
    assert t0_ns == pytest.approx(clock.reading_ns(0.5e9), abs=2)
    world.wait(3e-3)
    world.mark(1)
    world.wait(2e-3)
    world.mark(0)
    world.wait(1e-3)
    line = fetch(meter)[:, -2]
    edges = np.flatnonzero(np.diff(line))

    assert set(np.unique(line)) == {0.0, 1.0}
    assert np.abs(edges - [300, 500]).max() <= 1


def test_only_samples_that_have_ended_are_given(world: World, meter: Instrument) -> None:
    """Nothing is waiting when no time has passed, and 15 us are one sample of 10 us."""
    start(meter)
    assert len(fetch(meter)) == 0
    world.wait(15e-6)
    assert len(fetch(meter)) == 1
    assert len(fetch(meter)) == 0
    world.wait(5.1e-6)
    assert len(fetch(meter)) == 1


def test_samples_do_not_depend_on_how_they_are_fetched(world: World) -> None:
    """Small fetches give the same bits as one large fetch."""
    one, two = Instrument(world, RAILS, seed=9), Instrument(world, RAILS, seed=9)
    start(one)
    start(two)
    world.play(np.full(100, 1e-5), np.random.default_rng(1).uniform(0, 0.03, (100, 2)))
    pieces = [fetch(two, 7) for _ in range(15)]

    assert np.array_equal(fetch(one), np.concatenate(pieces))


def test_one_message_sees_one_instant(world: World) -> None:
    """Position and counts belong to the block fetched before them, even while time runs."""

    class Running:
        """A world whose time moves at every look."""

        def now_ns(self) -> int:
            world.wait(1e-3)
            return world.now_ns()

        def sample(
            self, t_edges_ns: npt.NDArray[np.float64], rails: Sequence[str]
        ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
            return world.sample(t_edges_ns, rails)

    meter = Instrument(Running(), RAILS, seed=1)
    start(meter)
    block, rest = decode_block(meter.execute(b"FETC:ELOG? 1000;:SENS:ELOG:POS?;COUN?"))
    rows = len(block) // 4 // (len(RAILS) + 2)

    assert rows > 0
    assert rest.decode().strip() == f";{rows};{rows},0,0"


# --- memory and losses


def test_samples_that_do_not_fit_are_dropped_and_counted(world: World) -> None:
    """The newest stay, the oldest are overwritten, and the position says where the block begins."""
    meter = Instrument(world, RAILS, seed=1, fifo_s=1e-3)
    start(meter)
    world.wait(2.5055e-3)
    assert ask(meter, "SENS:ELOG:COUN?;POS?") == "250,150,0;150"
    assert len(fetch(meter)) == 100
    assert ask(meter, "SENS:ELOG:COUN?;POS?") == "250,150,0;250"


def test_a_loss_ends_a_block(world: World) -> None:
    """The fault `drop` leaves out samples between two blocks, and they are counted."""
    meter = Instrument(world, RAILS, seed=1, faults=parse_faults(["drop:0.0005:30"]))
    start(meter)
    world.wait(1.0055e-3)

    assert [len(fetch(meter)) for _ in range(3)] == [50, 20, 0]
    assert ask(meter, "SENS:ELOG:COUN?;POS?") == "100,30,0;100"


def test_what_the_world_forgot_is_dropped(world: World, meter: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that can no longer be known are counted as lost, and the rest is fetched."""
    start(meter)
    world.wait(1.0055e-3)
    real, calls = world.sample, iter([True, False])

    def sample(t_edges_ns: npt.NDArray[np.float64], rails: tuple[str, ...]) -> object:
        if next(calls):
            raise Forgotten("gone")
        return real(t_edges_ns, rails)

    monkeypatch.setattr(world, "sample", sample)

    assert len(fetch(meter, 60)) == 40
    assert ask(meter, "SENS:ELOG:COUN?") == "100,60,0"


def test_samples_that_wait_survive_the_abort(world: World, meter: Instrument) -> None:
    """After ABOR nothing is added, and what was taken can be fetched."""
    start(meter)
    world.wait(1.0055e-3)
    ask(meter, "ABOR:ELOG")
    world.wait(1.0)

    assert ask(meter, "SENS:ELOG:COUN?") == "100,0,0"
    assert len(fetch(meter)) == 100


def test_it_dies_after_its_time_of_acquisition(world: World) -> None:
    """The fault `die` counts from the trigger, and no command is done after it."""
    meter = Instrument(world, RAILS, seed=1, faults=parse_faults(["die:0.5"]))
    world.wait(2.0)
    start(meter)
    world.wait(0.4)
    assert ask(meter, "*OPC?") == "1"
    world.wait(0.2)
    with pytest.raises(Died):
        meter.execute(b"*OPC?")


@pytest.mark.parametrize("rails", [(), tuple("abcdefghi")])
def test_there_are_eight_channels_at_most(world: World, rails: tuple[str, ...]) -> None:
    """More rails, or none, cannot be wired."""
    with pytest.raises(ValueError, match="8 channels"):
        Instrument(world, rails, seed=0)


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(
            [":SENS:POW:RANG 1", "SENS:POW:RANG? (@1)", "SENS:SWE:TINT 1E-5", "INIT:ELOG", "TRIG:ELOG", "ABOR:ELOG",
             "FETC:ELOG? 5", "SENS:ELOG:COUN?", "SENS:ELOG:POS?", "SENS:ELOG:TIME?", "*RST", "*CLS", "wait", "\x00"]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_any_order_of_commands_leaves_counts_that_add_up(messages: list[str]) -> None:
    """Whatever is asked in whatever order, no more is given than was taken."""
    world = World(["a"], mode="stepped", marker_mode="level")
    meter = Instrument(world, ("a",), seed=0, fifo_s=1e-3)
    for message in messages:
        if message == "wait":
            world.wait(1e-4)
        else:
            meter.execute(message.encode())
    counts = ask(meter, "*CLS;:SENS:ELOG:POS?;COUN?")
    if counts:
        position, _, rest = counts.partition(";")
        taken, dropped, overloads = (int(n) for n in rest.split(","))
        assert 0 <= dropped <= int(position) <= taken
        assert overloads == 0
