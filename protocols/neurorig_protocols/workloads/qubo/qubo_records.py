"""Records of QUBO workloads: what is asked for, what a board answers, what the server makes of it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, StrictInt

from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.records import Digest, Finite, Record, Seed
from neurorig_protocols.workloads.contract import ReportedAnswer, VerifiedAnswer, WorkloadSpec

Reference = Literal["official", "best-verified", "given"]
"""Where a target comes from: the benchmark, the store of verified solutions, or the job itself (`target_cost`)."""


class FixedTimeout(Record):
    """Run for a fixed time, report the gap reached."""

    kind: Literal["fixed-timeout"]
    timeout_s: Finite = Field(gt=0, le=1000)


class TimeToSolution(Record):
    """Run until a gap is reached, report latency and energy to each gap."""

    kind: Literal["time-to-solution"]
    gaps: tuple[Finite, ...] = Field(default=(0.1, 0.05, 0.01), min_length=1, max_length=10)
    limit_s: Finite = Field(gt=0, le=1000, description="a run that has not reached the last gap by then is censored")
    reference: Reference = Field(default="official", description="which target the gaps are measured from")
    target_cost: StrictInt | None = Field(
        default=None, description="that target's cost; the server writes it in when the job is accepted"
    )


Scenario = Annotated[FixedTimeout | TimeToSolution, Field(discriminator="kind")]


class QuboMis(WorkloadSpec):
    """A maximum-independent-set QUBO of NeuroBench: n variables, edge density, graph seed."""

    name: Literal["qubo-mis"]
    n: Annotated[StrictInt, Field(ge=1, le=100_000)]
    density: Finite = Field(ge=0, le=1)
    seed: Seed
    scenario: Scenario


class Qubo(WorkloadSpec):
    """Any QUBO, uploaded beforehand: minimise xᵀQx over binary x."""

    name: Literal["qubo"]
    problem: Digest = Field(description="the uploaded problem file")
    scenario: Scenario


class Reached(Record):
    """A gap of the time-to-solution scenario; latency None means not reached, which is a result."""

    gap: Finite
    target_cost: Finite
    latency_s: Finite | None = None
    window: int = Field(default=0, ge=0, description="index of the run window in which it was reached")
    solution: str | None = Field(default=None, description="packed bits, base64")


class Improvement(Record):
    """The solver's own best cost from this instant on."""

    t_s: Finite = Field(ge=0, description="seconds since the start event")
    cost: int


class QuboAnswer(ReportedAnswer):
    """The answer to a QUBO workload."""

    kind: Literal["qubo"] = "qubo"
    solver: str
    n: int = Field(ge=1)
    solution: str = Field(description="packed bits x0…xn-1, first bit highest, base64")
    solver_cost: int
    cost_error_bound: int = Field(
        default=0, ge=0, description="how far solver_cost may be off, because the board rounds weights"
    )
    requested_s: Finite
    setup_s: Finite | None = None
    solve_s: Finite
    stopped_by: Literal["target", "timeout"]
    clock: str = "host"
    start_event: str = "problem loaded"
    reached: tuple[Reached, ...] = ()
    improvements: tuple[Improvement, ...] = Field(default=(), max_length=100_000)
    onboard: OnboardPower | Absent | None = Field(
        default=None, description="what the board's own power sensors said; None where it has none"
    )


class ReachedGap(Record):
    """A gap of the time-to-solution scenario after recomputation, measured from the target that `reference` names."""

    gap: Finite
    reference: Reference = "official"
    target_cost: Finite
    cost: int | None
    latency_s: Finite | None
    energy: Quantity | Absent
    believed_s: Finite | None = Field(
        default=None,
        description="when a board that rounds weights believed to have reached it; the exact cost did not",
    )


NOT_COMPARED = Absent(reason_code="not_compared", reason="verified before best verified targets were kept")


class VerifiedQubo(VerifiedAnswer):
    """A QUBO answer recomputed: `cost` is xᵀQx of the reported bits."""

    kind: Literal["qubo"] = "qubo"
    cost: int
    solver_cost: int
    independent_set: bool | None = Field(description="None for an uploaded problem, which knows no sets")
    official_target: int | None
    target_source: str | None
    gap: Finite | Absent
    best_target: int | None = Field(default=None, description="best verified cost when the answer was verified")
    best_source: str | None = Field(default=None, description="who held it, on what, since when")
    best_gap: Finite | Absent = NOT_COMPARED
    reached: tuple[ReachedGap, ...] = ()
    value: Finite | None = Field(default=None, description="scale · cost + offset, in the unit of the uploaded file")
    scale: str | None = None
    offset: str | None = None
    rounding_bound: Finite | None = Field(default=None, description="how far `value` may be off by rounding")


class QuboAnswerView(QuboAnswer):
    """A reported QUBO answer with its recomputation; None until it is done, or when the answer is malformed."""

    verified: VerifiedQubo | None


def pack_bits(bits: npt.NDArray[np.uint8]) -> str:
    """Encode x0…xn-1 as base64 of packed bits, first bit highest."""
    return base64.b64encode(np.packbits(bits).tobytes()).decode("ascii")


def unpack_bits(text: str, n: int) -> npt.NDArray[np.uint8]:
    """Decode `pack_bits`; ValueError on other text, another length or set padding bits."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a solution must be base64: {error}") from error
    if len(raw) != (n + 7) // 8:
        raise ValueError(f"a solution of {n} bits packs into {(n + 7) // 8} bytes, these are {len(raw)}")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))
    if bits[n:].any():
        raise ValueError("padding bits after the solution are set")
    return bits[:n]
