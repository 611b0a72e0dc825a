"""The virtual analyser as its SCPI commands: what each one does and answers. No sockets.

    SENSe:CHANnel:COUNt?                     number of wired channels
    SENSe:CHANnel:NAME? [(@list)]            rail of each channel, quoted
    SENSe:POWer:RANGe <W>[,(@list)]          set the next range that holds this power; MIN, MAX, DEF
    SENSe:POWer:RANGe? [(@list)|MIN|MAX]     full scale of each channel, or of the smallest or largest range, W
    SENSe:POWer:ACCuracy? [(@list)]          gain limit, offset limit W, noise W, resolution W, time base limit, each
    SENSe:SWEep:TINTerval <s> | ?            integration time of a sample; MIN, MAX, DEF
    SENSe:SWEep:TINTerval:CATalog?           all integration times in seconds
    INITiate:ELOG, TRIGger:ELOG, ABORt:ELOG  prepare, start and stop an acquisition; *TRG starts it, too
    SENSe:ELOG:TIME?                         begin of sample 0 on the analyser's own clock, ns
    SENSe:ELOG:COUNt?                        samples taken, dropped, and overloaded among those fetched
    SENSe:ELOG:POSition?                     number of the next sample that a fetch gives
    FETCh:ELOG? <most>                       block of big-endian float32, per sample: channels, marker line, flags

All commands of one program message see one instant, so `FETCh:ELOG? 1000;:SENSe:ELOG:POSition?` belongs together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurorig_lab import meter_spec as spec
from neurorig_lab.meter_acquisition import Acquisition, SampledWorld
from neurorig_lab.meter_frontend import Died, Faults, Frontend
from neurorig_protocols.wire.scpi.device import Command, Device
from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.stream import encode_block
from neurorig_protocols.wire.scpi.values import format_number, parse_channels, parse_limited, parse_whole, quote

MAX_FETCH = 200_000
_DEFAULT_INTEGRATION_S = 1e-4


class Instrument:
    """One analyser with `rails` wired to its channels 1, 2 ... `fifo_s` is the depth of its memory in seconds."""

    def __init__(
        self,
        world: SampledWorld,
        rails: Sequence[str],
        *,
        seed: int,
        faults: Faults | None = None,
        fifo_s: float = spec.FIFO_S,
    ) -> None:
        if not 1 <= len(rails) <= spec.MAX_CHANNELS:
            raise ValueError(f"{len(rails)} rails cannot be wired to {spec.MAX_CHANNELS} channels")
        self._world, self._rails, self._fifo_s = world, tuple(rails), fifo_s
        self._faults = faults or Faults()
        self._frontend = Frontend(seed)
        self._instant_ns: int | None = None
        self._reset()
        identity = self._faults.identity or f"neurorig,{spec.MODEL},V{seed:06d},{spec.FIRMWARE}"
        self._device = Device(identity, self._commands(), reset=self._reset)
        self.identity = identity
        self.status = self._device.status

    def execute(self, message: bytes) -> bytes:
        """Do a program message and return the response message.

        Raises Died when a fault says so, ConnectionError when the world is gone.
        """
        self._instant_ns = None
        running = self._acquisition if self._acquisition and self._acquisition.running else None
        if running and running.elapsed_s(self._now_ns()) >= self._faults.die_after_s:
            raise Died
        return self._device.execute(message)

    def _now_ns(self) -> int:
        if self._instant_ns is None:
            self._instant_ns = self._world.now_ns()
        return self._instant_ns

    def _reset(self) -> None:
        self._ranges_w = [spec.RANGES_W[-1]] * len(self._rails)
        self._integration_s = _DEFAULT_INTEGRATION_S
        self._initiated = False
        self._acquisition: Acquisition | None = None

    def _commands(self) -> dict[str, Command]:
        return {
            "SENSe:CHANnel:COUNt?": Command(lambda: str(len(self._rails))),
            "SENSe:CHANnel:NAME?": Command(self._names, 0, 1),
            "SENSe:POWer:RANGe": Command(self._set_range, 1, 2),
            "SENSe:POWer:RANGe?": Command(self._get_range, 0, 1),
            "SENSe:POWer:ACCuracy?": Command(self._accuracy, 0, 1),
            "SENSe:SWEep:TINTerval": Command(self._set_integration, 1, 1),
            "SENSe:SWEep:TINTerval?": Command(lambda: format_number(self._integration_s)),
            "SENSe:SWEep:TINTerval:CATalog?": Command(lambda: _joined(spec.INTEGRATION_S)),
            "INITiate:ELOG": Command(self._initiate),
            "TRIGger:ELOG": Command(self._trigger),
            "*TRG": Command(self._trigger),
            "ABORt:ELOG": Command(self._abort),
            "SENSe:ELOG:TIME?": Command(lambda: str(self._present().t0_ns)),
            "SENSe:ELOG:COUNt?": Command(self._counts),
            "SENSe:ELOG:POSition?": Command(lambda: str(self._present().position)),
            "FETCh:ELOG?": Command(self._fetch, 1, 1),
        }

    # --- channels and settings

    def _channels(self, text: str | None) -> tuple[int, ...]:
        """Return 0-based channels of a list; all of them when there is none."""
        count = len(self._rails)
        return tuple(range(count)) if text is None else tuple(c - 1 for c in parse_channels(text, count))

    def _names(self, channels: str | None = None) -> str:
        return ",".join(quote(self._rails[c]) for c in self._channels(channels))

    def _set_range(self, power: str, channels: str | None = None) -> None:
        self._must_not_run()
        least, most = spec.RANGES_W[0], spec.RANGES_W[-1]
        range_w = _next_larger(spec.RANGES_W, parse_limited(power, 0.0, most, most, "W") or least)
        for channel in self._channels(channels):
            self._ranges_w[channel] = range_w

    def _get_range(self, text: str | None = None) -> str:
        if text is not None and text[:1].isalpha():
            least, most = spec.RANGES_W[0], spec.RANGES_W[-1]
            return format_number(parse_limited(text, least, most, most))
        return _joined(self._ranges_w[c] for c in self._channels(text))

    def _accuracy(self, channels: str | None = None) -> str:
        ranges_w = [self._ranges_w[c] for c in self._channels(channels)]
        return _joined(figure for r in ranges_w for figure in self._accuracy_on(r))

    def _accuracy_on(self, range_w: float) -> tuple[float, ...]:
        return (
            spec.GAIN_LIMIT,
            spec.offset_limit_w(range_w),
            spec.noise_w(range_w, self._integration_s),
            spec.resolution_w(range_w),
            spec.TIMEBASE_LIMIT,
        )

    def _set_integration(self, text: str) -> None:
        self._must_not_run()
        least, most = spec.INTEGRATION_S[0], spec.INTEGRATION_S[-1]
        seconds = parse_limited(text, least, most, _DEFAULT_INTEGRATION_S, "S")
        self._integration_s = _next_larger(spec.INTEGRATION_S, seconds)

    def _must_not_run(self) -> None:
        if self._initiated or (self._acquisition and self._acquisition.running):
            raise ScpiError(-221, "an acquisition is running")

    # --- acquisition

    def _initiate(self) -> None:
        if self._initiated or (self._acquisition and self._acquisition.running):
            raise ScpiError(-213)
        self._initiated = True

    def _trigger(self) -> None:
        if not self._initiated:
            raise ScpiError(-211)
        self._initiated = False
        self._acquisition = Acquisition(
            self._world,
            self._rails,
            self._frontend,
            ranges_w=tuple(self._ranges_w),
            integration_s=self._integration_s,
            now_ns=self._now_ns(),
            fifo_s=self._fifo_s,
            drops=[(round(s / self._integration_s), count) for s, count in self._faults.drops],
        )

    def _abort(self) -> None:
        self._initiated = False
        if self._acquisition and self._acquisition.running:
            self._acquisition.stop(self._now_ns())

    def _present(self) -> Acquisition:
        if self._acquisition is None:
            raise ScpiError(-230, "nothing has been acquired")
        self._acquisition.settle(self._now_ns())
        return self._acquisition

    def _counts(self) -> str:
        present = self._present()
        return f"{present.taken(self._now_ns())},{present.dropped},{present.overloads}"

    def _fetch(self, most: str) -> bytes:
        count = parse_whole(most, 1, MAX_FETCH)
        return encode_block(self._present().fetch(count, self._now_ns()).tobytes())


def _next_larger(choices: Sequence[float], wanted: float) -> float:
    # A tolerance, because 3E-1 and 0.3 need not be the same number after arithmetic on the other side.
    return next(choice for choice in choices if choice >= wanted * (1 - 1e-9))


def _joined(numbers: Iterable[float]) -> str:
    return ",".join(format_number(number) for number in numbers)
