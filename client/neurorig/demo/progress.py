"""How far the demo's jobs are: a bar on a terminal, one line per quarter elsewhere."""

from __future__ import annotations

from collections import Counter
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neurorig.views import JobView


class Display:
    """Shows changes of `total` jobs; a context."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = console
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("measuring", total=total)
        self._total = total
        self._jobs: dict[str, JobView] = {}
        self._told = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, job: JobView) -> None:
        """Take in a change of one job."""
        self._jobs[job.id] = job
        counts = Counter(known.state for known in self._jobs.values())
        ended = sum(known.ended for known in self._jobs.values())
        what = f"measuring ({counts['running']} running, {counts['failed']} failed)"
        self._progress.update(self._task, completed=ended, description=what)
        quarter = 4 * ended // self._total
        if not self._console.is_terminal and quarter > self._told:
            self._told = quarter
            self._console.print(f"{ended} of {self._total} jobs have ended")
