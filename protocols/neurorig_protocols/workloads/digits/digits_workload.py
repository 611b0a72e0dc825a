"""Handwritten digits through a small network: verification by recounting, and what an answer shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from neurorig_protocols.number_text import count_text, measured_text, percent_text
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.workloads.contract import Checked, Fact, FactTable, Sources, Workload
from neurorig_protocols.workloads.digits import network
from neurorig_protocols.workloads.digits.digits_records import (
    ClassifierAnswer,
    ClassifierAnswerView,
    Digits,
    VerifiedClassifier,
)

MOST_ROWS = 200


class DigitsWorkload(Workload[Digits, ClassifierAnswer]):
    """A range of images of the test set."""

    name = "mnist-digits"
    kind = board_kind = "classifier"
    spec, answer, view, verified = Digits, ClassifierAnswer, ClassifierAnswerView, VerifiedClassifier
    codes: ClassVar[Mapping[str, str]] = {
        "wrong_label_count": "The number of labels differs from the number of images.",
        "expected_mismatch": "The agent expected other labels than the test set has; the test set's count.",
    }
    invalidating = frozenset({"wrong_label_count"})
    score_note = "share of images labelled right"

    def verify(self, spec: Digits, answer: ClassifierAnswer, sources: Sources) -> Checked:  # noqa: ARG002
        """See Workload: the test set's own labels count, whatever the agent believes them to be."""
        right = network.expected_labels(spec.first, spec.count)
        if not len(answer.labels) == len(answer.expected) == spec.count:
            return Checked(None, ("wrong_label_count",))
        score = network.score(answer.labels, right)
        verified = VerifiedClassifier(count=score.count, correct=score.correct, accuracy=score.accuracy)
        return Checked(verified, () if answer.expected == right else ("expected_mismatch",))

    def size(self, spec: Digits) -> str:
        """See Workload."""
        return f"{count_text(spec.count)} images from number {spec.first}"

    def task(self, spec: Digits) -> str:
        """See Workload."""
        return (
            "1 inference per image" if spec.iterations == 1 else f"{count_text(spec.iterations)} inferences per image"
        )

    def headline(self, answer: ClassifierAnswerView) -> Sequence[Fact]:
        """See Workload."""
        found: list[Fact] = []
        if (v := answer.verified) is not None:
            note = f"{v.correct} of {v.count}, recounted by the server"
            found.append(Fact("Accuracy", percent_text(v.accuracy), note))
        if known := _latencies(answer):
            mean = measured_text(sum(known) / len(known), "s")
            found.append(Fact("Latency per inference", mean, f"mean of {count_text(len(known))}"))
        return found

    def facts(self, answer: ClassifierAnswerView) -> Sequence[Fact]:
        """See Workload."""
        known = _latencies(answer)
        range_s = f"{measured_text(min(known), 's')} to {measured_text(max(known), 's')}" if known else ""
        return [
            Fact("Model", answer.model),
            Fact("Images", count_text(len(answer.labels))),
            Fact("Inferences per image", count_text(answer.iterations)),
            Fact("Digest of the inputs", answer.inputs_digest),
            Fact("Latency per inference", f"{range_s} on the clock {answer.clock}" if known else "not reported"),
        ]

    def tables(self, answer: ClassifierAnswerView) -> Sequence[FactTable]:
        """See Workload."""
        pairs = enumerate(zip(answer.expected, answer.labels, strict=False))
        wrong = [(str(i), str(expected), str(label)) for i, (expected, label) in pairs if expected != label]
        if not wrong:
            return ()
        columns = ("Image", "Expected", "Label")
        more = max(0, len(wrong) - MOST_ROWS)
        return (FactTable("Images labelled wrong", columns, wrong[:MOST_ROWS], folded=True, more=more),)

    def score(self, verified: VerifiedClassifier) -> Quantity | None:
        """See Workload."""
        return Quantity(value=verified.accuracy, unit="1", u=0, grade="derived")

    def runs(self, answer: ClassifierAnswerView) -> int | None:
        """See Workload: the inferences of an image share its window."""
        return answer.iterations


def _latencies(answer: ClassifierAnswerView) -> list[float]:
    return [s for s in answer.latency_s if s is not None]
