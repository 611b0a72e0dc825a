"""What the virtual serial board takes for granted: each constant with its unit, source and evidence grade.

The board stands for a Cortex-M4-class microcontroller. A term that nobody has published is None and listed as unknown;
it is not in the model, so the board's idle power in the world is 0 W and only dynamic energy means anything here.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurorig_protocols.quantities import Grade

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
