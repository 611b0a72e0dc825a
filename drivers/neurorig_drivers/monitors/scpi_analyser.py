"""Multi-channel power analysers with the SCPI of the virtual VPA-8 (docstring of `virtual/meter_instrument.py`).

Sets ranges and integration time, streams gapless samples with the marker line, puts the settings back. Judges
nothing: overloads and lost samples are counted and flagged.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from neurorig_drivers.interface import supported_rates
from neurorig_drivers.monitors.visa_session import VisaLink
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorLost, MonitorMismatch, NeurorigError
from neurorig_protocols.quantities import Grade
from neurorig_protocols.trace import (
    AccuracySpec,
    AcquisitionPlan,
    AcquisitionReport,
    ChannelInfo,
    SampleBlock,
    TraceHead,
)
from neurorig_protocols.wire.scpi.status import parse_record
from neurorig_protocols.wire.scpi.values import format_channels, format_number

HEADROOM = 1.1
"""A range is chosen for so many times the peak of the ranging pass (MLPerf Power does the same)."""

FETCH_SAMPLES = 50_000
_TIMEOUTS = ("timeout_s", "open_timeout_s")
_OPTIONS = {"fallback", *_TIMEOUTS}


class ScpiAnalyser:
    """A PowerMonitor. Options: `fallback` (a second VISA resource), `timeout_s`, `open_timeout_s`."""

    grade: Grade = "metered"

    channels: Sequence[ChannelInfo]
    head: TraceHead

    def __init__(self, config: MonitorConfig) -> None:
        _check(config)
        self._config = config
        self._list = format_channels(c.channel for c in config.channels)
        self._armed = False
        self._closed = False
        self._next = 0
        self._lost = 0
        self._link = VisaLink(config.id, _resources(config), **_timeouts(config))
        try:
            self._meet()
        except BaseException:
            self._link.close()
            raise

    def arm(self, plan: AcquisitionPlan) -> None:
        """Set ranges for 1.1 times each peak (the largest range where there is none) and start sampling."""
        if self._armed or self._closed:
            state = "closed" if self._closed else "armed already"
            raise MeasurementError(f"the monitor is {state}", where=self._where)
        self._do(["*CLS", ":ABOR:ELOG", *self._settings(plan)])
        self.channels = self._read_channels()
        answer = self._link.query(":INIT:ELOG;:TRIG:ELOG;:SENS:ELOG:TIME?;:SYST:ERR?", repeat=False)
        t0_ns, _, refusal = answer.partition(";")
        self._must_be_done(refusal)
        if not t0_ns.isdigit():
            raise self._mismatch(answer)
        self.head = TraceHead(
            monitor=self._config.id,
            clock=f"monitor:{self._config.id}",
            t0_ns=int(t0_ns),
            dt_ns=round(1e9 / self.channels[0].rate_hz),
            channels=tuple(self.channels),
        )
        self._armed, self._next, self._lost = True, 0, 0

    def stream(self) -> Iterator[SampleBlock]:
        """Yield what had been sampled when the first block was asked for; later samples come with the next call."""
        self._must_be_armed()
        until: int | None = None
        while until is None or self._next < until:
            block, taken = self._fetch()
            until = taken if until is None else until
            if not len(block.values):
                return
            yield block

    def disarm(self) -> AcquisitionReport:
        """Stop sampling. `samples` counts all that the instrument took, `dropped` all that never arrived here."""
        self._must_be_armed()
        self._armed = False
        counts, position = self._fields(self._link.query(":ABOR:ELOG;:SENS:ELOG:COUN?;POS?"), [3, 1])
        taken, dropped, overloads = (int(count) for count in counts)
        # What was overwritten behind the last block leaves no gap between blocks.
        lost = self._lost + max(int(position[0]) - self._next, 0)
        ranges = {f"range_w.{c.rail}": c.range_w for c in self.channels}
        return AcquisitionReport(
            monitor=self._config.id,
            samples=taken,
            dropped=max(lost, dropped),
            overloads=overloads,
            identity=self._link.identity,
            settings={
                "resource": self._link.resource,
                "grade": self.grade,
                "integration_s": self.head.dt_ns * 1e-9,
                "unread": taken - int(position[0]),
                **ranges,
            },
        )

    def close(self) -> None:
        """Put the instrument's settings back, if it still answers."""
        if self._link.connected:
            with contextlib.suppress(NeurorigError):
                self._do([":ABOR:ELOG", *self._found])
        self._armed, self._closed = False, True
        self._link.close()

    # --- meeting the instrument

    def _meet(self) -> None:
        expected, identity = self._config.expect_idn, self._link.identity
        if expected is not None and not re.search(expected, identity):
            raise MonitorMismatch(
                f"'{identity}' answers, the bench expects '{expected}'",
                where=self._where,
                next_step="Correct the address or expect_idn in the bench file.",
            )
        answer = self._link.query("SENS:CHAN:COUN?;:SENS:POW:RANG?;RANG? MAX;:SENS:SWE:TINT?;TINT:CAT?")
        count, ranges, largest, integration, catalogue = self._fields(answer, [1, None, 1, 1, None])
        if min(catalogue) <= 0:
            raise self._mismatch(answer)
        self._width = int(count[0])
        self._largest_range_w = largest[0]
        self._seconds_of = {_rate_hz(seconds): seconds for seconds in catalogue}
        self._found = [f":SENS:SWE:TINT {format_number(integration[0])}"]
        self._found += [f":SENS:POW:RANG {format_number(w)},(@{c})" for c, w in enumerate(ranges, start=1)]
        if (highest := max(c.channel for c in self._config.channels)) > self._width:
            raise InvalidConfig(
                f"channel {highest} is named in the bench file, {identity} has {self._width}",
                where=self._where,
                next_step="Correct the monitor's channels in the bench file.",
            )
        self.channels = self._read_channels()

    def _settings(self, plan: AcquisitionPlan) -> list[str]:
        seconds = self._seconds_of[supported_rates(list(self._seconds_of), plan.rate_hz)]
        commands = [f":SENS:SWE:TINT {format_number(seconds)}"]
        for channel in self._config.channels:
            wanted_w = HEADROOM * abs(plan.peak_w.get(channel.rail, 0.0))
            fits = 0 < wanted_w <= self._largest_range_w
            power = format_number(wanted_w) if fits else "MAX"
            commands.append(f":SENS:POW:RANG {power},(@{channel.channel})")
        return commands

    def _read_channels(self) -> list[ChannelInfo]:
        answer = self._link.query(f"SENS:POW:RANG? {self._list};ACC? {self._list};:SENS:SWE:TINT?")
        wired = len(self._config.channels)
        ranges, accuracies, integration = self._fields(answer, [wired, 5 * wired, 1])
        figures = [accuracies[at : at + 5] for at in range(0, len(accuracies), 5)]
        return [
            ChannelInfo(
                channel=channel.channel,
                rail=channel.rail,
                rate_hz=_rate_hz(integration[0]),
                range_w=range_w,
                accuracy=self._accuracy(*five),
            )
            for channel, range_w, five in zip(self._config.channels, ranges, figures, strict=True)
        ]

    def _accuracy(
        self, gain: float, offset_w: float, noise_w: float, resolution_w: float, timebase: float
    ) -> AccuracySpec:
        return AccuracySpec(
            gain_limit=gain,
            offset_limit_w=offset_w,
            noise_w=noise_w,
            resolution_w=resolution_w,
            timebase_limit=timebase,
            source=f"figures of {self._link.identity}, read by SENS:POW:ACC?",
        )

    # --- fetching

    def _fetch(self) -> tuple[SampleBlock, int]:
        """Return the next block and how many samples the instrument had taken by then."""
        data, rest = self._link.query_block(f"FETC:ELOG? {FETCH_SAMPLES};:SENS:ELOG:POS?;COUN?")
        (position,), (taken, _, _) = self._fields(rest, [1, 3])
        if len(data) % (4 * (self._width + 2)):
            raise self._mismatch(f"a block of {len(data)} bytes")
        rows = np.frombuffer(data, ">f4").reshape(-1, self._width + 2)
        index = int(position) - len(rows)
        if index < self._next:
            raise MonitorLost(
                f"{self._link.identity} went back from sample {self._next} to {index}: it was restarted",
                where=self._where,
                next_step="Submit the job again; nobody else may use the analyser meanwhile.",
            )
        self._lost += index - self._next
        self._next = int(position)
        columns = [c.channel - 1 for c in self._config.channels]
        block = SampleBlock(
            index=index,
            values=rows[:, columns].astype(np.float32),
            digital=rows[:, -2].astype(np.uint8),
            flags=rows[:, -1].astype(np.uint8),
        )
        return block, int(taken)

    # --- talking

    @property
    def _where(self) -> str:
        return f"monitor {self._config.id} at {self._link.resource}"

    def _do(self, commands: Sequence[str]) -> None:
        self._must_be_done(self._link.query(";".join([*commands, ":SYST:ERR?"])))

    def _must_be_done(self, answer: str) -> None:
        try:
            number, text = parse_record(answer)
        except ValueError as error:
            raise self._mismatch(answer) from error
        if number:
            raise MeasurementError(
                f"{self._link.identity} refused its settings: {number}, {text}",
                where=self._where,
                next_step="Check that nobody else uses the analyser.",
            )

    def _must_be_armed(self) -> None:
        if not self._armed:
            raise MeasurementError("the monitor is not armed", where=self._where)

    def _fields(self, answer: str, counts: Sequence[int | None]) -> list[list[float]]:
        """Take an answer of several parts apart, each so many numbers (None: one or more)."""
        try:
            fields = [[float(number) for number in part.split(",")] for part in answer.split(";")]
        except ValueError as error:
            raise self._mismatch(answer) from error
        if len(fields) != len(counts) or any(n not in (None, len(f)) for f, n in zip(fields, counts, strict=True)):
            raise self._mismatch(answer)
        return fields

    def _mismatch(self, answer: str) -> MonitorMismatch:
        return MonitorMismatch(
            f"{self._link.identity} answered '{answer[:80]}', which is not the SCPI of this driver",
            where=self._where,
            next_step="Check the monitor's driver in the bench file.",
        )


