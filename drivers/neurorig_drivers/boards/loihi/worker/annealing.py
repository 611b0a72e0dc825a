"""The annealing network as Lava processes: temperature, variables, cost integrator, synapses of Lava's own.

Integer by integer the network of the virtual chip (`neurorig_lab.chip.kernel`, which explains it), so that
the same seed gives the same spikes. One Lava time step is one step of the network:

    Temperature --T--> Variables --(+1, -1 spikes)--> Sparse --(a step later)--> Variables
    Integrator --(new best, targets reached)--> Variables --(changed shares of the cost)--> Integrator

The shares that arrive in a step are added in the next one, as the chip's integrator does. Not for the clock, limits or
slices of a run: that is `anneal_run`.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

FRACTION = 8
"""Bits of the temperature that the temperature neuron keeps and does not send."""
HISTORY = 64
"""Steps of which states, costs and improvements are kept until the host looks: a slice has no more."""

_RANDOM_BITS = 24
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST, _TOP = np.uint64(31), np.uint64(40)
_WORD = 32

Ints = npt.NDArray[np.int64]


def draw(key: int, n: int, step: int, which: int) -> Ints:
    """Return the 24 random bits (n,) of each neuron for draw `which` (0 accept, 1 wait) of a step from -1 on."""
    counter = 2 * ((step + 1) * n + np.arange(n, dtype=np.uint64)) + np.uint64(which)
    z = np.uint64(key) + counter * _GAMMA
    for shift, factor in _MIX:
        z = (z ^ z >> shift) * factor
    z ^= z >> _LAST
    return np.asarray(z >> _TOP, np.int64)


def neg_log2(r: Ints) -> Ints:
    """Return -256*log2(r / 2**24) for r in 1 ... 2**24 - 1, with a linear fraction."""
    top = np.frexp(r.astype(np.float64))[1].astype(np.int64) - 1
    fraction = (r << (_RANDOM_BITS - 1 - top)) >> (_RANDOM_BITS - 9) & 255
    return (_RANDOM_BITS << 8) - ((top << 8) + fraction)


class Temperature(AbstractProcess):  # type: ignore[misc] # Lava ships no types
    """One neuron that holds the temperature: `words` are t_max, t_min, factor, decrement, levels, growth, steps."""

    def __init__(self, **words: int) -> None:
        super().__init__(**words)
        self.t_out = OutPort(shape=(1,))
        self.changes = Var(shape=(1,), init=0)


@implements(proc=Temperature, protocol=LoihiProtocol)
@requires(CPU)
class TemperatureModel(PyLoihiProcessModel):  # type: ignore[misc]  # Lava ships no types
    """Falls level by level and starts anew, each cycle longer than the last one."""

    t_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    changes: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._words = proc_params
        self._now, self._level = int(proc_params["t_max"]), 0
        self._steps = self._ends = int(proc_params["steps_per_level"])

    def run_spk(self) -> None:
        """Send the temperature of this step."""
        step = self.time_step - 1
        if step >= self._ends:
            self._next_level()
            self._ends = step + self._steps
            self.changes[0] += 1
        self.t_out.send(np.array([self._now >> FRACTION], np.int64))

    def _next_level(self) -> None:
        words = self._words
        self._level += 1
        if self._level == words["levels"]:
            self._level, self._now = 0, words["t_max"]
            self._steps = min(self._steps * words["growth"], words["steps_per_level_max"])
        else:
            self._now = max((self._now * words["factor"] >> 16) - words["decrement"], words["t_min"])


class Variables(AbstractProcess):  # type: ignore[misc]  # Lava ships no types
    """One neuron per variable. `shifts` are those of the waiting times: after a flip, after a clash, at the start."""

    def __init__(self, diagonal: Ints, fan_out: Ints, *, key: int, shifts: tuple[int, int, int], goals: int) -> None:
        n = len(diagonal)
        super().__init__(key=key, shifts=shifts, diagonal=diagonal, fan_out=fan_out)
        self.a_in = InPort(shape=(n,))
        self.t_in = InPort(shape=(1,))
        self.news_in = InPort(shape=(2,))
        self.s_out = OutPort(shape=(n,))
        self.share_out = OutPort(shape=(n,))
        self.x = Var(shape=(n,), init=0)
        self.u = Var(shape=(n,), init=0)
        self.kept = Var(shape=(goals + 1, n), init=0)
        self.counted = Var(shape=(2,), init=0)
        self.history = Var(shape=(HISTORY, -(-n // _WORD)), init=0)


@implements(proc=Variables, protocol=LoihiProtocol)
@requires(CPU)
class VariablesModel(PyLoihiProcessModel):  # type: ignore[misc]  # Lava ships no types
    """Integer Metropolis for all neurons at once.

    `kept` holds the best state and the one that met each target; `counted` flips and synaptic operations; `history`
    the last states, packed into words of 32 bits, that of step t in row t modulo HISTORY.
    """

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    t_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    news_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    share_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    x: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    u: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    kept: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    counted: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    history: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._diagonal, self._fan_out = proc_params["diagonal"], proc_params["fan_out"]
        self._key = proc_params["key"]
        self._shift, self._clash_shift, start_shift = proc_params["shifts"]
        self._n = len(self._diagonal)
        self._until = (draw(self._key, self._n, -1, 1) & 255) >> start_shift
        self._sent = np.zeros(self._n, np.int64)
        self._before = np.zeros(self._n, np.int64)
        self._met = 0

    def run_spk(self) -> None:
        """Take in the last spikes, report changed shares of the cost, decide, fire."""
        self.u += self.a_in.recv()
        self._keep(*self.news_in.recv().tolist())
        share = np.where(self.x == 1, self._diagonal + self.u, 0)
        changed = share - self._sent
        self._sent = share
        self.share_out.send(changed)
        self._before = self.x.copy()
        flips = self._decide(int(self.t_in.recv()[0]))
        self.s_out.send(self.x - self._before)
        self.counted += (flips.sum(), np.count_nonzero(changed) + self._fan_out[flips].sum())
        self._write_history()

    def _keep(self, better: int, met: int) -> None:
        """Keep the state that the integrator's cost belongs to: the one before the flips of the last step."""
        if better:
            self.kept[0] = self._before
        if met > self._met:
            self.kept[1 + self._met : 1 + met] = self._before
            self._met = met

    def _decide(self, temperature: int) -> npt.NDArray[np.bool_]:
        step = self.time_step - 1
        rise = (1 - 2 * self.x) * (self._diagonal + 2 * self.u)
        r = np.maximum(draw(self._key, self._n, step, 0), 1)
        accepted = (rise <= 0) | (rise << 16 <= temperature * neg_log2(r))
        flips = accepted & (self._until <= step)
        self.x[flips] ^= 1
        clash = (rise < 0) & (self.x == 0)
        wait = (draw(self._key, self._n, step, 1) & 255) >> np.where(clash, self._clash_shift, self._shift)
        self._until[flips] = step + 1 + wait[flips]
        return np.asarray(flips)

    def _write_history(self) -> None:
        bits = np.packbits(self.x.astype(np.uint8), bitorder="little")
        words = np.zeros(self.history.shape[1] * 4, np.uint8)
        words[: len(bits)] = bits
        self.history[(self.time_step - 1) % HISTORY] = words.view("<u4")


