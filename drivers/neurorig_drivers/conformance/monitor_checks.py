"""The checks of a monitor driver: channels, order, an acquisition whose counts add up, closing.

The monitors' side of `conformance.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from neurorig_drivers.conformance.checks import Check, Finding, close_driver, refuses, require, run_checks
from neurorig_drivers.interface import PowerMonitor
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.trace import AcquisitionPlan, AcquisitionReport, SampleBlock, join_blocks

ACQUISITION_S = 0.2
RATE_HZ = 1000.0


def check_monitor(
    monitor: PowerMonitor,
    config: MonitorConfig,
    *,
    pass_time: Callable[[float], None] = time.sleep,
    subject: str = "monitor",
) -> list[Finding]:
    """Check a driver that was just opened; it is closed afterwards.

    `pass_time` lets seconds of the bench's clock pass: a virtual bench's time may stand still while nothing runs.
    """
    checks = _MonitorChecks(monitor, config, pass_time)
    return run_checks(subject, checks.all())


class _MonitorChecks:
    """Checks that build on each other, in order."""

    def __init__(self, monitor: PowerMonitor, config: MonitorConfig, pass_time: Callable[[float], None]) -> None:
        self._monitor = monitor
        self._config = config
        self._pass_time = pass_time

    def all(self) -> list[Check]:
        return [
            ("has the channels of the bench file", self._channels),
            ("keeps the order of the verbs", self._order),
            ("takes samples whose counts add up", self._acquire),
            ("can be armed again", self._acquire),
            ("closes twice without complaint", self._close),
            ("refuses to be armed when closed", self._closed),
        ]

    def _channels(self) -> None:
        wired = [(c.channel, c.rail) for c in self._config.channels]
        found = [(c.channel, c.rail) for c in self._monitor.channels]
        require(found == wired, f"channels {found} differ from the bench file's {wired}")
        for channel in self._monitor.channels:
            require(bool(channel.accuracy.source), f"the accuracy of channel {channel.channel} names no source")

    def _order(self) -> None:
        refuses("disarm before arm", self._monitor.disarm)
        refuses("stream before arm", lambda: list(self._monitor.stream()))

    def _acquire(self) -> None:
        self._monitor.arm(AcquisitionPlan(rate_hz=RATE_HZ, peak_w={c.rail: 1.0 for c in self._config.channels}))
        self._check_head()
        blocks = []
        for _ in range(2):
            self._pass_time(ACQUISITION_S / 2)
            blocks += list(self._monitor.stream())
        report = self._monitor.disarm()
        for block in blocks:
            self._check_block(block)
        self._check_counts(blocks, report)

    def _check_head(self) -> None:
        head = self._monitor.head
        require(head.monitor == self._config.id, f"the head names the monitor '{head.monitor}'")
        clocks = ("host", f"monitor:{self._config.id}")
        require(head.clock in clocks, f"the clock '{head.clock}' is none of {', '.join(clocks)}")
        require(head.channels == tuple(self._monitor.channels), "the head's channels are not the monitor's")
        for channel in head.channels:
            period_ns = 1e9 / channel.rate_hz
            require(abs(period_ns - head.dt_ns) <= 1e-6 * period_ns, f"{channel.rate_hz} Hz is not {head.dt_ns} ns")

    def _check_block(self, block: SampleBlock) -> None:
        shape = (len(block.digital), len(self._config.channels))
        require(block.values.shape == shape, f"a block's values have the shape {block.values.shape}, not {shape}")
        require(block.flags.shape == block.digital.shape, "flags and digital of a block differ in length")
        types = [str(array.dtype) for array in (block.values, block.digital, block.flags)]
        require(types == ["float32", "uint8", "uint8"], f"a block holds {types}")

    def _check_counts(self, blocks: list[SampleBlock], report: AcquisitionReport) -> None:
        trace = join_blocks(self._monitor.head, blocks)
        missing = sum(gap.length for gap in trace.head.gaps)
        require(len(trace) > 0, f"no sample in {ACQUISITION_S} s")
        # The rest of the acquisition may have been taken after the last fetch.
        streamed = len(trace) - missing
        require(report.samples >= streamed, f"{streamed} samples came, the monitor counted {report.samples}")
        require(report.dropped >= missing, f"{missing} samples are missing, the monitor counted {report.dropped}")
        require(bool(report.identity), "the report names no instrument")

    def _close(self) -> None:
        close_driver(self._monitor)
        close_driver(self._monitor)

    def _closed(self) -> None:
        try:
            refuses("arm after close", lambda: self._monitor.arm(AcquisitionPlan(rate_hz=RATE_HZ)))
        finally:
            self._monitor.close()
