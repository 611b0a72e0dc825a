"""The errors of one virtual analyser: true power in, readings out. Drawn from its seed, inside its specification."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_drivers.virtual import meter_spec as spec

_MAX_DRIFT = 10e-6
_CLOCK_OFFSET_S = (2.0, 9.0)


@dataclass(frozen=True)
class MeterClock:
    """The analyser's own clock: reading = offset + (1 + drift) * world, in nanoseconds."""

    offset_ns: float
    drift: float

    def reading_ns(self, world_ns: float) -> float:
        """What the clock shows at an instant of the world."""
        return self.offset_ns + (1 + self.drift) * world_ns

    def world_ns(self, reading_ns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The instants of the world at which the clock shows these readings."""
        return (reading_ns - self.offset_ns) / (1 + self.drift)


class Frontend:
    """The analogue inputs. Two front ends of one seed have the same errors and the same noise."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng([seed, 0])
        self.clock = MeterClock(draw.uniform(*_CLOCK_OFFSET_S) * 1e9, draw.uniform(-_MAX_DRIFT, _MAX_DRIFT))
        self._gain = draw.uniform(-spec.GAIN_LIMIT, spec.GAIN_LIMIT, spec.MAX_CHANNELS)
        # In units of the limit, anew for each range: ranges have amplifiers of their own.
        self._offset = draw.uniform(-1, 1, (spec.MAX_CHANNELS, len(spec.RANGES_W)))
        self._noise = np.random.default_rng([seed, 1])

    def measure(
        self, power_w: npt.NDArray[np.float64], ranges_w: tuple[float, ...], integration_s: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return readings in watts (k, channels) and which samples left a range (k,).

        power_w: true means (k, channels). The converter cannot say more than 1.05 of its range: such a reading
        stays there, and its sample is flagged.
        """
        limits_w = spec.OVER_RANGE * np.array(ranges_w)
        overload = np.any(np.abs(power_w) > limits_w, axis=1)
        steps_w = np.array([spec.resolution_w(r) for r in ranges_w], np.float32)
        readings = power_w.astype(np.float32)
        readings *= (1 + self._gain[: len(ranges_w)]).astype(np.float32)
        readings += self._offsets_w(ranges_w)
        noise = self._noise.standard_normal(readings.shape, np.float32)
        noise *= np.array([spec.noise_w(r, integration_s) for r in ranges_w], np.float32)
        readings += noise
        readings /= steps_w
        np.rint(readings, out=readings)
        readings *= steps_w
        np.clip(readings, -limits_w, limits_w, out=readings, casting="same_kind")
        return readings, overload

    def _offsets_w(self, ranges_w: tuple[float, ...]) -> npt.NDArray[np.float32]:
        return np.array(
            [
                self._offset[channel, spec.RANGES_W.index(r)] * spec.offset_limit_w(r)
                for channel, r in enumerate(ranges_w)
            ],
            np.float32,
        )
