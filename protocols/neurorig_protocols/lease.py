"""Messages of a lease, an agent's exclusive, expiring, fenced claim on a job and a bench; the protocol's version.

Every agent request carries the header `Neurorig-Protocol`; a server that does not know the version answers
409 `protocol_mismatch` with both versions.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from neurorig_protocols import forms
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Finite, Name, Record

PROTOCOL_VERSION = 2
PROTOCOL_HEADER = "Neurorig-Protocol"
FENCE_HEADER = "Neurorig-Fence"
"""Carries the fencing token of trace uploads."""
UPLOAD_OFFSET_HEADER = "Upload-Offset"
"""First byte of a chunk; HEAD answers with the bytes already held."""


LEASE_ID = forms.LEASE_ID
"""Form of the ids that agents choose: 48 random bits in hexadecimal."""


class LeaseRequest(Record):
    """An agent asks for work for its bench and waits up to `wait_s` for it.

    With an id of its own choice it can hand the lease back even if the answer never reached it, and the same request
    again gives the same lease.
    """

    kind: Literal["lease_request"] = "lease_request"
    bench: Name
    wait_s: Finite = Field(default=20, ge=0, le=60)
    lease_id: str | None = Field(default=None, pattern=LEASE_ID, description="id that the lease shall have")


class LeaseReturn(Record):
    """An agent hands back a lease whose attempt has not begun. `fence` is None where the lease never arrived."""

    kind: Literal["lease_return"] = "lease_return"
    bench: Name
    fence: int | None = Field(default=None, ge=1)


class Lease(Record):
    """Everything an agent needs to run one attempt. `fence` rises with every lease of the same job."""

    kind: Literal["lease"] = "lease"
    lease_id: str
    fence: int = Field(ge=1)
    job_id: str
    attempt_id: str
    attempt: int = Field(ge=1)
    job: JobSpec
    ttl_s: Finite = Field(gt=0)
    expires_at: AwareDatetime


class Renewal(Record):
    """A heartbeat: the attempt goes on."""

    kind: Literal["renewal"] = "renewal"
    fence: int = Field(ge=1)
    phase: str = ""
    clock_offset_s: Finite | None = None
    health: dict[str, Any] = Field(default_factory=dict, max_length=32)


class RenewalAnswer(Record):
    """The lease's new end, and whether the owner asked to cancel."""

    kind: Literal["renewal_answer"] = "renewal_answer"
    expires_at: AwareDatetime
    cancel: bool = False


class AttemptStart(Record):
    """The attempt begins."""

    fence: int = Field(ge=1)