class Integrator(AbstractProcess):  # type: ignore[misc]  # Lava ships no types
    """One neuron that adds up the cost and meets the targets, which come in falling order."""

    def __init__(self, n: int, targets: Ints, *, epoch_ns: int) -> None:
        super().__init__(targets=targets, epoch_ns=epoch_ns)
        self.share_in = InPort(shape=(n,))
        self.news_out = OutPort(shape=(2,))
        self.state = Var(shape=(4,), init=0)
        self.improvements = Var(shape=(HISTORY, 2), init=0)
        self.reached_ns = Var(shape=(len(targets) + 1,), init=0)
        self.history = Var(shape=(HISTORY,), init=0)


@implements(proc=Integrator, protocol=LoihiProtocol)
@requires(CPU)
class IntegratorModel(PyLoihiProcessModel):  # type: ignore[misc]  # Lava ships no types
    """`state` is cost, best cost, targets met, improvements; instants are nanoseconds since the epoch it was given."""

    share_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    news_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    state: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    improvements: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    reached_ns: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    history: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._targets, self._epoch_ns = proc_params["targets"], proc_params["epoch_ns"]
        self._inbox = 0

    def run_spk(self) -> None:
        """Add what arrived in the last step, tell of a new best, take in what arrives now."""
        cost, best, met, count = self.state.tolist()
        cost += self._inbox
        better = cost < best
        now_ns = time.monotonic_ns() - self._epoch_ns
        if better:
            self.improvements[count % HISTORY] = now_ns, cost
        after = met
        while after < len(self._targets) and cost <= self._targets[after]:
            after += 1
        self.reached_ns[met:after] = now_ns
        self.state[:] = cost, min(cost, best), after, count + better
        self.history[(self.time_step - 1) % HISTORY] = cost
        self.news_out.send(np.array([better, after], np.int64))
        self._inbox = int(self.share_in.recv().sum())
