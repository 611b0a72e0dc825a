"""Records of the handwritten digits: what is asked for, what a board answers, what the server counts again."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from neurorig_protocols.records import Digest, Finite
from neurorig_protocols.workloads.contract import ReportedAnswer, VerifiedAnswer, WorkloadSpec


class Digits(WorkloadSpec):
    """Handwritten digits through a small network: `count` images from number `first` on."""

    name: Literal["mnist-digits"]
    count: Annotated[StrictInt, Field(ge=1, le=5000)] = 200
    first: Annotated[StrictInt, Field(ge=0, le=4999)] = 0
    iterations: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1

    @model_validator(mode="after")
    def _is_in_the_test_set(self) -> Self:
        if self.first + self.count > 5000:
            raise ValueError(f"images {self.first} to {self.first + self.count - 1}: the test set has 5000")
        return self


class ClassifierAnswer(ReportedAnswer):
    """The answer to a classifier workload, image by image."""

    kind: Literal["classifier"] = "classifier"
    model: str
    labels: tuple[int, ...]
    expected: tuple[int, ...]
    inputs_digest: Digest
    iterations: int = Field(ge=1)
    latency_s: tuple[Finite | None, ...] = ()
    clock: str = "host"


class VerifiedClassifier(VerifiedAnswer):
    """A classifier answer recounted."""

    kind: Literal["classifier"] = "classifier"
    count: int
    correct: int
    accuracy: Finite


class ClassifierAnswerView(ClassifierAnswer):
    """A reported classifier answer with its recount; None until it is done."""

    verified: VerifiedClassifier | None
