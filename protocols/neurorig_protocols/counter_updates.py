"""What a counter that is updated seldom leaves uncertain, and which windows are too short for it. Pure.

Such a counter is known at its updates only, and its trace is interpolated between them (`AccuracySpec.update_s`). At
the edge of a window the true energy lies anywhere between the two readings around it, so interpolation is off by at
most what the counter gained between them: a limit of P·T at each edge, P being the power there and T the time between
the two updates. Interpolation smears what a run draws into the quieter time around it, so equal windows err to the
same side and more of them do not help. Not for the counters themselves: those are the drivers' business.
"""

from __future__ import annotations

import math

from neurorig_protocols.errors import WindowTooShort
from neurorig_protocols.trace import FLAG_LATE, ChannelInfo, Trace

MIN_UPDATES = 2
"""A window of two update times holds one whole stretch between updates for certain, a shorter one perhaps none."""


def edges_u_j(trace: Trace, info: ChannelInfo, first: int, last: int, *, duration_s: float, where: str) -> float:
    """Return the standard uncertainty in joules of a window's energy, both edges together.

    The window lasts `duration_s` and its edges lie in the samples `first` and `last` - 1. 0 for a channel whose samples
    are measured one by one. Raises WindowTooShort, which says `where`.
    """
    if info.accuracy.update_s == 0:
        return 0.0
    edges = (first, last - 1)
    times_s = [_update_s(trace, info, at) for at in edges]
    _check_length(duration_s, max(times_s), where)
    power_w = trace.rail(info.rail)
    limits_j = [abs(float(power_w[at])) * time_s for at, time_s in zip(edges, times_s, strict=True)]
    return math.hypot(*limits_j) / math.sqrt(3)


def _update_s(trace: Trace, info: ChannelInfo, at: int) -> float:
    """Return the longest time in seconds between the updates around a sample: the stated one, or the late one seen."""
    if not trace.flags[at] & FLAG_LATE:
        return info.accuracy.update_s
    begin = end = at
    while begin > 0 and trace.flags[begin - 1] & FLAG_LATE:
        begin -= 1
    while end < len(trace) and trace.flags[end] & FLAG_LATE:
        end += 1
    return max((end - begin) * trace.head.dt_ns * 1e-9, info.accuracy.update_s)


def _check_length(duration_s: float, update_s: float, where: str) -> None:
    needed_s = MIN_UPDATES * update_s
    if duration_s < needed_s:
        raise WindowTooShort(
            f"a window of {duration_s:.3g} s is too short for a counter that is updated every {update_s:.3g} s",
            where=where,
            next_step=f"Ask for windows of {needed_s:.3g} s at least, better of ten times that, or meter with a faster "
            "monitor.",
            duration_s=duration_s,
            needed_s=needed_s,
        )
