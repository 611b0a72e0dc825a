"""The chip's inner loop for leaky integrate-and-fire networks, in integers, one call for many time steps.

The dynamics are those of the protocols' workloads.snn.network, step by step and bit by bit. Every neuron is
updated in every step, as on the chip; synapses are visited for spikes only.
Plain functions that `compiled` turns into machine code.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from neurorig_lab.chip import kernel
from neurorig_lab.chip.kernel import (
    BUSIEST,
    MESSAGES,
    SEG_STEPS,
    SEG_TICKS,
    SEGMENT_TICKS,
    busiest_core,
    charge,
    step_ticks,
)
from neurorig_protocols.workloads.snn.network import DECAY_ONE, STATE_LIMIT, WEIGHT_SHIFT

# Scalars of the run, in an int64 array.
SAMPLE, STEP, NEXT_EVENT, TICKS = range(4)
SCALARS = 4

_ONE_BITS = 12
_WRAP = 1 << 24
_HALF = 1 << 23


def _decayed(value: int, decay: int) -> int:
    """Return value * (4096 - decay) / 4096, rounded towards zero."""
    product = value * (DECAY_ONE - decay)
    return product >> _ONE_BITS if product >= 0 else -((-product) >> _ONE_BITS)


def _update(cells: Any, u: Any, v: Any, arriving: Any, spikes: Any) -> int:
    """Let every neuron take one step; list who spikes and return how many."""
    du, dv, vth, bias = cells
    count = 0
    for i in range(len(v)):
        current = _decayed(u[i], du[i]) + (arriving[i] << WEIGHT_SHIFT)
        arriving[i] = 0
        current = ((current + _HALF) % _WRAP) - _HALF
        u[i] = current
        membrane = _decayed(v[i], dv[i]) + current + bias[i]
        membrane = min(max(membrane, -STATE_LIMIT), STATE_LIMIT)
        if membrane > vth[i]:
            membrane = 0
            spikes[count] = i
            count += 1
        v[i] = membrane
    return count


def _deliver(source: int, synapses: Any, arriving: Any) -> None:
    """Add the weights of one source's synapses to what arrives in the next update."""
    start, target, weight = synapses
    for at in range(start[source], start[source + 1]):
        arriving[target[at]] += weight[at]


def _inject(lines: Any, events: Any, s: Any) -> int:
    """List the input lines that spike in this step; return how many."""
    sample, step, line = events
    count = 0
    at = s[NEXT_EVENT]
    while at < len(line) and sample[at] == s[SAMPLE] and step[at] == s[STEP]:
        lines[count] = line[at]
        count += 1
        at += 1
    s[NEXT_EVENT] = at
    return count


def _record(spikes: Any, count: int, inputs: int, counters: Any, population: Any, s: Any) -> None:
    """Count this step's spikes, and turn neurons into rows of the routing table."""
    counts, first, of_population = counters
    for k in range(count):
        i = spikes[k]
        counts[i] += 1
        if first[i] < 0:
            first[i] = s[STEP]
        of_population[s[SAMPLE], population[i]] += 1
        spikes[k] = inputs + i


def _close_sample(cells_state: Any, counters: Any, outputs: Any, answer: Any, s: Any) -> None:
    """Keep the sample's answer and clear the network for the next one."""
    u, v, arriving = cells_state
    counts, first, _ = counters
    out_counts, out_first = answer
    for k in range(len(outputs)):
        out_counts[s[SAMPLE], k] = counts[outputs[k]]
        out_first[s[SAMPLE], k] = first[outputs[k]]
    for i in range(len(u)):
        u[i] = v[i] = arriving[i] = counts[i] = 0
        first[i] = -1
    s[SAMPLE] += 1
    s[STEP] = 0


def _advance(
    cells: Any, synapses: Any, routes: Any, state: Any, events: Any, s: Any, c: Any, limits: Any, cost: Any,
    counters: Any, population: Any, outputs: Any, answer: Any, lists: Any, segments: Any,
) -> int:  # fmt: skip
    """Run steps until the samples or the room for segments end; return the segments written."""
    u, v, arriving = state
    base, load, spiked = cost
    spikes, lines = lists
    samples, steps, inputs = limits
    work = np.zeros(len(base), np.int64)
    at = 0
    segments[0] = 0
    while s[SAMPLE] < samples:
        tally = segments[at]
        work[:] = base
        messages = tally[MESSAGES]
        injected = _inject(lines, events, s)
        for k in range(injected):
            _deliver(lines[k], synapses, arriving)
        count = _update(cells, u, v, arriving, spikes)
        _record(spikes, count, inputs, counters, population, s)
        for k in range(count):
            _deliver(spikes[k], synapses, arriving)
        charge(lines, injected, routes, work, tally, spiked)
        charge(spikes, count, routes, work, tally, spiked)
        ticks, busiest = busiest_core(work)
        ticks = step_ticks(spikes, count, tally[MESSAGES] - messages, routes, ticks, load, c)
        s[TICKS] += ticks
        tally[BUSIEST] += busiest
        tally[SEG_TICKS] += ticks
        tally[SEG_STEPS] += 1
        s[STEP] += 1
        if s[STEP] == steps:
            _close_sample(state, counters, outputs, answer, s)
        if tally[SEG_TICKS] >= c[SEGMENT_TICKS]:
            at += 1
            if at == len(segments):
                break
            segments[at] = 0
    return int(at + (at < len(segments) and segments[at, SEG_STEPS] > 0))


_PARTS = (_decayed, _update, _deliver, _inject, _record, _close_sample, _advance)


@functools.cache
def compiled() -> Callable[..., int]:
    """Return `_advance` as machine code, compiled once and cached on disk by numba."""
    kernel.compiled()
    # The kernel's functions have been replaced by compiled ones since they were imported here.
    globals().update(charge=kernel.charge, busiest_core=kernel.busiest_core, step_ticks=kernel.step_ticks)
    for part in _PARTS:
        globals()[part.__name__] = kernel.jit(part)
    return globals()["_advance"]  # type: ignore[no-any-return]  # numba ships no types
