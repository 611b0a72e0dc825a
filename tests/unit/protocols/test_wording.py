"""Sentences for values that are not accepted: the valid ones, the closest one, and no regular expression."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from neurorig_protocols import forms, wording
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Digest, Name

SCENARIO: dict[str, Any] = {"kind": "fixed-timeout", "timeout_s": 1}
WORKLOAD: dict[str, Any] = {"name": "qubo-mis", "n": 10, "density": 0.1, "seed": 0, "scenario": SCENARIO}

EXAMPLES = {
    forms.NAME: ("virtual-loihi", "Virtual Loihi"),
    forms.DIGEST: ("sha256:" + "a" * 64, "sha256:12"),
    forms.HEX_64: ("0" * 64, "0x12"),
    forms.NONCE: ("00ff", "0"),
    forms.WHO: ("me", "m\ne"),
    forms.PARAMETER: ("t_max", "1st"),
    forms.LEASE_ID: ("0123456789ab", "lease"),
    forms.ID: ("0123456789ab", "0123456789al"),
    forms.NO_ZERO: ("two\nlines", "a\0b"),
    forms.NO_CONTROL: ("one line", "two\nlines"),
    forms.OPTION: ("matrix-market", "Matrix Market"),
    forms.PRINTABLE: ("once!", "twice or more"),
    forms.TARGET_KEY: ("qubo-mis-250-1556-0", "250"),
}


@pytest.mark.parametrize("pattern", forms.WORDS)
def test_each_pattern_has_words(pattern: str) -> None:
    """A valid text matches, an invalid one does not, and the words hold none of the pattern's own signs."""
    valid, invalid = EXAMPLES[pattern]

    assert re.search(pattern, valid)
    assert not re.search(pattern, invalid)
    assert not set(forms.WORDS[pattern]) & set("^$[]\\{}")


@pytest.mark.parametrize(("kind", "text"), [(Name, "Bad Name"), (Digest, "sha256:12")])
def test_a_pattern_is_answered_in_words(kind: Any, text: str) -> None:
    """The sentence quotes the text, and the expression that it does not match is not shown."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(text)
    (line,) = wording.sentences(refused.value)

    assert line.startswith(f"'{text}' is not a ")
    assert "[a-" not in line


def test_a_long_text_is_shortened() -> None:
    """A value that is quoted does not fill the terminal."""
    assert len(wording.unknown("board", "x" * 10_000, ["a"])) < 200


@pytest.mark.parametrize(
    ("word", "near"), [("virtual-lohi", "virtual-loihi"), ("HOST-CPU", "host-cpu"), ("elephant", None)]
)
def test_the_closest_word_is_offered(word: str, near: str | None) -> None:
    """A typing error has a closest word, another word has none, and all valid ones are listed either way."""
    known = ["host-cpu", "virtual-loihi", "virtual-serial"]
    said = wording.unknown("board", word, known)

    assert wording.closest(word, known) == near
    assert ("Did you mean" in said) == (near is not None)
    assert all(name in said for name in known)


def test_a_long_list_is_cut_with_a_count() -> None:
    """A thousand valid words are not printed; how many more there are is."""
    said = wording.unknown("bench", "x", [f"bench-{k:04}" for k in range(1000)], plural="benches")

    assert "bench-0019" in said
    assert "bench-0020" not in said
    assert "980 more" in said


def problems_of(kind: Any, body: Any) -> dict[str, str]:
    """Return the sentences by field."""
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(body)
    return dict(tuple(line.split(": ", 1)) for line in wording.sentences(refused.value, kind))


def test_an_unknown_field_is_answered_with_the_valid_ones() -> None:
    """At the top, in a union and in a list: the fields are those of the record that stands there."""
    workload = {**WORKLOAD, "sede": 1, "scenario": {**SCENARIO, "timout_s": 2}}
    found = problems_of(JobSpec, {"workload": workload, "prority": 3})
    channel = {"chanel": 1, "rail": "core"}
    monitor = {"id": "pm", "driver": "scpi-analyser", "channels": [channel]}
    profile = {"name": "b", "reality": "virtual", "board": {"driver": "host-cpu"}, "monitors": [monitor]}

    assert "Did you mean 'priority'" in found["prority"]
    assert "Did you mean 'seed'" in found["workload.qubo-mis.sede"]
    assert "problem" not in found["workload.qubo-mis.sede"]
    assert "Did you mean 'timeout_s'" in found["workload.qubo-mis.scenario.fixed-timeout.timout_s"]
    assert "limit_s" not in found["workload.qubo-mis.scenario.fixed-timeout.timout_s"]
    assert "Did you mean 'channel'" in problems_of(BenchProfile, profile)["monitors.0.channels.0.chanel"]


def test_an_unknown_choice_is_answered_with_the_valid_ones() -> None:
    """Values of a closed list and names of a union's members are listed, with the closest one."""
    reality = problems_of(JobSpec, {"workload": WORKLOAD, "needs": {"reality": "virtal"}})["needs.reality"]
    workload = problems_of(JobSpec, {"workload": {**WORKLOAD, "name": "qubo-miss"}})["workload"]

    assert "Did you mean 'virtual'" in reality
    assert "physical" in reality
    assert "Did you mean 'qubo-mis'" in workload
    assert "mnist-digits" in workload


def test_other_errors_keep_their_words() -> None:
    """A number out of range and a validator of ours say what they always said."""
    found = problems_of(JobSpec, {"workload": {**WORKLOAD, "n": 0, "density": 2}})
    digits = problems_of(JobSpec, {"workload": {"name": "mnist-digits", "count": 5000, "first": 1}})

    assert set(found) == {"workload.qubo-mis.n", "workload.qubo-mis.density"}
    assert "the test set has 5000" in digits["workload.mnist-digits"]
