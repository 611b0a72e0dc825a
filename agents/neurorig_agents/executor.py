"""One attempt from lease to report: compile, map, load, ranging pass, idle, warm-up, trials, idle.

Nothing here talks to the server. An attempt ends early between two windows; a cancel by the job's owner also ends it
inside one, where the board allows that, and then nothing is reported of it. Whatever happens a report comes out:
failed, cancelled, succeeded, or measurement_invalid when time and answer stand and the energy does not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from neurorig_agents import provenance, ranging
from neurorig_agents.attempt_control import Control, Ended
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.inputs import no_inputs
from neurorig_agents.ledger import Ledger
from neurorig_agents.ranging import Setting
from neurorig_agents.recorder import FileBlocks, MemoryBlocks, Recording
from neurorig_agents.spool import AttemptFolder
from neurorig_agents.workloads.prepared import Prepared, prepare
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.board import Batch, RunOutput
from neurorig_protocols.errors import InfraError, MarkerMismatch, MeasurementError, NeurorigError, WrongAnswer
from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.report import AttemptReport, PhaseTime
from neurorig_protocols.workloads.registry import needed_files

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_SETTLE_PERIODS = 10
"""Windows are this many samples apart at least, however short the plan's settle time."""

_SETTLE_UPDATES = 2
"""Nor does a counter's update time touch two windows, and the last window's energy is known when recording ends."""

_IDLE_UPDATES = 20
"""An idle window is so many update times of a counter long at least: its two edges cost 4 % of its energy then."""


def execute(
    lease: Lease,
    bench: LiveBench,
    folder: AttemptFolder,
    control: Control,
    on_step: Callable[[str], None] = lambda _: None,
    *,
    inputs: Callable[[JobSpec], Mapping[str, Path]] = no_inputs,
) -> AttemptReport:
    """Run one attempt and return the report that closes it.

    `on_step` is told each step as it begins; `inputs` gives the files that the job names.
    """
    attempt = _Attempt(lease, bench, folder, control, on_step, inputs=inputs)
    try:
        return attempt.run()
    except Ended as end:
        return attempt.ledger.report(end.outcome, end.record)
    except NeurorigError as error:
        if error.fault == "infra":
            # Its state is unknown: the next attempt gets a fresh process.
            bench.board.close()
        return attempt.ledger.report("failed", error.record())
    except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the job without a word
        _log.exception("attempt %s broke the agent's own code", lease.attempt_id)
        bench.board.close()
        broken = InfraError(f"the agent failed: {type(error).__name__}: {error}", where=control.phase)
        return attempt.ledger.report("failed", broken.record())
    finally:
        bench.monitors.abandon()


