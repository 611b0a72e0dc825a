"""A filled store for the page tests, and a real server on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
from server_kit import launch
from web_records import (
    EVIL,
    PROVENANCE,
    TIMES,
    Acquired,
    acquired,
    classified,
    digits_spec,
    host_bench,
    loihi_bench,
    measured_report,
    qubo_spec,
    serial_bench,
    solved,
)

from neurorig_protocols import trace as traces
from neurorig_protocols.errors import DoesNotFit, MonitorLost
from neurorig_protocols.job import BenchRecord, JobSpec
from neurorig_protocols.lease import Lease, Renewal
from neurorig_protocols.report import AttemptReport, TraceRef
from neurorig_protocols.workloads.digits.digits_records import Digits
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis
from neurorig_server.objects.traces import TraceStore
from neurorig_server.recompute.attempt import recompute
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal
from neurorig_server.uploads.trace_uploads import TraceUploads

QUIET = {"lease_ttl_s": 3600, "bench_offline_s": 3600}
"""Nobody renews these leases or asks for work: both must outlive the tests."""

ADMIN = Principal(id="seed", name="seed", scopes=frozenset({"read", "submit", "operate", "agent", "admin"}))


class Lab:
    """A store on SQLite with a trace folder, and agents that need no bench."""

    ids: Ids

    def __init__(self, folder: Path) -> None:
        self.settings = Settings.model_validate({"data_dir": folder, **QUIET})
        self.store = Store(self.settings)
        schema_revision.upgrade(self.store.db)
        self.traces = TraceStore.of(self.settings)
        self._uploads = TraceUploads(self.settings, self.store.uploads, self.traces)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def register(self, record: BenchRecord) -> None:
        """Register a bench."""
        self.store.benches.register(record, ADMIN)

    def submit(self, spec: JobSpec, *, wait_for_bench: bool = True) -> str:
        """Queue a job and return its id."""
        return self.store.jobs.submit(spec, ADMIN, wait_for_bench=wait_for_bench).id

    def begin(self, spec: JobSpec, bench: str) -> Lease:
        """Submit a job, lease it and begin; the job must be the next one for this bench."""
        job_id = self.submit(spec)
        lease = self.store.leases.claim(bench, ADMIN)
        assert lease is not None
        assert lease.job_id == job_id
        self.store.leases.start(lease.lease_id, lease.fence, ADMIN)
        return lease

    def upload(self, lease: Lease, found: Acquired) -> TraceRef:
        """Upload a trace for a lease."""
        data = traces.to_parquet(found.trace)
        digest = traces.digest_of(data)
        bare = digest.removeprefix("sha256:")
        self._uploads.append(lease.attempt_id, bare, ADMIN, fence=lease.fence, offset=0, size=len(data), chunk=data)
        return TraceRef(monitor="analyser", digest=digest, size=len(data), samples=len(found.trace))

    def report(self, lease: Lease, report: AttemptReport) -> str:
        """Hand in a report, recompute it and return the attempt's id."""
        if self.store.reports.accept(lease.attempt_id, report, ADMIN):
            job = self.store.reports.begin_analysis(lease.attempt_id, hold_s=60)
            assert job is not None
            self.store.reports.finish(lease.attempt_id, recompute(job, self.traces.location))
        return lease.attempt_id

    def qubo_attempt(self, spec: JobSpec | None = None, bench: str = "virtual-loihi-0") -> str:
        """Run a QUBO job on the VIRTUAL bench and return the attempt's id."""
        lease = self.begin(spec or qubo_spec(), bench)
        found = acquired()
        workload = lease.job.workload
        assert isinstance(workload, QuboMis)
        return self.report(
            lease, measured_report(lease, solved(workload), found, self.upload(lease, found), loihi_bench().board)
        )

    def digits_attempt(self, bench: str = "virtual-serial-0") -> str:
        """Run the digits on the VIRTUAL microcontroller and return the attempt's id."""
        lease = self.begin(digits_spec(), bench)
        workload = lease.job.workload
        assert isinstance(workload, Digits)
        found = acquired(trials=workload.count, run_s=0.0006, settle_s=0.0004, rails=("mcu",))
        answer = classified(workload)
        return self.report(
            lease, measured_report(lease, answer, found, self.upload(lease, found), serial_bench().board)
        )

    def unmetered_attempt(self, bench: str = "host-0") -> str:
        """Run a QUBO job on this computer, whose energy nobody measures."""
        lease = self.begin(qubo_spec(needs={"board": "host-cpu"}), bench)
        workload = lease.job.workload
        assert isinstance(workload, QuboMis)
        report = AttemptReport(
            fence=lease.fence,
            outcome="succeeded",
            times=TIMES,
            answer=solved(workload, seed=3).model_copy(update={"clock": "host"}),
            energy_absent="RAPL cannot be read: the energy counters need root rights",
            provenance=PROVENANCE,
        )
        return self.report(lease, report)

    def lost_meter_attempt(self, bench: str = "virtual-loihi-0") -> str:
        """Run a QUBO job whose meter died: time and answer stand, energy is withheld."""
        lease = self.begin(qubo_spec(), bench)
        workload = lease.job.workload
        assert isinstance(workload, QuboMis)
        error = MonitorLost(
            "the analyser stopped answering after 0.12 s of acquisition",
            where="monitor analyser at TCPIP::127.0.0.1::hislip0,46325::INSTR",
            next_step="Check the instrument's power and network, then submit the job again.",
            last_sample=6000,
        )
        report = AttemptReport(
            fence=lease.fence,
            outcome="measurement_invalid",
            error=error.record(),
            board=loihi_bench().board,
            times=TIMES,
            answer=solved(workload),
            energy_absent=error.message,
            provenance=PROVENANCE,
        )
        return self.report(lease, report)

    def failed_attempt(self, bench: str = "virtual-loihi-0") -> str:
        """Run a job that does not fit the board."""
        big = {"name": "qubo-mis", "n": 5000, "density": 0.25, "seed": 1}
        scenario = {"kind": "fixed-timeout", "timeout_s": 0.1}
        return self.fail(self.begin(qubo_spec(workload=big | {"scenario": scenario}), bench))

    def fail(self, lease: Lease) -> str:
        """Report that a lease's job does not fit the board."""
        error = DoesNotFit(
            "the problem needs 3 125 000 synapses, the chip has 1 048 576",
            where="board virtual-loihi, map",
            next_step="Ask for fewer vertices or a lower density.",
            limit="synapses",
            needed=3125000,
            available=1048576,
        )
        report = AttemptReport(fence=lease.fence, outcome="failed", error=error.record(), times=TIMES[:2])
        return self.report(lease, report)


