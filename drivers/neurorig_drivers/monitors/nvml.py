"""NVML: the energy counters of NVIDIA's GPUs as a power monitor, and what their accuracy is assumed to be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from neurorig_drivers.interface import host_ns
from neurorig_drivers.monitors.counters import (
    CounterMonitor,
    LateUpdates,
    Poller,
    Polls,
    Steps,
    Updates,
    invalid,
    unmarked_block,
)
from neurorig_drivers.monitors.nvml_counters import Gpu
from neurorig_drivers.monitors.nvml_counters import Nvml as Library
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import MonitorLost, MonitorUnavailable, NeurorigError
from neurorig_protocols.trace import AccuracySpec, AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock

ASSUMED_GAIN_LIMIT = 0.05
ASSUMED_CLOCK_LIMIT = 500e-6
COUNTER_STEP_J = 1e-3

ASSUMED = (
    "assumed by neurorig: 5 % of reading, which NVIDIA states for power readings of old parts; nobody publishes an "
    "accuracy of the energy counter"
)
DECLARED = "declared by the bench (sensor_accuracy): {limit:g} of reading"
REST = (
    "no offset; counter steps of 1 mJ; at each edge of a window all that was counted between two updates; host clock "
    "within 500 ppm. In no figure: power sensors that look a quarter of the time only, as published of A100 and H100 "
    "(arXiv 2312.02741), so a load that repeats in step with them may be far off."
)


@dataclass(frozen=True)
class Worth:
    """The relative limit of the counters' error, and whose word that is."""

    gain_limit: float
    source: str

    @classmethod
    def of(cls, config: MonitorConfig) -> Worth:
        """Return what the bench declares, or what is assumed; InvalidConfig when it declares no such number."""
        limit = config.options.get("sensor_accuracy")
        if limit is None:
            return cls(ASSUMED_GAIN_LIMIT, f"{ASSUMED}; {REST}")
        if isinstance(limit, bool | str) or not 0 < limit < 1:
            raise invalid(config, f"sensor_accuracy is {limit!r}, it must be a number between 0 and 1")
        return cls(float(limit), f"{DECLARED.format(limit=limit)}; {REST}")

    def spec(self, update_s: float) -> AccuracySpec:
        """Return the accuracy of a counter that is updated every `update_s` seconds at least."""
        step_w = COUNTER_STEP_J / update_s
        return AccuracySpec(
            gain_limit=self.gain_limit,
            offset_limit_w=0.0,
            noise_w=step_w,
            resolution_w=step_w,
            timebase_limit=ASSUMED_CLOCK_LIMIT,
            update_s=update_s,
            source=self.source,
        )


def range_w(facts: Mapping[str, str | float | bool], sample_s: float) -> float:
    """Return the largest power in watts that the GPU may draw.

    A GPU that does not tell has what a counter of 64 bits could count in a sample.
    """
    told = [float(facts[key]) for key in ("largest_power_limit_w", "power_limit_w") if key in facts]
    return max((watts for watts in told if watts > 0), default=float(1 << 64) * COUNTER_STEP_J / sample_s)


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
