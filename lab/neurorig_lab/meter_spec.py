"""The published specification of the virtual power analyser VPA-8. Every instrument keeps it; its seed says how well.

    | property              | figure                                                                            |
    | --------------------- | --------------------------------------------------------------------------------- |
    | channels              | 8, power in watts, sampled together with one marker line                          |
    | ranges                | 100 uW to 100 W in steps of 1-3-10; 5 % over-range, beyond it the sample is flagged |
    | gain error            | 0.03 % of reading at most                                                         |
    | offset error          | 0.005 % of range at most                                                          |
    | noise                 | 0.01 % of range rms per sample at 1 us, falling with the root of the integration time |
    | resolution            | 18 bits over +-range                                                              |
    | integration time      | 1, 2, 5 ... 1000 us; samples are means without gaps                               |
    | time base             | 20 ppm at most                                                                    |
    | memory                | the newest 20 s of samples; older ones are overwritten and counted as dropped     |

The figures are virtual: they were chosen like those of a good bench instrument, no such instrument was built.
"""

from __future__ import annotations

import math

MODEL = "VPA-8"
FIRMWARE = "1.0-VIRTUAL"
MAX_CHANNELS = 8

RANGES_W = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
INTEGRATION_S = (1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3)
OVER_RANGE = 1.05

GAIN_LIMIT = 3e-4
OFFSET_LIMIT_OF_RANGE = 5e-5
NOISE_OF_RANGE = 1e-4
BITS = 18
TIMEBASE_LIMIT = 20e-6
FIFO_S = 20.0


def offset_limit_w(range_w: float) -> float:
    """Limit of the offset error in watts."""
    return OFFSET_LIMIT_OF_RANGE * range_w


def noise_w(range_w: float, integration_s: float) -> float:
    """Standard deviation of one sample in watts."""
    return NOISE_OF_RANGE * range_w * math.sqrt(INTEGRATION_S[0] / integration_s)


def resolution_w(range_w: float) -> float:
    """Quantisation step in watts."""
    return range_w / float(1 << (BITS - 1))
