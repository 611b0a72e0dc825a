"""The errors of one virtual analyser, drawn from its seed inside its specification, and its injectable faults."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from neurorig_lab import meter_spec as spec


class Died(Exception):
    """The analyser's process must end now, as if its mains plug had been pulled."""


@dataclass(frozen=True)
class Faults:
    """Faults to show; the default is a healthy instrument. Times in seconds of the instrument's own clock."""

    die_after_s: float = math.inf
    drops: tuple[tuple[float, int], ...] = ()
    identity: str | None = None
    late_s: float = 0.0
    mute: bool = False


def parse_faults(texts: Iterable[str]) -> Faults:
    """Read faults as the module's docstring writes them; ValueError says which one is wrong."""
    faults = Faults()
    for text in texts:
        try:
            faults = _with(faults, text)
        except ValueError as error:
            raise ValueError(f"'{text}' is no fault: {error}") from error
    return faults


def _with(faults: Faults, text: str) -> Faults:
    kind, _, value = text.partition(":")
    match kind:
        case "die":
            return replace(faults, die_after_s=_seconds(value))
        case "drop":
            after, _, count = value.partition(":")
            if int(count) < 1:
                raise ValueError("at least one sample must be lost")
            return replace(faults, drops=(*faults.drops, (_seconds(after), int(count))))
        case "idn" if value.isascii() and value.isprintable() and value:
            return replace(faults, identity=value)
        case "late":
            return replace(faults, late_s=_seconds(value))
        case "mute" if not value:
            return replace(faults, mute=True)
    raise ValueError("expected die:SECONDS, drop:SECONDS:COUNT, idn:TEXT, late:SECONDS or mute")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{text} is not a length of time")
    return seconds


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
