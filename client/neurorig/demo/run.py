"""The demo from start to end: start, submit, wait, compare with the truth, print, write the summary, stop."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neurorig.cli import tables
from neurorig.client import Client
from neurorig.demo import lab, pictures, summary
from neurorig.demo.children import Children
from neurorig.demo.folder import Folder, prepared
from neurorig.demo.lab import demo_jobs
from neurorig.demo.results import Result, Truths, agreement, comparisons, gather, is_complete, read_truth, with_truth
from neurorig.errors import ClientError
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis


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
        counts = Counter[str](known.state for known in self._jobs.values())
        ended = sum(known.ended for known in self._jobs.values())
        what = f"measuring ({counts['running']} running, {counts['failed']} failed)"
        self._progress.update(self._task, completed=ended, description=what)
        quarter = 4 * ended // self._total
        if not self._console.is_terminal and quarter > self._told:
            self._told = quarter
            self._console.print(f"{ended} of {self._total} jobs have ended")


PATIENCE_S = 600.0
TRUTH_S = 10.0


def run(out: Path, *, keep: bool, console: Console) -> dict[str, Any]:
    """Run the demo in a folder and return its summary; ClientError when a job did not succeed."""
    with _ended_by_sigterm(), prepared(out) as folder, Children(folder.logs, [folder.lock]) as children:
        if folder.moved_to is not None:
            console.print(f"The results of the earlier run are now in {folder.moved_to}")
        console.print("Starting a server, two virtual benches and the agents …")
        address, token = lab.start_server(children, folder)
        with Client(address, token) as admin:
            lab.start_benches(children, folder, admin)
            user = admin.create_token("demo", ["submit"]).token
        with Client(address, user) as client:
            jobs = _measure(client, children, console)
            results = _compared(gather(client, jobs), children, folder)
        found = summary.build(results)
        folder.summary.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", "utf-8")
        _print(results, found, folder, console)
        _say_where_to_look(results, address, folder, keep=keep, console=console)
        if keep:
            _stay(children)
    return found


def _measure(client: Client, children: Children, console: Console) -> list[JobView]:
    ids = [client.submit(spec).id for spec in demo_jobs()]
    with Display(console, len(ids)) as display:
        # A dead agent would leave its jobs waiting for ever.
        jobs = client.wait(ids, display.show, on_round=_watch(children), poll_s=0.25)
    bad = [job for job in jobs if job.state != "succeeded"]
    if bad:
        console.print(tables.jobs(bad))
        raise ClientError(f"{len(bad)} of {len(jobs)} jobs did not succeed", next_step="see the logs of the agents")
    return jobs


def _watch(children: Children) -> Callable[[], None]:
    """Return a check that raises when a process has ended or the demo takes far too long."""
    end = time.monotonic() + PATIENCE_S

    def check() -> None:
        children.check()
        if time.monotonic() > end:
            raise ClientError(f"the jobs have not ended within {PATIENCE_S:g} s", next_step="see the logs")

    return check


def _compared(results: list[Result], children: Children, folder: Folder) -> list[Result]:
    """Join the lab's own record, once it holds every measured window."""

    def whole() -> Truths | None:
        truths = _truths(folder)
        return truths if is_complete(results, truths) else None

    return with_truth(results, children.until(whole, f"lab-{lab.VIRTUAL_BENCHES[0]}", TRUTH_S))


def _truths(folder: Folder) -> Truths:
    found: dict[str, Any] = {}
    for name in lab.VIRTUAL_BENCHES:
        path = folder.truth / f"{name}.jsonl"
        found |= read_truth(path) if path.exists() else {}
    return found


def _print(results: Sequence[Result], found: dict[str, Any], folder: Folder, console: Console) -> None:
    absent = found["totals"]["energy_absent"]
    for picture in pictures.attempts(results):
        console.print(picture)
    console.print("\nEnergy of the run phase by component (metered, virtual; ± is 2u):")
    console.print(pictures.run_energies(results))
    console.print("\nAll phases of the first problem; those of the others are in the summary:")
    console.print(pictures.components(results))
    console.print()
    console.print(pictures.digits(found["digits"]))
    console.print()
    for sentence in pictures.boundaries(results):
        console.print(sentence)
    for reason, count in Counter(absent.values()).items():
        console.print(f"Energy absent in {count} attempts: {reason}")
    for sentence in pictures.agreement(agreement(comparisons(results))):
        console.print(sentence)
    console.print(f"Summary: {folder.summary}")


def _say_where_to_look(
    results: Sequence[Result], address: str, folder: Folder, *, keep: bool, console: Console
) -> None:
    virtual = [
        r.attempt.id for r in results if r.attempt.reality == "virtual" and isinstance(r.job.spec.workload, QuboMis)
    ]
    console.print(f"A page to look at: {address}/attempts/{virtual[-1] if virtual else results[-1].attempt.id}")
    if keep:
        console.print("Server and agents go on; press Ctrl-C to end them. To use them from another terminal:")
        token = shlex.quote(str(folder.root / "tokens" / "admin"))
        console.print(f'  export NEURORIG_SERVER={address} NEURORIG_TOKEN="$(cat {token})"')
    else:
        port = address.rpartition(":")[2]
        console.print("The server has been stopped; see the page again with:")
        console.print(f"  neurorig serve --data-dir {shlex.quote(str(folder.server))} --public-read --port {port}")


def _stay(children: Children) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            children.check()
            time.sleep(0.5)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the demo as Ctrl-C does, so that its processes are ended in order."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
