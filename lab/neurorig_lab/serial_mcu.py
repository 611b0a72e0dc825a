"""The microcontroller of the virtual serial board: its network, how long it computes, what it draws."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurorig_lab.world import WorldAccess
from neurorig_protocols.quantities import Grade
from neurorig_protocols.workloads.digits.network import MODEL_ID, network_bytes

_INT8_MAX = 127


class FirmwareNetwork:
    """Weights in flash, one inference at a time. Pure Python integers, which cannot overflow unseen."""

    def __init__(self) -> None:
        with np.load(io.BytesIO(network_bytes()), allow_pickle=False) as archive:
            self._rows1: list[list[int]] = archive["weights1"].tolist()
            self._bias1: list[int] = archive["bias1"].tolist()
            self._rows2: list[list[int]] = archive["weights2"].tolist()
            self._bias2: list[int] = archive["bias2"].tolist()
            self._multiplier, self._shift = (int(value) for value in archive["requantise"])
        self.model = MODEL_ID
        self.input_bytes = len(self._rows1[0])
        self.classes = len(self._rows2)
        self.macs = self.input_bytes * len(self._rows1) + len(self._rows1) * self.classes

    def infer(self, pixels: bytes) -> tuple[int, ...]:
        """Return the class scores of one image of `input_bytes` bytes."""
        hidden = [self._requantise(total) for total in _layer(self._rows1, self._bias1, pixels)]
        return tuple(_layer(self._rows2, self._bias2, hidden))

    def _requantise(self, total: int) -> int:
        # Round half up, then clamp: ReLU is the lower clamp.
        scaled = (total * self._multiplier + (1 << (self._shift - 1))) // (1 << self._shift)
        return 0 if scaled < 0 else min(scaled, _INT8_MAX)


def _layer(rows: list[list[int]], bias: list[int], inputs: bytes | list[int]) -> list[int]:
    totals = []
    for row, start in zip(rows, bias, strict=True):
        total = start
        for weight, value in zip(row, inputs, strict=True):
            total += weight * value
        totals.append(total)
    return totals


_ASC = "NeuroBench (2025) table 6, Arduino Nano 33 BLE on acoustic scene classification"


@dataclass(frozen=True)
class Constant:
    """A number, where it comes from and how far it may be believed; None is unknown."""

    name: str
    value: float | None
    unit: str
    source: str
    grade: Grade | None


CLOCK_HZ = 64e6
ENERGY_PER_CYCLE_J = 0.324e-9
CYCLES_PER_MAC = 4.0
HOLD_S = 50e-6

CONSTANTS = (
    Constant("clock", CLOCK_HZ, "Hz", _ASC, "vendor_reported"),
    Constant(
        "dynamic energy per cycle",
        ENERGY_PER_CYCLE_J,
        "J",
        f"{_ASC}: 0.934 mJ / (45 ms * 64 MHz), the whole board's dynamic energy",
        "derived",
    ),
    Constant(
        "cycles per int8 multiply-accumulate",
        CYCLES_PER_MAC,
        "cycles",
        "taken for granted: load, extend and multiply without the packing of a tuned kernel",
        "assumed",
    ),
    Constant(
        "low time of a timestamp pulse", HOLD_S, "s", "default glitch filter of the EEMBC runner, 50 us", "assumed"
    ),
    Constant("idle power", None, "W", "published for this board only as part of a difference", None),
    Constant("power of the serial port", None, "W", "not found", None),
    Constant("cycles of activation, requantisation and call overhead", None, "cycles", "not found", None),
)

UNKNOWN = tuple(constant.name for constant in CONSTANTS if constant.value is None)

DYNAMIC_POWER_W = ENERGY_PER_CYCLE_J * CLOCK_HZ


def inference_s(macs: int) -> float:
    """Return the time of one inference in seconds of the board's clock."""
    return macs * CYCLES_PER_MAC / CLOCK_HZ


Mode = Literal["energy", "performance"]
"""Compiled into the firmware: timestamps are pulses on the marker line, or lines of text."""

RAIL = "mcu"

_HOLD_NS = round(HOLD_S * 1e9)
_REST_S = 2 * HOLD_S
"""A pulse and as much rest: two pulses are never one to a meter."""


@dataclass(frozen=True)
class Span:
    """Instants of the two timestamps around N inferences, in the world's nanoseconds."""

    begin_ns: int
    end_ns: int


class VirtualMcu:
    """Plays computing into the world; its counter starts when it does."""

    def __init__(self, world: WorldAccess, mode: Mode, macs: int, stopped: threading.Event) -> None:
        if RAIL not in world.rails:
            raise ValueError(f"the world has no rail '{RAIL}', it has {', '.join(world.rails)}")
        if mode == "energy" and world.marker_mode != "pulse":
            raise ValueError("timestamps are pulses, the world's marker line is in the mode 'level'")
        self._world = world
        self._mode = mode
        self._inference_s = inference_s(macs)
        self._stopped = stopped
        self._power_w = DYNAMIC_POWER_W * (np.array(world.rails) == RAIL)
        self._boot_ns = world.now_ns()
        self._pulses = 0
        # The idle power of such a board is not published; see the table of constants.
        world.standing({RAIL: 0.0})

    def timestamp(self) -> int | None:
        """Stamp this instant: return it in microseconds, or move the marker line and return None."""
        if self._mode == "performance":
            return self._micros(self._world.now_ns())
        self._pulse()
        return None

    def session(self, label: str) -> None:
        """Begin a new count of windows in the world's truth; a window that was left open is closed before."""
        if self._pulses % 2:
            self._pulse()
        self._world.session(label)

    def warm_up(self, count: int) -> None:
        """Compute outside the timestamps."""
        if count:
            self._sleep_until(self._play(count).end_ns)

    def start(self, count: int) -> Span:
        """Begin to compute between two timestamps; in energy mode their edges lie exactly at begin and end."""
        if self._mode == "performance":
            return self._play(count)
        self._pulses += 2
        return self._play(count, stamped=True)

    def finish(self, span: Span) -> tuple[int, ...]:
        """Wait for the end and return the two timestamps in microseconds; none when they were pulses."""
        self._sleep_until(span.end_ns + _HOLD_NS)
        return () if self._mode == "energy" else (self._micros(span.begin_ns), self._micros(span.end_ns))

    def _play(self, count: int, *, stamped: bool = False) -> Span:
        """Draw the power of `count` inferences, then none for so long that the line is at rest before anything else."""
        length_ns = round(count * self._inference_s * 1e9)
        durations_s, power_w = [length_ns * 1e-9], [self._power_w]
        marks: list[tuple[int, int]] = []
        if stamped:
            marks = [(0, 0), (_HOLD_NS, 1), (length_ns, 0), (length_ns + _HOLD_NS, 1)]
            durations_s, power_w = [*durations_s, _REST_S], [*power_w, 0 * self._power_w]
        begin_ns = self._world.play(np.array(durations_s), np.array(power_w), marks)
        return Span(begin_ns, begin_ns + length_ns)

    def _pulse(self) -> None:
        """Hold the line low for one timestamp, and high for as long after it."""
        begin_ns = self._world.play(np.array([_REST_S]), 0 * self._power_w[np.newaxis], [(0, 0), (_HOLD_NS, 1)])
        self._pulses += 1
        self._sleep_until(begin_ns + 2 * _HOLD_NS)

    def _sleep_until(self, at_ns: int) -> None:
        if (left_ns := at_ns - self._world.now_ns()) > 0:
            self._stopped.wait(left_ns * 1e-9)

    def _micros(self, at_ns: int) -> int:
        return (at_ns - self._boot_ns) // 1000 % 2**32
