"""Every failure that neurorig reports, as one tree.

    NeurorigError
     +-- UserError            the request cannot be right, whoever runs it
     |    +-- InvalidConfig       a bench file or a setting contradicts itself
      |    +-- InvalidProblem      a file holds no problem that can be run
     |    +-- BadExpression       a declared parameter is not an expression over n and density
     |    +-- NoValue             a declared parameter has no value for this size and density
     |    +-- TargetRefused       a proposed target cannot be one
     |         +-- MalformedSolution   its solution cannot be read
     |         +-- WrongLength         its solution has another number of variables
     |         +-- NotIndependent      its set holds an edge
     |         +-- BelowBound          its cost is proven to be impossible
     +-- JobError             the job's own content failed on a working bench
     |    +-- DoesNotFit          the problem exceeds a limit of the board
     |    +-- WrongAnswer         the answer is malformed or differs from its recomputation
     +-- MeasurementError     time and answer stand, the energy does not
     |    +-- MonitorUnavailable  no monitor answers at the configured address
     |    +-- MonitorMismatch     another instrument answers there
     |    +-- MonitorLost         the monitor stopped answering during the attempt
     |    +-- SamplesLost         dropped samples inside the acquisition
     |    +-- Overload            a sample left the range
     |    +-- MarkerMismatch      marker line and marker log disagree
     |    +-- WindowCut           a measuring window has no end
     |    +-- WindowTooShort      a counter is updated too seldom for the window
     +-- InfraError           the bench or the service failed; another try may succeed
    |     +-- DriverMissing       the driver or its library is not installed
    |     +-- DriverCrashed       the driver's process died
    |     +-- DriverTimeout       the driver outran its time limit and was killed
    |     +-- RunStopped          the owner cancelled the job during a run
    |     +-- BoardLost           the board stopped answering
    |     +-- LeaseLost           the lease ended before the attempt did
    +-- Refused              a server refuses a request: `neurorig_protocols.refusals`
    +-- ClientError          a client got no usable answer: `neurorig.errors`

`code` is stable and may be matched by programs; the message may change.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Fault = Literal["user", "job", "measurement", "infra"]


class ErrorRecord(BaseModel):
    """A failure as data: what failed, where, why, and what to do next."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    fault: Fault
    retryable: bool
    message: str
    where: str | None = None
    next_step: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class NeurorigError(Exception):
    """Base of all reported failures."""

    code: str = "neurorig_error"
    fault: ClassVar[Fault] = "infra"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str | None = None, next_step: str | None = None, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next_step = next_step
        self.detail = detail

    def record(self) -> ErrorRecord:
        """Return this failure as data."""
        return ErrorRecord(
            code=self.code,
            fault=self.fault,
            retryable=self.retryable,
            message=self.message,
            where=self.where,
            next_step=self.next_step,
            detail=self.detail,
        )


class UserError(NeurorigError):
    """The request cannot be right, whoever runs it."""

    code = "user_error"
    fault = "user"


class InvalidConfig(UserError):
    """A bench file or a setting contradicts itself."""

    code = "invalid_config"


class InvalidProblem(UserError):
    """A file holds no problem that can be run: `where` names the line, `detail["reason"]` is a stable word."""

    code = "invalid_problem"


class BadExpression(UserError):
    """A declared parameter is not an expression over n and density."""

    code = "bad_expression"


class NoValue(UserError):
    """A declared parameter has no value for this size and density."""

    code = "no_value"


class TargetRefused(UserError):
    """A proposed target cannot be one."""

    code = "target_refused"


class MalformedSolution(TargetRefused):
    """The solution of a proposed target cannot be read."""

    code = "malformed_solution"


class WrongLength(TargetRefused):
    """The solution of a proposed target has another number of variables than the problem."""

    code = "wrong_length"


class NotIndependent(TargetRefused):
    """The set of a proposed target holds an edge."""

    code = "not_independent"


class BelowBound(TargetRefused):
    """The cost of a target is proven to be impossible."""

    code = "below_proven_bound"


class JobError(NeurorigError):
    """The job's own content failed on a working bench."""

    code = "job_error"
    fault = "job"


class DoesNotFit(JobError):
    """The problem exceeds a limit of the board: `detail` has limit, needed, available."""

    code = "does_not_fit"


class WrongAnswer(JobError):
    """The answer is malformed or differs from its recomputation."""

    code = "wrong_answer"


class MeasurementError(NeurorigError):
    """Time and answer stand, the energy does not."""

    code = "measurement_error"
    fault = "measurement"


class MonitorUnavailable(MeasurementError):
    """No monitor answers at the configured address."""

    code = "monitor_unavailable"


class MonitorMismatch(MeasurementError):
    """Another instrument answers at the configured address."""

    code = "monitor_mismatch"


class MonitorLost(MeasurementError):
    """The monitor stopped answering during the attempt."""

    code = "monitor_lost"


class SamplesLost(MeasurementError):
    """Samples are missing inside the acquisition."""

    code = "samples_lost"


class Overload(MeasurementError):
    """A sample left the measuring range."""

    code = "overload"


class MarkerMismatch(MeasurementError):
    """The marker line and the marker log disagree."""

    code = "marker_mismatch"


class WindowCut(MeasurementError):
    """A measuring window has no end."""

    code = "window_cut"


class WindowTooShort(MeasurementError):
    """A window is too short for a counter that is updated seldom: `detail` has duration_s and needed_s."""

    code = "window_too_short"


class InfraError(NeurorigError):
    """The bench or the service failed; another try may succeed."""

    code = "infra_error"
    retryable = True


class DriverMissing(InfraError):
    """The driver or its library is not installed."""

    code = "driver_missing"
    retryable = False


class DriverCrashed(InfraError):
    """The driver's process died."""

    code = "driver_crashed"


class DriverTimeout(InfraError):
    """The driver outran its time limit and was killed."""

    code = "driver_timeout"


class RunStopped(InfraError):
    """The owner cancelled the job during a run; what was measured of it is no result."""

    code = "run_stopped"
    retryable = False


class BoardLost(InfraError):
    """The board stopped answering."""

    code = "board_lost"


class LeaseLost(InfraError):
    """The lease ended before the attempt did."""

    code = "lease_lost"


def _walk(cls: type[NeurorigError]) -> list[type[NeurorigError]]:
    return [cls, *(found for sub in cls.__subclasses__() for found in _walk(sub))]


def from_record(record: ErrorRecord) -> NeurorigError:
    """Rebuild the exception that a record describes; unknown codes become the class of their fault."""
    by_fault: dict[Fault, type[NeurorigError]] = {
        "user": UserError,
        "job": JobError,
        "measurement": MeasurementError,
        "infra": InfraError,
    }
    by_code = {cls.code: cls for branch in by_fault.values() for cls in _walk(branch)}
    cls = by_code.get(record.code, by_fault[record.fault])
    return cls(record.message, where=record.where, next_step=record.next_step, **record.detail)
