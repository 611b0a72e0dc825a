"""The chip's inner loop: annealing by spikes, in integers, one call for many steps.

Plain functions that `compiled` turns into machine code; uncompiled they run as Python, far too slowly for use.
Not for tables, units or sockets: `annealer` wraps this.

One step t of the network, all neurons in parallel:

1. integrate  the cost integrator adds the payloads of step t-1. Its sum is now xᵀQx of the state after step t-2.
2. report     each neuron whose share xᵢ(Qx)ᵢ of the cost has changed sends the difference to the integrator.
3. decide     each neuron that is not refractory flips by integer Metropolis and draws a new refractory time.
4. deliver    each flip is a spike of +1 or -1 through the neuron's row of Q.

The refractory time is 0..255 steps shifted right. A neuron that switched off because that lowers the cost has clashed
with neighbours that switched on in the same step; it draws from a wider range. Without that, dense networks fall into
flipping to and fro together.

So a cost belongs to the state of two steps before, which the chip recovers from each neuron's spike history; here
the flips of the last step are taken back before the state is kept.

Integer Metropolis: a rise of the cost by d is accepted when d·2¹⁶ <= T·E, where E = -256·log2(r/2²⁴) for a 24-bit
random r, its logarithm by the leading zeros of r with the bits below them as linear fraction (log2 is at most 0.086
too small). So T, 16 bits, is the temperature times ln 2 in units of 1/256 of the cost unit.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

# Scalars of the run, in an int64 array.
STEP, TICKS, COST, INBOX, BEST, FLIPS, CHANGED, REACHED, IMPROVED, FAULT = range(10)
TEMPERATURE, LEVEL, LEVEL_ENDS, LEVEL_STEPS = range(10, 14)
SCALARS = 14
# Constants of the run, in an int64 array.
T_MAX, T_MIN, T_FACTOR, T_DECREMENT, LEVELS, GROWTH, STEPS_MAX, SHIFT, LIMIT_TICKS, SEGMENT_TICKS = range(10)
SPIKE_TICKS, OUT_TICKS, IN_TICKS, SYNAPSE_TICKS, SYNC_TICKS, STOP_AT_TARGETS, START_SHIFT, CLASH_SHIFT = range(10, 18)
CONSTANTS = 18
# What is counted, columns of the segments.
SEG_TICKS, SEG_STEPS, SYNOPS, BUSIEST, SPIKES, MESSAGES, HOPS_EW, HOPS_NS = range(8)
COUNTS = 8

FRACTION = 8
"""The annealing neuron keeps 8 bits more of the temperature than it sends, so that small steps are not lost."""
STATE_LIMIT = 2**23 - 1
COST_LIMIT = 2**31 - 1
_RANDOM_BITS = 24
_LEADING = _RANDOM_BITS - 1
_MAX_E = _RANDOM_BITS << 8
_SHIFT_A, _SHIFT_B, _SHIFT_C, _SHIFT_TOP = np.uint64(13), np.uint64(7), np.uint64(17), np.uint64(40)


def _next(state: Any) -> Any:
    """Return the next 64-bit state of the random numbers (Marsaglia's xorshift)."""
    state ^= state << _SHIFT_A
    state ^= state >> _SHIFT_B
    return state ^ state << _SHIFT_C


def _bits(state: Any) -> Any:
    """Return the 24 random bits of a state."""
    return np.int64(state >> _SHIFT_TOP)


def _neg_log2(r: int) -> int:
    """Return -256·log2(r / 2²⁴) for r in 1 … 2²⁴-1, with a linear fraction."""
    top = _LEADING
    while (r >> top) == 0:
        top -= 1
    return _MAX_E - ((top << 8) + (((r << (_LEADING - top)) >> (_LEADING - 8)) & 255))


def _scatter(until: Any, shift: int, rng: Any) -> None:
    """Let the neurons wake one after the other: all at once, they would flip to and fro together."""
    for i in range(len(until)):
        rng[0] = _next(rng[0])
        until[i] = (_bits(rng[0]) & 255) >> shift


def _decide(diagonal: Any, x: Any, u: Any, until: Any, flips: Any, s: Any, c: Any, rng: Any) -> int:
    """Choose the neurons that flip in this step, and flip them; return how many."""
    step, temperature = s[STEP], s[TEMPERATURE] >> FRACTION
    cut = (temperature * _MAX_E) >> 16
    # Even the smallest rise needs this many leading zeros: most draws are refused by one predictable look.
    beyond = max(_RANDOM_BITS - ((65535 // temperature) >> 8), 0)
    state = rng[0]
    count = 0
    for i in range(len(x)):
        rise = (1 - 2 * x[i]) * (diagonal[i] + 2 * u[i])
        if rise > cut or until[i] > step:
            continue
        if rise > 0:
            state = _next(state)
            r = max(_bits(state), 1)
            if (r >> beyond) > 0 or (rise << 16) > temperature * _neg_log2(r):
                continue
        x[i] ^= 1
        state = _next(state)
        # Who switches off to lower the cost has clashed with a neighbour and gives way for longer.
        shift = c[CLASH_SHIFT] if rise < 0 and x[i] == 0 else c[SHIFT]
        until[i] = step + 1 + ((_bits(state) & 255) >> shift)
        flips[count] = i
        count += 1
    rng[0] = state
    return count


def _deliver(net: Any, x: Any, u: Any, lists: Any, s: Any) -> None:
    """Send the spikes of this step through the rows of Q; list whose share of the cost may have changed."""
    _, start, target, weight = net
    flips, changed, marked = lists
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
    s[CHANGED] = count


def _report(
    net: Any, x: Any, u: Any, sent: Any, lists: Any, s: Any, work: Any, routes: Any, tally: Any, c: Any
) -> None:
    """Send the changed shares of the cost to the integrator, which sees them in the next step."""
    diagonal = net[0]
    _, changed, marked = lists
    core, _, _, _, _, cost_hops = routes
    for k in range(s[CHANGED]):
        i = changed[k]
        marked[i] = 0
        share = diagonal[i] + u[i] if x[i] else 0
        if share != sent[i]:
            s[INBOX] += share - sent[i]
            sent[i] = share
            work[0, core[i]] += c[SPIKE_TICKS] + c[OUT_TICKS]
            work[0, 0] += c[IN_TICKS] + c[SYNAPSE_TICKS]
            work[1, 0] += 1
            tally[SPIKES] += 1
            tally[MESSAGES] += 1
            tally[SYNOPS] += 1
            tally[HOPS_EW] += cost_hops[i, 0]
            tally[HOPS_NS] += cost_hops[i, 1]


def _charge(rows: Any, count: int, routes: Any, work: Any, tally: Any, c: Any) -> None:
    """Charge one spike of each of the first `count` rows of the routing table to the cores that it concerns."""
    core, start, to_core, synapses, hops, _ = routes
    for k in range(count):
        i = rows[k]
        messages = start[i + 1] - start[i]
        work[0, core[i]] += c[SPIKE_TICKS] + messages * c[OUT_TICKS]
        for at in range(start[i], start[i + 1]):
            work[0, to_core[at]] += c[IN_TICKS] + synapses[at] * c[SYNAPSE_TICKS]
            work[1, to_core[at]] += synapses[at]
            tally[SYNOPS] += synapses[at]
        tally[MESSAGES] += messages
        tally[HOPS_EW] += hops[i, 0]
        tally[HOPS_NS] += hops[i, 1]
    tally[SPIKES] += count


def _anneal(s: Any, c: Any) -> bool:
    """Move on along the schedule; return whether the temperature has changed."""
    if s[STEP] < s[LEVEL_ENDS]:
        return False
    s[LEVEL] += 1
    if s[LEVEL] == c[LEVELS]:
        s[LEVEL] = 0
        s[TEMPERATURE] = c[T_MAX]
        s[LEVEL_STEPS] = min(s[LEVEL_STEPS] * c[GROWTH], c[STEPS_MAX])
    else:
        s[TEMPERATURE] = max((s[TEMPERATURE] * c[T_FACTOR] >> 16) - c[T_DECREMENT], c[T_MIN])
    s[LEVEL_ENDS] = s[STEP] + s[LEVEL_STEPS]
    return True


def _integrate(x: Any, lists: Any, s: Any, targets: Any, kept: Any) -> bool:
    """Add the payloads, keep the state at each new best and at each target reached; return whether it is a best."""
    s[COST] += s[INBOX]
    s[INBOX] = 0
    if abs(s[COST]) > COST_LIMIT:
        s[FAULT] = 2
    better = bool(s[COST] < s[BEST])
    first = s[REACHED]
    while s[REACHED] < len(targets) and s[COST] <= targets[s[REACHED]]:
        s[REACHED] += 1
    if better:
        s[BEST] = s[COST]
        _keep(x, lists[0], s[FLIPS], kept[0])
    for row in range(first, s[REACHED]):
        _keep(x, lists[0], s[FLIPS], kept[1 + row])
    return better


def _keep(x: Any, flips: Any, count: int, into: Any) -> None:
    """Copy the state before the flips of the last step."""
    into[:] = x
    for k in range(count):
        into[flips[k]] ^= 1


def _advance(
    net: Any, routes: Any, neurons: Any, lists: Any, s: Any, c: Any, rng: Any, goal: Any, base: Any, out: Any
) -> int:
    """Run steps until time, targets, a fault or the room in `out` ends it; return the segments written."""
    x, u, until, sent = neurons
    targets, reached_ticks, kept = goal
    segments, improved = out
    work = np.zeros((2, len(base)), np.int64)
    annealing = np.full(1, len(x), np.int64)
    at = 0
    segments[0] = 0
    if s[STEP] == 0:
        _scatter(until, c[START_SHIFT], rng)
    while s[TICKS] < c[LIMIT_TICKS] and not s[FAULT] and s[IMPROVED] < len(improved):
        if c[STOP_AT_TARGETS] and s[REACHED] == len(targets):
            break
        tally = segments[at]
        work[0], work[1] = base, 0
        if _anneal(s, c):
            _charge(annealing, 1, routes, work, tally, c)
        first = s[REACHED]
        better = _integrate(x, lists, s, targets, kept)
        _report(net, x, u, sent, lists, s, work, routes, tally, c)
        s[FLIPS] = _decide(net[0], x, u, until, lists[0], s, c, rng)
        _charge(lists[0], s[FLIPS], routes, work, tally, c)
        _deliver(net, x, u, lists, s)
        ticks = work[0].max() + c[SYNC_TICKS]
        s[STEP] += 1
        s[TICKS] += ticks
        tally[BUSIEST] += work[1].max()
        tally[SEG_TICKS] += ticks
        tally[SEG_STEPS] += 1
        reached_ticks[first : s[REACHED]] = s[TICKS]
        if better:
            improved[s[IMPROVED], 0], improved[s[IMPROVED], 1] = s[TICKS], s[BEST]
            s[IMPROVED] += 1
        if tally[SEG_TICKS] >= c[SEGMENT_TICKS]:
            at += 1
            if at == len(segments):
                break
            segments[at] = 0
    return at + (at < len(segments) and segments[at, SEG_STEPS] > 0)


_PARTS = (
    _next, _bits, _neg_log2, _scatter, _decide, _deliver, _report, _charge, _anneal, _keep, _integrate, _advance,
)  # fmt: skip


@functools.cache
def compiled() -> Callable[..., int]:
    """Return `_advance` as machine code, compiled once and cached on disk by numba."""
    # The parts find each other by their global names, so the compiled ones take the names over.
    for part in _PARTS:
        globals()[part.__name__] = _jit(part)
    return globals()["_advance"]  # type: ignore[no-any-return]


def _jit(part: Callable[..., Any]) -> Any:
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(part)
    except RuntimeError:
        # Nowhere to keep the machine code, as in a read-only installation: then it is made anew each time.
        return numba.njit(nogil=True)(part)
