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

from neurorig_drivers.annealing.schedule import FRACTION

# Scalars of the run, in an int64 array.
STEP, TICKS, COST, INBOX, BEST, FLIPS, CHANGED, REACHED, IMPROVED, FAULT = range(10)
TEMPERATURE, LEVEL, LEVEL_ENDS, LEVEL_STEPS, EARLIER, ROWS = range(10, 16)
SCALARS = 16
# Constants of the run, in an int64 array.
T_MAX, T_MIN, T_FACTOR, T_DECREMENT, LEVELS, GROWTH, STEPS_MAX, SHIFT, LIMIT_TICKS, SEGMENT_TICKS = range(10)
SYNC_TICKS, STOP_AT_TARGETS, START_SHIFT, CLASH_SHIFT, STEP_LIMIT, LINK_RATE = range(10, 16)
CONSTANTS = 16
# What is counted, columns of the segments.
SEG_TICKS, SEG_STEPS, SYNOPS, BUSIEST, SPIKES, MESSAGES, HOPS_EW, HOPS_NS, CROSSINGS = range(9)
COUNTS = 9
STATE_LIMIT = 2**23 - 1
COST_LIMIT = 2**31 - 1
_RANDOM_BITS = 24
_LEADING = _RANDOM_BITS - 1
_MAX_E = _RANDOM_BITS << 8
_GAMMA, _MIX_A, _MIX_B = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_SHIFT_A, _SHIFT_B, _SHIFT_C, _SHIFT_TOP = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)

CORE_TICKS_BITS = 32
"""What a core does in a step is one word: its ticks below these bits, its synaptic operations above them."""
_CORE_TICKS = 2**CORE_TICKS_BITS - 1
MARKS = 8
"""Marks are a byte for each neuron, and so many of them are looked at as one word."""
_MAY_FLIP, _REPORTS = np.uint64(0), np.uint64(1)
_EACH, _NONE, _ONE = np.uint64(0x0101010101010101), np.uint64(0), np.uint64(1)


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


def _look(diagonal: Any, neurons: Any, cut: Any, marks: Any) -> None:
    """Mark who may flip by a rise of at most `cut` (bit 0), and whose share of the cost has changed (bit 1).

    In 32 bits and without a branch, so that it becomes a few instructions for many neurons at once.
    """
    x, u, _, sent = neurons
    for i in range(len(x)):
        on = np.int32(-x[i])
        field = np.int32(diagonal[i] + u[i])
        rise = np.int32((np.int32(field + u[i]) ^ on) - on)
        marks[i] = np.uint8(rise <= cut) | np.uint8(np.int32(field & on) != sent[i]) << np.uint8(1)


def _list(words: Any, mark: Any, listed: Any) -> Any:
    """List the neurons that have a mark; return how many. One place more is written."""
    count = _NONE
    for at in range(len(words)):
        word = (words[at] >> mark) & _EACH
        if word != _NONE:
            for k in range(MARKS):
                # Writing always and counting what is marked spares a branch.
                listed[count] = MARKS * at + k
                count += (word >> np.uint64(8 * k)) & _ONE
    return np.int64(count)


def _report(diagonal: Any, neurons: Any, listed: Any, count: int, rows: Any, boxes: Any, s: Any) -> None:
    """Send the changed shares of the cost to the integrators, which see them in the next step."""
    x, u, _, sent = neurons
    inbox, leaf = boxes
    first = s[ROWS]
    for k in range(count):
        i = listed[k]
        share = diagonal[i] + u[i] if x[i] else 0
        inbox[leaf[i]] += share - sent[i]
        sent[i] = share
        rows[first + k] = len(x) + i
    s[ROWS] += count


def _willing(diagonal: Any, neurons: Any, listed: Any, count: int, step: int, key: Any, beyond: int) -> int:
    """Keep those of the list that are awake and either lower the cost or draw zeros enough; return how many.

    All of them draw, needed or not, and none is branched on: a wrong guess takes longer than a draw.
    """
    x, u, until, _ = neurons
    place = 2 * (step + 1) * len(x)
    kept = 0
    for k in range(count):
        i = listed[k]
        rise = (1 - 2 * x[i]) * (diagonal[i] + 2 * u[i])
        r = max(_draw(key, place + 2 * np.int64(i)), 1)
        listed[kept] = i
        kept += (until[i] <= step) & ((rise <= 0) | ((r >> beyond) == 0))
    return kept


