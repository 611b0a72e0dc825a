"""NIR's neuron nodes cut into time steps by forward Euler. For an equation that is not here, the node is refused.

IF       v' = R I                       LIF      tau v' = (v_leak - v) + R I
CubaLIF  tau_syn I' = -I + w_in S,  tau_mem v' = (v_leak - v) + R I
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neurorig_drivers.snn.real import Floats


@dataclass(frozen=True, eq=False)
class Cut:
    """Neurons in steps: what is kept of current and membrane, threshold and bias from the reset potential, gain."""

    keep_u: Floats
    keep_v: Floats
    threshold: Floats
    bias: Floats
    gain: Floats


Each = Callable[[str], Floats]
"""A parameter of the node by its name, one value for each neuron."""

TIME_CONSTANTS = ("tau", "tau_mem", "tau_syn")


def _if(dt: float, each: Each) -> Cut:
    reset = each("v_reset")
    return Cut(0 * reset, 0 * reset + 1, each("v_threshold") - reset, 0 * reset, dt * each("r"))


def _lif(dt: float, each: Each) -> Cut:
    reset, share = each("v_reset"), dt / each("tau")
    bias = share * (each("v_leak") - reset)
    return Cut(0 * reset, 1 - share, each("v_threshold") - reset, bias, share * each("r"))


def _cuba_lif(dt: float, each: Each) -> Cut:
    reset, share, share_u = each("v_reset"), dt / each("tau_mem"), dt / each("tau_syn")
    bias = share * (each("v_leak") - reset)
    gain = share * each("r") * share_u * each("w_in")
    return Cut(1 - share_u, 1 - share, each("v_threshold") - reset, bias, gain)


def _threshold(dt: float, each: Each) -> Cut:  # noqa: ARG001 - it has no time
    level = each("threshold")
    return Cut(0 * level, 0 * level, level, 0 * level, 0 * level + 1)


NEURONS: dict[str, Callable[[float, Each], Cut]] = {
    "IF": _if,
    "LIF": _lif,
    "CubaLIF": _cuba_lif,
    "Threshold": _threshold,
}
