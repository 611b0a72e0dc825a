"""The store as one thing: every group of use cases on one database."""

from __future__ import annotations

from neurorig_server.settings import Settings
from neurorig_server.store.attempts import Attempts
from neurorig_server.store.benches import Benches
from neurorig_server.store.campaigns import Campaigns
from neurorig_server.store.comparisons import Comparisons
from neurorig_server.store.database import Clock, Database, utc_now
from neurorig_server.store.energy import Energies
from neurorig_server.store.evaluations import Evaluations
from neurorig_server.store.files import Files, Quota
from neurorig_server.store.jobs import Jobs
from neurorig_server.store.leases import Leases, Returns
from neurorig_server.store.reports import Reports
from neurorig_server.store.targets import Targets
from neurorig_server.store.tokens import Tokens
from neurorig_server.store.tunings import Tunings
from neurorig_server.store.uploads import Uploads


class Store:
    """Every group of use cases; `clock` is the source of all stored instants."""

    def __init__(self, settings: Settings, *, clock: Clock = utc_now) -> None:
        self.db = Database(settings.sqlalchemy_url, clock=clock)
        self.tokens = Tokens(self.db)
        self.benches = Benches(self.db, offline_s=settings.bench_offline_s)
        self.jobs = Jobs(self.db, offline_s=settings.bench_offline_s)
        self.campaigns = Campaigns(self.db)
        self.comparisons = Comparisons(self.db)
        self.leases = Leases(self.db, ttl_s=settings.lease_ttl_s, exclude_s=settings.exclude_s)
        self.returns = Returns(self.db)
        self.reports = Reports(self.db, exclude_s=settings.exclude_s)
        self.attempts = Attempts(self.db)
        self.uploads = Uploads(self.db)
        quota = Quota(owner_bytes=settings.file_quota_bytes, total_bytes=settings.file_total_bytes)
        self.files = Files(self.db, quota)
        self.energies = Energies(self.db)
        self.targets = Targets(self.db)
        self.tunings = Tunings(self.db)
        self.evaluations = Evaluations(self.db)

    def close(self) -> None:
        """Close all connections."""
        self.db.close()
