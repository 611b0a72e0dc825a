"""The chip's inner loop: annealing by spikes, in integers, one call for many steps.

Plain functions that `compiled` turns into machine code; uncompiled they run as Python, far too slowly for use.
Not for tables, units or sockets: `annealer` wraps this.

One step t of the network, all neurons in parallel:

1. integrate  the cost integrator adds the payloads of step t-1. Its sum is now xᵀQx of the state after step t-2.
              Where reports are too many for one core, leaves add them and pass the sum on to the root one step
              later: the root then holds xᵀQx of the state after step t-3.
2. report     each neuron whose share xᵢ(Qx)ᵢ of the cost has changed sends the difference to the integrator.
3. decide     each neuron that is not refractory flips by integer Metropolis and draws a new refractory time.
4. deliver    each flip is a spike of +1 or -1 through the neuron's row of Q.

The refractory time is 0..255 steps shifted right. A neuron that switched off because that lowers the cost has clashed
with neighbours that switched on in the same step; it draws from a wider range. Without that, dense networks fall into
flipping to and fro together.

So a cost belongs to the state of two steps before (three with leaves), which the chip recovers from each neuron's
spike history; here the flips since then are taken back before the state is kept.

The time of a step is that of its busiest core, or of its busiest link if that is more, and the barrier.
Rows of the routing table: n of the flips, n of the reports, one of the annealing neuron, one for each leaf.

Integer Metropolis: a rise of the cost by d is accepted when d·2¹⁶ <= T·E, where E = -256·log2(r/2²⁴) for a 24-bit
random r, its logarithm by the leading zeros of r with the bits below them as linear fraction (log2 is at most 0.086
too small). So T, 16 bits, is the temperature times ln 2 in units of 1/256 of the cost unit.

Random numbers are counted, not chained: neuron i of n draws number d of step t from the key and the counter
2·((t+1)·n + i) + d, with d = 0 for the acceptance and 1 for the refractory time; the first wait is step -1, d = 1. So
any other form of the network, in any order of its neurons, can draw the same ones.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

# Scalars of the run, in an int64 array.
STEP, TICKS, COST, INBOX, BEST, FLIPS, CHANGED, REACHED, IMPROVED, FAULT = range(10)
TEMPERATURE, LEVEL, LEVEL_ENDS, LEVEL_STEPS, EARLIER, ROWS = range(10, 16)
SCALARS = 16
# Constants of the run, in an int64 array.
T_MAX, T_MIN, T_FACTOR, T_DECREMENT, LEVELS, GROWTH, STEPS_MAX, SHIFT, LIMIT_TICKS, SEGMENT_TICKS = range(10)
SPIKE_TICKS, OUT_TICKS, IN_TICKS, SYNAPSE_TICKS, SYNC_TICKS, STOP_AT_TARGETS, START_SHIFT, CLASH_SHIFT = range(10, 18)
STEP_LIMIT, LINK_RATE = range(18, 20)
CONSTANTS = 20
# What is counted, columns of the segments.
SEG_TICKS, SEG_STEPS, SYNOPS, BUSIEST, SPIKES, MESSAGES, HOPS_EW, HOPS_NS, CROSSINGS = range(9)
COUNTS = 9

FRACTION = 8
"""The annealing neuron keeps 8 bits more of the temperature than it sends, so that small steps are not lost."""
STATE_LIMIT = 2**23 - 1
COST_LIMIT = 2**31 - 1
_RANDOM_BITS = 24
_LEADING = _RANDOM_BITS - 1
_MAX_E = _RANDOM_BITS << 8
_GAMMA, _MIX_A, _MIX_B = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_SHIFT_A, _SHIFT_B, _SHIFT_C, _SHIFT_TOP = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)


def _draw(key: Any, counter: Any) -> Any:
    """Return 24 random bits that depend on key and counter only (splitmix64's finaliser)."""
    z = key + np.uint64(counter) * _GAMMA
    z = (z ^ (z >> _SHIFT_A)) * _MIX_A
    z = (z ^ (z >> _SHIFT_B)) * _MIX_B
    return np.int64((z ^ (z >> _SHIFT_C)) >> _SHIFT_TOP)


def _neg_log2(r: int) -> int:
    """Return -256·log2(r / 2²⁴) for r in 1 … 2²⁴-1, with a linear fraction."""
    top = _LEADING
    while (r >> top) == 0:
        top -= 1
    return _MAX_E - ((top << 8) + (((r << (_LEADING - top)) >> (_LEADING - 8)) & 255))


def _scatter(until: Any, shift: int, rng: Any) -> None:
    """Let the neurons wake one after the other: all at once, they would flip to and fro together."""
    for i in range(len(until)):
        until[i] = (_draw(rng[0], 2 * i + 1) & 255) >> shift


def _decide(diagonal: Any, x: Any, u: Any, until: Any, flips: Any, s: Any, c: Any, rng: Any) -> int:
    """Choose the neurons that flip in this step, and flip them; return how many."""
    step, temperature = s[STEP], s[TEMPERATURE] >> FRACTION
    cut = (temperature * _MAX_E) >> 16
    # Even the smallest rise needs this many leading zeros: most draws are refused by one predictable look.
    beyond = max(_RANDOM_BITS - ((65535 // temperature) >> 8), 0)
    key = rng[0]
    place = 2 * (step + 1) * len(x)
    count = 0
    for i in range(len(x)):
        rise = (1 - 2 * x[i]) * (diagonal[i] + 2 * u[i])
        if rise > cut or until[i] > step:
            continue
        if rise > 0:
            r = max(_draw(key, place + 2 * i), 1)
            if (r >> beyond) > 0 or (rise << 16) > temperature * _neg_log2(r):
                continue
        x[i] ^= 1
        # Who switches off to lower the cost has clashed with a neighbour and gives way for longer.
        shift = c[CLASH_SHIFT] if rise < 0 and x[i] == 0 else c[SHIFT]
        until[i] = step + 1 + ((_draw(key, place + 2 * i + 1) & 255) >> shift)
        flips[count] = i
        count += 1
    return count


def _deliver(net: Any, x: Any, u: Any, lists: Any, s: Any) -> None:
    """Send the spikes of this step through the rows of Q; list whose share of the cost may have changed."""
    _, start, target, weight = net
    flips, changed, marked = lists[:3]
    count = 0
    for k in range(s[FLIPS]):
        i = flips[k]
        sign = 2 * x[i] - 1
        # A neuron is listed once: writing it always and counting it when new spares a branch.
        changed[count] = i
        count += 1 - marked[i]
        marked[i] = 1
        for at in range(start[i], start[i + 1]):
            j = target[at]
            u[j] += sign * weight[at]
            if abs(u[j]) > STATE_LIMIT:
                s[FAULT] = 1
            changed[count] = j
            count += 1 - marked[j]
            marked[j] = 1
        lists[4][s[ROWS] + k] = i
    s[ROWS] += s[FLIPS]
    s[CHANGED] = count


def _report(diagonal: Any, x: Any, u: Any, sent: Any, lists: Any, inbox: Any, leaf: Any, s: Any) -> None:
    """Send the changed shares of the cost to the integrators, which see them in the next step."""
    _, changed, marked, _, rows = lists
    count = s[ROWS]
    for k in range(s[CHANGED]):
        i = changed[k]
        marked[i] = 0
        share = diagonal[i] + u[i] if x[i] else 0
        if share != sent[i]:
            inbox[leaf[i]] += share - sent[i]
            sent[i] = share
            rows[count] = len(x) + i
            count += 1
    s[ROWS] = count


def charge(rows: Any, count: int, routes: Any, work: Any, tally: Any, spiked: Any, c: Any) -> None:
    """Charge one spike of each of the first `count` rows of the routing table to the cores that it concerns."""
    home, start, to_core, synapses, way = routes[:5]
    for k in range(count):
        i = rows[k]
        spiked[i] += 1
        messages = start[i + 1] - start[i]
        work[0, home[i]] += c[SPIKE_TICKS] + messages * c[OUT_TICKS]
        for at in range(start[i], start[i + 1]):
            work[0, to_core[at]] += c[IN_TICKS] + synapses[at] * c[SYNAPSE_TICKS]
            work[1, to_core[at]] += synapses[at]
            tally[SYNOPS] += synapses[at]
        tally[MESSAGES] += messages
        tally[HOPS_EW] += way[i, 0]
        tally[HOPS_NS] += way[i, 1]
        tally[CROSSINGS] += way[i, 2]
    tally[SPIKES] += count


def _busiest_link(rows: Any, count: int, routes: Any, load: Any) -> int:
    """Return the messages over the busiest link: along rows of tiles first, then along columns."""
    home, start, to_core, _, _, tile_x, tile_y = routes
    load[:] = 0
    for k in range(count):
        i = rows[k]
        x0, y = tile_x[home[i]], tile_y[home[i]]
        for at in range(start[i], start[i + 1]):
            x1, y1 = tile_x[to_core[at]], tile_y[to_core[at]]
            for x in range(x0, x1):
                load[0, x, y] += 1
            for x in range(x1, x0):
                load[1, x + 1, y] += 1
            for down in range(y, y1):
                load[2, x1, down] += 1
            for up in range(y1, y):
                load[3, x1, up + 1] += 1
    return int(load.max())


def step_ticks(rows: Any, count: int, messages: int, routes: Any, work: Any, load: Any, c: Any) -> int:
    """Return the time of a step: its busiest core or its busiest link, and the barrier."""
    ticks = work[0].max()
    # No link can carry more than all messages together, so their ways are looked at only when they may matter.
    if messages * 1000 > ticks * c[LINK_RATE]:
        ticks = max(ticks, -((-_busiest_link(rows, count, routes, load) * 1000) // c[LINK_RATE]))
    return int(ticks + c[SYNC_TICKS])


def _anneal(rows: Any, n: int, s: Any, c: Any) -> None:
    """Begin the list of the step's spikes; move on along the schedule, which is a spike when its time has come."""
    s[ROWS] = 0
    if s[STEP] < s[LEVEL_ENDS]:
        return
    s[LEVEL] += 1
    if s[LEVEL] == c[LEVELS]:
        s[LEVEL] = 0
        s[TEMPERATURE] = c[T_MAX]
        s[LEVEL_STEPS] = min(s[LEVEL_STEPS] * c[GROWTH], c[STEPS_MAX])
    else:
        s[TEMPERATURE] = max((s[TEMPERATURE] * c[T_FACTOR] >> 16) - c[T_DECREMENT], c[T_MIN])
    s[LEVEL_ENDS] = s[STEP] + s[LEVEL_STEPS]
    rows[0] = 2 * n
    s[ROWS] = 1


def _integrate(x: Any, lists: Any, inbox: Any, s: Any, targets: Any, kept: Any) -> bool:
    """Add the payloads, keep the state at each new best and at each target reached; return whether it is a best."""
    leaves = len(inbox) - 1
    s[COST] += inbox[leaves]
    inbox[leaves] = 0
    for leaf in range(leaves):
        if inbox[leaf] != 0:
            inbox[leaves] += inbox[leaf]
            inbox[leaf] = 0
            lists[4][s[ROWS]] = 2 * len(x) + 1 + leaf
            s[ROWS] += 1
    if abs(s[COST]) > COST_LIMIT:
        s[FAULT] = 2
    better = bool(s[COST] < s[BEST])
    first = s[REACHED]
    while s[REACHED] < len(targets) and s[COST] <= targets[s[REACHED]]:
        s[REACHED] += 1
    if better:
        s[BEST] = s[COST]
        _keep(x, lists, leaves > 0, s, kept[0])
    for row in range(first, s[REACHED]):
        _keep(x, lists, leaves > 0, s, kept[1 + row])
    return better


def _keep(x: Any, lists: Any, late: bool, s: Any, into: Any) -> None:
    """Copy the state before the flips of the last step, and with leaves of the step before as well."""
    into[:] = x
    for k in range(s[FLIPS]):
        into[lists[0][k]] ^= 1
    if late:
        for k in range(s[EARLIER]):
            into[lists[3][k]] ^= 1


def _remember(lists: Any, s: Any) -> None:
    """Keep the flips of the last step for one step more."""
    for k in range(s[FLIPS]):
        lists[3][k] = lists[0][k]
    s[EARLIER] = s[FLIPS]


def _account(tally: Any, work: Any, ticks: int, s: Any) -> None:
    """Add a step to its segment and to the chip's clock."""
    s[STEP] += 1
    s[TICKS] += ticks
    tally[BUSIEST] += work[1].max()
    tally[SEG_TICKS] += ticks
    tally[SEG_STEPS] += 1


def _note(improved: Any, s: Any) -> None:
    """Enter a new best cost and when it was seen."""
    improved[s[IMPROVED], 0], improved[s[IMPROVED], 1] = s[TICKS], s[BEST]
    s[IMPROVED] += 1


def _advance(
    net: Any, routes: Any, neurons: Any, lists: Any, boxes: Any, s: Any, c: Any, rng: Any, goal: Any, cost: Any,
    out: Any,
) -> int:  # fmt: skip
    """Run steps until time, targets, a fault or the room in `out` ends it; return the segments written."""
    x, u, until, sent = neurons
    inbox, leaf = boxes
    targets, reached_ticks, kept = goal
    base, load, spiked = cost
    segments, improved = out
    diagonal, flips, rows = net[0], lists[0], lists[4]
    work = np.zeros((2, len(base)), np.int64)
    at = 0
    segments[0] = 0
    if s[STEP] == 0:
        _scatter(until, c[START_SHIFT], rng)
    while s[TICKS] < c[LIMIT_TICKS] and s[STEP] < c[STEP_LIMIT] and not s[FAULT] and s[IMPROVED] < len(improved):
        if c[STOP_AT_TARGETS] and s[REACHED] == len(targets):
            break
        tally = segments[at]
        work[0], work[1] = base, 0
        first, messages = s[REACHED], tally[MESSAGES]
        _anneal(rows, len(x), s, c)
        better = _integrate(x, lists, inbox, s, targets, kept)
        _report(diagonal, x, u, sent, lists, inbox, leaf, s)
        if len(inbox) > 1:
            _remember(lists, s)
        s[FLIPS] = _decide(diagonal, x, u, until, flips, s, c, rng)
        _deliver(net, x, u, lists, s)
        charge(rows, s[ROWS], routes, work, tally, spiked, c)
        _account(tally, work, step_ticks(rows, s[ROWS], tally[MESSAGES] - messages, routes, work, load, c), s)
        reached_ticks[first : s[REACHED]] = s[TICKS]
        if better:
            _note(improved, s)
        if tally[SEG_TICKS] >= c[SEGMENT_TICKS]:
            at += 1
            if at == len(segments):
                break
            segments[at] = 0
    return int(at + (at < len(segments) and segments[at, SEG_STEPS] > 0))


_PARTS = (
    _draw, _neg_log2, _scatter, _decide, _deliver, _report, charge, _busiest_link, step_ticks, _anneal, _keep,
    _integrate, _remember, _account, _note, _advance,
)  # fmt: skip


@functools.cache
def compiled() -> Callable[..., int]:
    """Return `_advance` as machine code, compiled once and cached on disk by numba."""
    # The parts find each other by their global names, so the compiled ones take the names over.
    for part in _PARTS:
        globals()[part.__name__] = jit(part)
    return globals()["_advance"]  # type: ignore[no-any-return]  # numba ships no types


def jit(part: Callable[..., Any]) -> Any:
    """Return a function as machine code."""
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(part)
    except RuntimeError:
        # Nowhere to keep the machine code, as in a read-only installation: then it is made anew each time.
        return numba.njit(nogil=True)(part)
