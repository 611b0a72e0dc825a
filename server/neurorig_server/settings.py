"""What an operator may set, each field by an environment variable NEURORIG_<FIELD> or an option of `neurorig serve`.

Not for what a job or a bench says: that is in their records.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The server's settings. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="NEURORIG_", frozen=True)

    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8321, ge=0, le=65535, description="port the server listens on; 0 takes a free one")
    data_dir: Path = Field(default=Path("var"), description="folder of the SQLite file, staged uploads and traces")
    database_url: str | None = Field(
        default=None,
        description="database URL, sqlite:///FILE or postgresql://…; without it DATA_DIR/neurorig.db",
    )
    trace_store: str | None = Field(
        default=None,
        description="object store of the traces, such as s3://bucket/prefix; without it DATA_DIR/traces",
    )
    public_read: bool = Field(default=False, description="let anyone read without a token")
    lease_ttl_s: float = Field(default=15, gt=0, le=3600, description="life of a lease between two renewals")
    sweep_s: float = Field(default=1, gt=0, le=60, description="time between two searches for expired leases")
    poll_s: float = Field(
        default=5, gt=0, le=60, description="longest sleep of a waiting lease request before it looks again"
    )
    bench_offline_s: float = Field(
        default=30, gt=0, description="silence after which a bench counts as offline; above POLL_S"
    )
    exclude_s: float = Field(
        default=300, ge=0, description="how long a bench that failed a job is passed over while another bench fits"
    )
    max_json_bytes: int = Field(default=1 << 20, gt=0, description="largest JSON body of a request")
    max_report_bytes: int = Field(default=8 << 20, gt=0, description="largest attempt report")
    max_chunk_bytes: int = Field(default=8 << 20, gt=0, description="largest chunk of a trace upload")
    max_trace_bytes: int = Field(default=4 << 30, gt=0, description="largest trace")
    max_file_bytes: int = Field(default=64 << 20, gt=0, description="largest uploaded file, such as a problem")
    file_check_s: float = Field(default=120, gt=0, description="longest time the check of an uploaded file may take")
    file_check_bytes: int = Field(
        default=4 << 30, ge=256 << 20, description="most memory the check of an uploaded file may take"
    )
    file_quota_bytes: int = Field(default=4 << 30, gt=0, description="room for the uploaded files of one token")
    file_total_bytes: int = Field(default=64 << 30, gt=0, description="room for all uploaded files together")
    stall_s: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="time within which a request's head, and STALL_BYTES of its body, must arrive",
    )
    stall_bytes: int = Field(
        default=16 << 10, ge=1, le=1 << 20, description="least progress of a request's body within STALL_S"
    )
    file_checks: int = Field(default=2, ge=1, le=64, description="uploaded files that are checked at the same time")
    staging_days: float = Field(default=7, gt=0, description="days after which an unfinished upload is deleted")
    analysis_workers: int = Field(default=1, ge=1, le=32, description="processes that recompute attempts")
    analysis_wait_s: float = Field(
        default=20, ge=0, description="longest time a report's answer waits for the recomputation"
    )

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL in SQLAlchemy's form, with psycopg 3 for PostgreSQL."""
        url = self.database_url or f"sqlite:///{self.data_dir / 'neurorig.db'}"
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url