class _Attempt:
    """Strictly private: the steps, in the order in which `run` takes them."""

    def __init__(
        self,
        lease: Lease,
        bench: LiveBench,
        folder: AttemptFolder,
        control: Control,
        on_step: Callable[[str], None],
        *,
        inputs: Callable[[JobSpec], Mapping[str, Path]],
    ) -> None:
        self.ledger = Ledger(fence=lease.fence, provenance=provenance.collect())
        self._lease = lease
        self._plan = lease.job.plan
        self._board = bench.board
        self._monitors = bench.monitors
        self._folder = folder
        self._control = control
        self._on_step = on_step
        self._inputs = inputs
        self._settle_s = self._plan.settle_s
        self._idle_s = self._plan.idle_s
        self._run_wall_s = 0.0

    def run(self) -> AttemptReport:
        """Take every step and return the report of an attempt that came to its end."""
        files = self._fetch()
        self._step("prepare")
        work = prepare(self._lease.job, self._lease.attempt_id, files)
        self._bring(work)
        self._open_monitors()
        self._arm(self._range(work))
        outputs = self._measure(work)
        self._keep_traces(self._monitors.finish())
        self._judge(work, outputs)
        return self.ledger.report("succeeded")

    def _fetch(self) -> Mapping[str, Path]:
        if not needed_files(self._lease.job.workload):
            return {}
        self._step("fetch inputs")
        return self._inputs(self._lease.job)

    # --- the board

    def _bring(self, work: Prepared) -> None:
        self._step("start board")
        self._board.ensure_running()
        self.ledger.board = self._board.info
        compiled = self._timed("compile", lambda: self._board.compile(work.artifact))
        self.ledger.compiled = compiled
        placement = self._timed("map", lambda: self._board.map(compiled))
        self.ledger.placement = placement
        self._timed("load", lambda: self._board.load(placement))

    def _measure(self, work: Prepared) -> list[tuple[RunOutput, int]]:
        """Return the output of every trial with the number of its first window."""
        self._settle()
        self._idle(0)
        if self._plan.warmup:
            self._run(work, "warmup", 0)
        outputs = [self._run(work, "run", trial) for trial in range(self._plan.trials)]
        # From here on the result is measured: no wish to stop discards it for one short idle window.
        self._idle(1, may_end=False)
        return outputs

    def _idle(self, index: int, *, may_end: bool = True) -> None:
        self._step(f"idle {index}", may_end=may_end)
        markers = MarkerLog()
        self._board.idle(self._idle_s, index, markers)
        self._note(markers)
        self._settle()

    def _run(self, work: Prepared, phase: PhaseName, trial: int) -> tuple[RunOutput, int]:
        self._step(f"{phase} {trial}", needed_s=self._run_wall_s)
        index, markers = self.ledger.next_index(phase), MarkerLog()
        output = self._board_run(work.batch(phase, index, trial), markers)
        windows = self._note(markers)
        if (claimed := output.meta.get("windows")) != windows:
            mismatch = MarkerMismatch(f"the board speaks of {claimed} windows, {windows} were marked", where="board")
            self.ledger.withhold(mismatch)
        self._note_times(work, output, markers)
        self._settle()
        return output, index

    def _board_run(self, batch: Batch, markers: MarkerLog) -> RunOutput:
        """Run a batch; a cancel stops it, and what a stopped run has measured is dropped."""
        with self._control.stoppable(self._board.stop_run):
            return self._board.run(batch, markers)

    def _settle(self) -> None:
        self._board.limit_s = self._control.remaining_s
        self._board.idle(self._settle_s, None, MarkerLog())

    # --- the monitors

    def _open_monitors(self) -> None:
        if self._board.info.no_energy is not None:
            self.ledger.energy_absent = self._board.info.no_energy
            return
        if not self._monitors.configured:
            self.ledger.energy_absent = "no power monitor is configured on this bench"
            return
        self._step("open monitors")
        self._monitors.open()
        if absent := {name: error.message for name, error in self._monitors.absent.items()}:
            self.ledger.provenance["monitors_absent"] = absent
        if not self._monitors.ready and absent:
            self.ledger.energy_absent = "; ".join(absent.values())

    @property
    def _metered(self) -> bool:
        return self._board.info.no_energy is None and bool(self._monitors.ready)

    def _range(self, work: Prepared) -> Setting:
        """Run unmeasured, where anything can be learned from it; again where the first pass allows finer ranges."""
        setting = ranging.assumed(work, self._plan)
        known_w: dict[str, float] = {}
        for number, step in enumerate(("ranging", "ranging again"), start=1):
            if not (self._plan.ranging and self._metered):
                break
            self._step(step, needed_s=setting.run_wall_s)
            self._monitors.start(ranging.ranging_rate_hz(work.longest_s), setting.peak_w, lambda _: MemoryBlocks())
            ranges_w = self._monitors.ranges_w()
            if ranges_w == known_w:
                self._monitors.abandon()
                break
            known_w = ranges_w
            setting = self._unmeasured(work) or setting
            self.ledger.provenance["ranging"] = {**setting.provenance, "passes": number}
        return setting

    def _unmeasured(self, work: Prepared) -> Setting | None:
        begin = time.monotonic()
        output = self._board_run(work.batch(None, 0, 0), MarkerLog())
        wall_s = time.monotonic() - begin
        recordings = list(self._monitors.finish().values())
        if not recordings:
            return None
        return _understood(lambda: ranging.learned(work, self._plan, output, recordings, wall_s))

    def _arm(self, setting: Setting) -> None:
        self._run_wall_s = setting.run_wall_s
        if not self._metered:
            return
        self._step("arm")
        self._monitors.start(setting.rate_hz, setting.peak_w, lambda name: FileBlocks(self._folder.blocks_path(name)))
        self._settle_s = max([self._settle_s, *(_SETTLE_PERIODS * p for p in self._monitors.periods_s())])
        if update_s := self._monitors.update_s():
            self._settle_s = max(self._settle_s, _SETTLE_UPDATES * update_s)
            self._idle_s = max(self._idle_s, _IDLE_UPDATES * update_s)
            self.ledger.provenance["counter_updates"] = {"idle_s": self._idle_s, "settle_s": self._settle_s}

    def _keep_traces(self, recordings: dict[str, Recording]) -> None:
        self._step("keep traces", may_end=False)
        for recording in recordings.values():
            self.ledger.acquisitions.append(recording.report)
            if (defect := recording.defect()) is not None:
                self.ledger.withhold(defect)
            try:
                self.ledger.traces.append(self._folder.keep_trace(recording.trace))
            except OSError as error:
                self.ledger.withhold(MeasurementError(f"a trace could not be kept: {error.strerror}", where="spool"))

    # --- the books

    def _judge(self, work: Prepared, outputs: list[tuple[RunOutput, int]]) -> None:
        for failure in self._monitors.failures.values():
            self.ledger.withhold(failure)
        output, index = outputs[0]
        self.ledger.answer = _understood(lambda: work.answer(output, index))
        self.ledger.provenance["trials"] = [_understood(partial(work.summary, o)) for o, _ in outputs]

    def _step(self, name: str, *, may_end: bool = True, needed_s: float = 0.0) -> None:
        if may_end:
            self._control.check(needed_s)
        self._control.phase = name
        self._folder.step(name)
        self._on_step(name)
        self._board.limit_s = self._control.remaining_s

    def _timed(self, phase: PhaseName, call: Callable[[], Result]) -> Result:
        self._step(phase)
        begin = time.perf_counter()
        result = call()
        self.ledger.times.append(PhaseTime(phase=phase, index=0, duration_s=time.perf_counter() - begin))
        return result

    def _note(self, markers: MarkerLog) -> int:
        try:
            return self.ledger.note_windows(markers.records)
        except MarkerMismatch as mismatch:
            self.ledger.withhold(mismatch)
            return 0

    def _note_times(self, work: Prepared, output: RunOutput, markers: MarkerLog) -> None:
        """One duration per window: the board's own where it tells, else between the host's markers."""
        clock = str(output.meta.get("clock", "host"))
        times_s = _understood(lambda: work.window_times_s(output))
        if not times_s:
            instants = np.array([marker.t_ns for marker in markers.records], float)
            clock, times_s = "host", ((instants[1::2] - instants[0::2]) * 1e-9).tolist()
        for marker, duration_s in zip(markers.records[0::2], times_s, strict=False):
            self.ledger.times.append(
                PhaseTime(phase=marker.phase, index=marker.index, duration_s=duration_s, clock=clock)
            )


def _understood(read: Callable[[], Result]) -> Result:
    """Read what a board gave; WrongAnswer when its output lacks a key or holds something else than agreed."""
    try:
        return read()
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise WrongAnswer(
            f"the board's output is malformed: {type(error).__name__}: {error}",
            where="run",
            next_step="Run `neurorig agent check` on the bench: the driver breaks its contract.",
        ) from error
