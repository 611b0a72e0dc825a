"""NVML: the energy counters of NVIDIA's GPUs as a power monitor.

Its numbers have the grade `onboard` and no maker's accuracy: what stands in the AccuracySpec is this project's
assumption, or what the bench declares, and says so. There is no marker line; windows come from host timestamps. The
counter is updated a few times a second only, which is measured while arming: docs/how-to/measure-a-gpu.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from neurorig_drivers.interface import host_ns
from neurorig_drivers.monitors.counter_monitor import CounterMonitor, invalid
from neurorig_drivers.monitors.counter_polling import Poller, Polls, unmarked_block
from neurorig_drivers.monitors.counter_updates import LateUpdates, Steps, Updates
from neurorig_drivers.monitors.nvml_accuracy import COUNTER_STEP_J, Worth, range_w
from neurorig_drivers.monitors.nvml_counters import Gpu
from neurorig_drivers.monitors.nvml_counters import Nvml as Library
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import MonitorLost, MonitorUnavailable, NeurorigError
from neurorig_protocols.trace import AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock

POLL_S = 0.005
"""Time between two readings and length of a sample: short beside any update time that was published, 20 to 100 ms."""

WATCHED_UPDATES = 6
WATCH_S = 5.0
"""Arming waits for so many updates of every counter, and so long at most; 3 updates are the fewest it takes."""

STALLED_UPDATES = 20
"""A counter that was not updated for so many update times stands still."""

UNARMED_UPDATE_S = 0.1
"""Stands in the channels until arming has measured it."""

NEXT_STEP = "Try 'nvidia-smi', then submit the job again."

_OPTIONS = frozenset({"devices", "mig", "sensor_accuracy"})


class Nvml(CounterMonitor):
    """A PowerMonitor: channel N is one GPU. Not yet run on a real GPU.

    Options: `devices`, the GPUs of channels 1, 2 ... by index, UUID or PCI bus id, separated by commas (default: all,
    as NVML counts them); `sensor_accuracy`, the relative limit of the counters' error as the lab knows it; `mig =
    "whole"` accepts a GPU in MIG mode, whose counter counts all its instances. Raises MonitorUnavailable or
    InvalidConfig.
    """

    def __init__(self, config: MonitorConfig) -> None:
        super().__init__(config, _OPTIONS)
        self._worth = Worth.of(config)
        self._library: Library | None = Library()
        try:
            self._gpus = _wired(config, self._library)
            self._driver = self._library.driver()
            for gpu in self._gpus:
                _check(config, gpu)
        except NeurorigError:
            self.close()
            raise
        self._facts = [gpu.facts() for gpu in self._gpus]
        self.channels = self._channels([UNARMED_UPDATE_S] * len(self._gpus))

    @property
    def identity(self) -> str:
        """The GPUs that are read, and the driver."""
        pairs = zip(self._gpus, self._facts, strict=True)
        named = (f"{gpu.label}, VBIOS {facts.get('vbios', 'unknown')}" for gpu, facts in pairs)
        return f"NVML, driver {self._driver}: " + "; ".join(named)

    def arm(self, plan: AcquisitionPlan) -> None:
        """Start polling and watch some updates of every counter; the rate is 200 Hz whatever is wanted."""
        del plan
        self._require_unarmed()
        # A power limit may have been set since the last acquisition.
        self._facts = [gpu.facts() for gpu in self._gpus]
        where = ", ".join(gpu.label for gpu in self._gpus)
        poller = Poller(self._gpus, POLL_S, where=where, next_step=NEXT_STEP)
        self._updates = [Updates() for _ in self._gpus]
        try:
            poller.start()
            watched = self._watch(poller)
        except (OSError, ValueError) as error:
            poller.stop()
            raise MonitorUnavailable(
                f"the counters cannot be read: {error}", where=where, next_step=NEXT_STEP
            ) from error
        except NeurorigError:
            poller.stop()
            raise
        # A reading on either side of an update says when it was.
        self._update_s = [updates.longest_s + 2 * POLL_S for updates in self._updates]
        t0_ns, dt_ns = max(updates.first_ns or 0 for updates in self._updates), round(POLL_S * 1e9)
        self._late = LateUpdates(self._update_s, t0_ns, dt_ns)
        self._begin(poller, self._channels(self._update_s), t0_ns=t0_ns, dt_ns=dt_ns)
        for steps in watched:
            self._add(steps)

    def stream(self) -> Iterator[SampleBlock]:
        """Yield mean powers as far as every counter's last update, from energies interpolated between updates."""
        polls = self._present().take()
        self._add(self._follow(polls))
        self._require_updates()
        index, values = self._powers.take()
        if len(values):
            yield unmarked_block(index, values, self._late.flags(index, len(values)))

    def disarm(self) -> AcquisitionReport:
        """Stop polling and say what was sampled, how often each counter was updated, and how each GPU was set."""
        poller = self._end()
        self._follow(poller.take())
        settings = {
            f"ch{channel.channel}_{key}": value
            for channel, facts, seen in zip(self.channels, self._facts, self._seen(), strict=True)
            for key, value in (facts | seen).items()
        }
        return self._report(poller, {"driver": self._driver, **settings})

    def close(self) -> None:
        """Stop polling if need be and let go of the library."""
        super().close()
        if self._library is not None:
            self._library.close()
        self._library = None

    def _watch(self, poller: Poller) -> list[list[Steps]]:
        """Return what was seen until every counter was updated often enough to say how often it is."""
        watched, end_ns = [], host_ns() + int(WATCH_S * 1e9)
        while min(updates.seen for updates in self._updates) < WATCHED_UPDATES and host_ns() < end_ns:
            time.sleep(POLL_S)
            watched.append(self._follow(poller.take()))
        for gpu, updates in zip(self._gpus, self._updates, strict=True):
            if updates.seen < WATCHED_UPDATES // 2:
                raise MonitorUnavailable(
                    f"the energy counter of {gpu.label} was updated {updates.seen} times in {WATCH_S:g} s",
                    where=f"monitor {self._config.id}",
                    next_step="Try 'nvidia-smi': a counter that stands still measures nothing. Leave the monitor out.",
                )
        return watched

    def _follow(self, polls: Polls) -> list[Steps]:
        return [
            updates.follow(polls.begin_ns, polls.end_ns, counts)
            for updates, counts in zip(self._updates, polls.counts.T, strict=True)
        ]

    def _add(self, found: Sequence[Steps]) -> None:
        for column, steps in enumerate(found):
            self._powers.add(column, steps.t_ns, steps.counts * COUNTER_STEP_J)
            self._late.note(column, steps)

    def _require_updates(self) -> None:
        for gpu, updates, update_s in zip(self._gpus, self._updates, self._update_s, strict=True):
            stands_s = (host_ns() - (updates.last_ns or 0)) * 1e-9
            if stands_s > STALLED_UPDATES * update_s:
                raise MonitorLost(
                    f"the energy counter of {gpu.label} stands still for {stands_s:.3g} s, it was updated every "
                    f"{update_s:.3g} s",
                    where=f"monitor {self._config.id}",
                    next_step=NEXT_STEP,
                )

    def _seen(self) -> list[dict[str, str | float | bool]]:
        return [
            {
                "update_s": update_s,
                "mean_update_s": updates.mean_s,
                "longest_update_s": updates.longest_s,
                "updates": updates.seen,
                "late_updates": late,
            }
            for updates, update_s, late in zip(self._updates, self._update_s, self._late.seen, strict=True)
        ]

    def _channels(self, update_s: Sequence[float]) -> list[ChannelInfo]:
        return [
            ChannelInfo(
                channel=wired.channel,
                rail=wired.rail,
                rate_hz=1 / POLL_S,
                range_w=range_w(facts, POLL_S),
                accuracy=self._worth.spec(seconds),
            )
            for wired, facts, seconds in zip(self._config.channels, self._facts, update_s, strict=True)
        ]


def _wired(config: MonitorConfig, library: Library) -> list[Gpu]:
    """Return the GPU of each configured channel, in the order of the bench file."""
    named = [name.strip() for name in str(config.options.get("devices", "")).split(",") if name.strip()]
    names = named or [str(index) for index in range(library.count())]
    missing = [c.channel for c in config.channels if c.channel > len(names)]
    if missing:
        raise invalid(config, f"channel {missing[0]} has no GPU; {len(names)} are {'named' if named else 'there'}")
    gpus = [library.find(names[c.channel - 1]) for c in config.channels]
    twice = next((gpu for i, gpu in enumerate(gpus) if gpu.uuid in {other.uuid for other in gpus[:i]}), None)
    if twice is not None:
        raise invalid(config, f"two channels are {twice.label}")
    return gpus


def _check(config: MonitorConfig, gpu: Gpu) -> None:
    """Refuse a GPU whose counter cannot be read or counts more than the bench means."""
    accepted = config.options.get("mig")
    if accepted not in (None, "whole"):
        raise invalid(config, f"mig is {accepted!r}, it can only be 'whole'")
    gpu.check()
    if gpu.facts().get("mig") is True and accepted is None:
        raise MonitorUnavailable(
            f"{gpu.label} is in MIG mode, and its counter counts all instances, whoever uses them",
            where=f"monitor {config.id}",
            next_step='Switch MIG off, or set mig = "whole" where the whole GPU belongs to the bench.',
        )
