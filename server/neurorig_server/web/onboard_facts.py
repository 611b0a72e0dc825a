"""What a board's own power sensors said, as facts of the answer. Not for the energy made of it: `energy_tables`."""

from __future__ import annotations

from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent
from neurorig_server.web.numbers import measured_text, percent_text


def facts(found: OnboardPower | Absent | None) -> list[tuple[str, str]]:
    """Return (name, text) of the powers of the whole board, idle chips included; nothing without sensors."""
    if found is None:
        return []
    if isinstance(found, Absent):
        return [("Board's own power", f"absent: {found.reason}")]
    powers = (
        ("Board's own power", found.total_w),
        ("Static part of it", found.static_w),
        ("Dynamic part, total − static", found.dynamic_w),
        ("Static part of chips that hold nothing", found.idle_chips_static_w),
    )
    accuracy = "not declared" if found.accuracy is None else f"±\u00a0{percent_text(found.accuracy)}"
    return [
        *((name, "not told" if watts is None else measured_text(watts, "W")) for name, watts in powers),
        ("Chips in use", f"{found.chips_allocated} of {found.chips_available}"),
        ("Length of the power pass", measured_text(found.pass_s, "s")),
        ("Accuracy of the sensors, by the bench", accuracy),
        ("Source of the power", found.source),
    ]
