"""Networks of leaky integrate-and-fire neurons as Lava processes, equal to the integer dynamics step by step.

The neurons' arithmetic is Lava's own fixed-point LIF model. Around it: a source of input events, a gap of one step
before each sample in which the neurons are cleared and spikes of the last sample are dropped, and a read-out that
counts. In the gap the source sends the events of step 0, because synapses deliver a step later.
"""

from __future__ import annotations

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
from lava.proc.lif.models import AbstractPyLifModelFixed

_CURRENT_LIMIT = 2**23 - 1
_WEIGHT_SHIFT = 6
_DECAY_BITS = 12

Ints = npt.NDArray[np.int64]


class Events(AbstractProcess):  # type: ignore[misc] # Lava ships no types
    """Sends on `lines` what is in the table: at Lava step `when` (rising, from 0) one event on line `line`."""

    def __init__(self, lines: int, when: Ints, line: Ints) -> None:
        super().__init__(when=when, line=line)
        self.s_out = OutPort(shape=(lines,))


@implements(proc=Events, protocol=LoihiProtocol)
@requires(CPU)
class EventsModel(PyLoihiProcessModel):  # type: ignore[misc]  # Lava ships no types
    """Counts the events of each line."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._when, self._line = proc_params["when"], proc_params["line"]

    def run_spk(self) -> None:
        """Send how many events each line has in this step."""
        first, last = np.searchsorted(self._when, [self.time_step - 1, self.time_step])
        self.s_out.send(np.bincount(self._line[first:last], minlength=self.s_out.shape[0]).astype(np.int32))


class Neurons(AbstractProcess):  # type: ignore[misc]  # Lava ships no types
    """Neurons that are cleared every `period` steps; every neuron has its own decays, threshold and bias."""

    def __init__(self, du: Ints, dv: Ints, vth: Ints, bias: Ints, *, period: int) -> None:
        shape = du.shape
        super().__init__(period=period)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=0)
        self.v = Var(shape=shape, init=0)
        # Lava adds one to its current decay.
        self.du = Var(shape=shape, init=du - 1)
        self.dv = Var(shape=shape, init=dv)
        self.vth = Var(shape=shape, init=vth)
        self.bias_mant = Var(shape=shape, init=bias)
        self.bias_exp = Var(shape=shape, init=0)
        self.wrapped = Var(shape=(1,), init=0)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
class NeuronsModel(AbstractPyLifModelFixed):  # type: ignore[misc]  # Lava ships no types
    """Lava's neuron with full words: thresholds and biases in membrane units rather than mantissas.

    `wrapped` is set when a current leaves its 24 bits: there Lava and the reference wrap differently.
    """

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    u: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    v: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    du: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    dv: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    vth: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    bias_mant: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    bias_exp: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)
    wrapped: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._period = proc_params["period"]

    def scale_threshold(self) -> None:
        """Take the threshold as it is."""
        self.effective_vth = self.vth
        self.isthrscaled = True

    def spiking_activation(self) -> npt.NDArray[np.bool_]:
        """Return who spikes."""
        return np.asarray(self.v > self.effective_vth)

    def run_spk(self) -> None:
        """Step as Lava's neuron does, or begin a sample."""
        if (self.time_step - 1) % self._period:
            super().run_spk()
            return
        self.a_in.recv()
        self.u[:] = self.v[:] = 0
        self.s_out.send(np.zeros(self.u.shape, np.int32))

    def subthr_dynamics(self, activation_in: npt.NDArray[Any]) -> None:
        """Note whether a current leaves its word, then step as Lava does."""
        kept = np.abs(self.u.astype(np.int64)) * ((1 << _DECAY_BITS) - 1 - self.du) >> _DECAY_BITS
        if (kept + (np.abs(activation_in.astype(np.int64)) << _WEIGHT_SHIFT)).max() > _CURRENT_LIMIT:
            self.wrapped[0] = 1
        super().subthr_dynamics(activation_in)


class Readout(AbstractProcess):  # type: ignore[misc]  # Lava ships no types
    """Counts spikes of `outputs` and of each population, sample by sample."""

    def __init__(self, population: Ints, outputs: Ints, fan_out: Ints, *, period: int, samples: int) -> None:
        super().__init__(population=population, outputs=outputs, fan_out=fan_out, period=period)
        self.s_in = InPort(shape=population.shape)
        # One column more than outputs: a network may have none, and Lava has no empty variables.
        self.counts = Var(shape=(samples, len(outputs) + 1), init=0)
        self.first_step = Var(shape=(samples, len(outputs) + 1), init=-1)
        self.by_population = Var(shape=(samples, int(population.max()) + 1), init=0)
        self.synaptic_operations = Var(shape=(1,), init=0)


@implements(proc=Readout, protocol=LoihiProtocol)
@requires(CPU)
class ReadoutModel(PyLoihiProcessModel):  # type: ignore[misc]  # Lava ships no types
    """Sees each spike in the step in which it is fired."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    counts: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    first_step: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    by_population: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)
    synaptic_operations: npt.NDArray[np.int64] = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._population, self._outputs = proc_params["population"], proc_params["outputs"]
        self._fan_out, self._period = proc_params["fan_out"], proc_params["period"]

    def run_spk(self) -> None:
        """Count."""
        fired = self.s_in.recv() != 0
        sample, offset = divmod(self.time_step - 1, self._period)
        if not offset or not fired.any():
            return
        observed = fired[self._outputs]
        self.counts[sample, :-1] += observed
        first = self.first_step[sample, :-1]
        first[observed & (first < 0)] = offset - 1
        self.by_population[sample] += np.bincount(self._population[fired], minlength=self.by_population.shape[1])
        self.synaptic_operations[0] += self._fan_out[fired].sum()