def _decide(diagonal: Any, neurons: Any, listed: Any, count: int, flips: Any, s: Any, c: Any, key: Any) -> int:
    """Choose the neurons that flip in this step among those listed, and flip them; return how many."""
    x, u, until, _ = neurons
    step, temperature = s[STEP], s[TEMPERATURE] >> FRACTION
    # Even the smallest rise needs this many leading zeros: one look refuses most draws.
    beyond = max(_RANDOM_BITS - ((65535 // temperature) >> 8), 0)
    place = 2 * (step + 1) * len(x)
    chosen = 0
    for k in range(_willing(diagonal, neurons, listed, count, step, key, beyond)):
        i = np.int64(listed[k])
        rise = (1 - 2 * x[i]) * (diagonal[i] + 2 * u[i])
        if rise > 0 and (rise << 16) > temperature * _neg_log2(max(_draw(key, place + 2 * i), 1)):
            continue
        x[i] ^= 1
        # Who switches off to lower the cost has clashed with a neighbour and gives way for longer.
        shift = c[CLASH_SHIFT] if rise < 0 and x[i] == 0 else c[SHIFT]
        until[i] = step + 1 + ((_draw(key, place + 2 * i + 1) & 255) >> shift)
        flips[chosen] = i
        chosen += 1
    return chosen


def _deliver(net: Any, x: Any, u: Any, flips: Any, rows: Any, s: Any) -> None:
    """Send the spikes of this step through the rows of Q."""
    _, start, target, weight = net
    reach = 0
    for k in range(s[FLIPS]):
        i = flips[k]
        sign = 2 * x[i] - 1
        for at in range(start[i], start[i + 1]):
            state = u[target[at]] + sign * weight[at]
            u[target[at]] = state
            # The limit is one below a power of two, so a sum of bits exceeds it exactly when one of the states does.
            reach |= abs(state)
        rows[s[ROWS] + k] = i
    s[ROWS] += s[FLIPS]
    if reach > STATE_LIMIT:
        s[FAULT] = 1


def charge(rows: Any, count: int, routes: Any, work: Any, tally: Any, spiked: Any) -> None:
    """Charge one spike of each of the first `count` rows of the routing table to the cores that it concerns."""
    home, start, to_core, load, sends, sums = routes[:6]
    for k in range(count):
        i = rows[k]
        spiked[i] += 1
        work[home[i]] += sends[i]
        for at in range(start[i], start[i + 1]):
            work[to_core[at]] += load[at]
        for what in range(SYNOPS, COUNTS):
            tally[what] += sums[i, what]


def _busiest_link(rows: Any, count: int, routes: Any, load: Any) -> int:
    """Return the messages over the busiest link: along rows of tiles first, then along columns."""
    home, start, to_core, _, _, _, tile_x, tile_y = routes
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


def busiest_core(work: Any) -> tuple[int, int]:
    """Return the ticks of the core that takes longest, and the synaptic operations of the core that has most."""
    ticks = synops = 0
    for word in work:
        ticks, synops = max(ticks, word & _CORE_TICKS), max(synops, word >> CORE_TICKS_BITS)
    return ticks, synops


def step_ticks(rows: Any, count: int, messages: int, routes: Any, core_ticks: int, load: Any, c: Any) -> int:
    """Return the time of a step: its busiest core or its busiest link, and the barrier."""
    ticks = core_ticks
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
            lists[2][s[ROWS]] = 2 * len(x) + 1 + leaf
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
    for i in range(len(x)):
        into[i] = x[i]
    for k in range(s[FLIPS]):
        into[lists[0][k]] ^= 1
    if late:
        for k in range(s[EARLIER]):
            into[lists[1][k]] ^= 1


def _remember(lists: Any, s: Any) -> None:
    """Keep the flips of the last step for one step more."""
    for k in range(s[FLIPS]):
        lists[1][k] = lists[0][k]
    s[EARLIER] = s[FLIPS]


def _account(tally: Any, ticks: int, busiest: int, s: Any) -> None:
    """Add a step to its segment and to the chip's clock."""
    s[STEP] += 1
    s[TICKS] += ticks
    tally[BUSIEST] += busiest
    tally[SEG_TICKS] += ticks
    tally[SEG_STEPS] += 1


def _clear(row: Any) -> None:
    """Begin a segment."""
    for what in range(COUNTS):
        row[what] = 0


def _note(improved: Any, s: Any) -> None:
    """Enter a new best cost and when it was seen."""
    improved[s[IMPROVED], 0], improved[s[IMPROVED], 1] = s[TICKS], s[BEST]
    s[IMPROVED] += 1


def _advance(
    net: Any, routes: Any, neurons: Any, marks: Any, lists: Any, boxes: Any, s: Any, c: Any, rng: Any, goal: Any,
    cost: Any, out: Any,
) -> int:  # fmt: skip
    """Run steps until time, targets, a fault or the room in `out` ends it; return the segments written."""
    x, u, until, _ = neurons
    targets, reached_ticks, kept = goal
    base, load, spiked = cost
    segments, improved = out
    diagonal, flips, rows = net[0], lists[0], lists[2]
    marked, words, listed = marks
    work = np.zeros(len(base), np.int64)
    at = 0
    _clear(segments[0])
    if s[STEP] == 0:
        _scatter(until, c[START_SHIFT], rng)
    while s[TICKS] < c[LIMIT_TICKS] and s[STEP] < c[STEP_LIMIT] and not s[FAULT] and s[IMPROVED] < len(improved):
        if c[STOP_AT_TARGETS] and s[REACHED] == len(targets):
            break
        tally = segments[at]
        for core in range(len(base)):
            work[core] = base[core]
        first, messages = s[REACHED], tally[MESSAGES]
        _anneal(rows, len(x), s, c)
        better = _integrate(x, lists, boxes[0], s, targets, kept)
        _look(diagonal, neurons, np.int32(((s[TEMPERATURE] >> FRACTION) * _MAX_E) >> 16), marked)
        _report(diagonal, neurons, listed, _list(words, _REPORTS, listed), rows, boxes, s)
        if len(boxes[0]) > 1:
            _remember(lists, s)
        s[FLIPS] = _decide(diagonal, neurons, listed, _list(words, _MAY_FLIP, listed), flips, s, c, rng[0])
        _deliver(net, x, u, flips, rows, s)
        charge(rows, s[ROWS], routes, work, tally, spiked)
        ticks, busiest = busiest_core(work)
        ticks = step_ticks(rows, s[ROWS], tally[MESSAGES] - messages, routes, ticks, load, c)
        _account(tally, ticks, busiest, s)
        for reached in range(first, s[REACHED]):
            reached_ticks[reached] = s[TICKS]
        if better:
            _note(improved, s)
        if tally[SEG_TICKS] >= c[SEGMENT_TICKS]:
            at += 1
            if at == len(segments):
                break
            _clear(segments[at])
    return int(at + (at < len(segments) and segments[at, SEG_STEPS] > 0))


_PARTS = (
    _draw, _neg_log2, _scatter, _look, _list, _report, _willing, _decide, _deliver, charge, _busiest_link,
    busiest_core, step_ticks, _anneal, _keep, _integrate, _remember, _account, _clear, _note, _advance,
)  # fmt: skip


@functools.cache
def compiled() -> Callable[..., int]:
    """Return `_advance` as machine code, compiled once and cached on disk by numba."""
    # The parts find each other by their global names, so the compiled ones take the names over.
    for part in _PARTS:
        globals()[part.__name__] = jit(part)
    return globals()["_advance"]  # type: ignore[no-any-return]  # numba ships no types


def jit(part: Callable[..., Any]) -> Any:
    """Return a function as machine code, in which the parts are one with what calls them.

    Else each call of a part would count references to its arrays up and down, which took a fifth of a small step. An
    integer divided by zero is not told, which no divisor here can be.
    """
    import numba

    make = functools.partial(numba.njit, nogil=True, error_model="numpy", forceinline=part.__name__ != "_advance")
    try:
        return make(cache=True)(part)
    except RuntimeError:
        # Nowhere to keep the machine code, as in a read-only installation: then it is made anew each time.
        return make()(part)