def _rate_hz(seconds: float) -> float:
    # 1 / 1e-5 falls a hair short of 100 kHz, and the next faster rate would be taken for it.
    return round(1 / seconds, 6)


def _check(config: MonitorConfig) -> None:
    problems = [f"unknown option '{name}'" for name in sorted(set(config.options) - _OPTIONS)]
    problems += [f"{name} must be a number of seconds above 0" for name in _TIMEOUTS if not _is_time(config, name)]
    if not config.resource:
        problems.append("no VISA resource is given")
    if not config.channels:
        problems.append("no channel is given")
    if config.expect_idn is not None:
        try:
            re.compile(config.expect_idn)
        except re.error as error:
            problems.append(f"expect_idn is not a regular expression: {error}")
    if problems:
        raise InvalidConfig(
            "; ".join(problems),
            where=f"monitor {config.id}",
            next_step="Correct the monitor in the bench file.",
        )


def _is_time(config: MonitorConfig, name: str) -> bool:
    value = config.options.get(name, 1.0)
    return isinstance(value, int | float) and 0 < value < math.inf


def _resources(config: MonitorConfig) -> list[str]:
    fallback = str(config.options.get("fallback", ""))
    return [config.resource, fallback] if fallback else [config.resource]


def _timeouts(config: MonitorConfig) -> dict[str, float]:
    return {name: float(config.options[name]) for name in _TIMEOUTS if name in config.options}