@dataclass(frozen=True)
class Ids:
    """Ids of attempts and jobs of every kind."""

    qubo: str
    digits: str
    unmetered: str
    lost_meter: str
    failed: str
    running: str
    running_lease: Lease
    running_job: str
    evil_job: str
    waiting_job: str
    cancelled: int

    def path(self, page: str) -> str:
        """Return the address of a page by its name here; an address stands for itself."""
        if page.startswith("/"):
            return page
        return f"/{'jobs' if page.endswith('_job') else 'attempts'}/{getattr(self, page)}"


def fill(lab: Lab, cancelled: int = 35) -> Ids:
    """Fill a store with an attempt of every kind, a running one, two jobs that wait and some that were cancelled."""
    for record in (loihi_bench(), host_bench(), serial_bench(), loihi_bench("evil-bench", description=EVIL)):
        lab.register(record)
    for _ in range(cancelled):
        lab.store.jobs.cancel(lab.submit(qubo_spec()), ADMIN)
    done = {
        "qubo": lab.qubo_attempt(),
        "digits": lab.digits_attempt(),
        "unmetered": lab.unmetered_attempt(),
        "lost_meter": lab.lost_meter_attempt(),
        "failed": lab.failed_attempt(),
    }
    lease = lab.begin(qubo_spec(), "virtual-loihi-0")
    lab.store.leases.renew(lease.lease_id, Renewal(fence=lease.fence, phase="run"), ADMIN)
    return Ids(
        **done,
        running=lease.attempt_id,
        running_lease=lease,
        running_job=lease.job_id,
        evil_job=lab.submit(qubo_spec(comment=EVIL, tags=[EVIL[:64]], needs={"board": "loihi-3"})),
        waiting_job=lab.submit(qubo_spec(needs={"bench": "virtual-loihi-0"})),
        cancelled=cancelled,
    )


@contextmanager
def filled(folder: Path) -> Iterator[Lab]:
    """Make a filled store in an empty folder."""
    lab = Lab(folder)
    lab.ids = fill(lab)
    yield lab
    lab.close()


def text_of(response: httpx.Response) -> str:
    """The page as a reader sees it, in one line."""
    without_scripts = re.sub(r"<script.*?</script>", "", response.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_scripts)).split())


@contextmanager
def running(folder: Path) -> Iterator[tuple[Lab, Lease]]:
    """Make a store whose only job runs."""
    lab = Lab(folder)
    lab.register(loihi_bench())
    yield lab, lab.begin(qubo_spec(), "virtual-loihi-0")
    lab.close()


@dataclass(frozen=True)
class Site:
    """A server on a lab's store: its address and a token that may read."""

    url: str
    token: str
    lab: Lab


@contextmanager
def served(lab: Lab, *args: str) -> Iterator[Site]:
    """Serve a lab's store by a process of its own."""
    environment = {f"NEURORIG_{name.upper()}": str(value) for name, value in QUIET.items()}
    token = lab.store.tokens.create("reader", ["read"]).token
    server = launch(lab.settings.data_dir, *args, **environment)
    try:
        yield Site(server.url, token, lab)
    finally:
        assert server.stop() == 0
