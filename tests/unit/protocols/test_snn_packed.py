"""A network in a report comes out as it went in, and no text can make its reader grow."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import WrongAnswer
from neurorig_protocols.workloads.snn import network as snn_packed
from neurorig_protocols.workloads.snn.network import (
    DECAY_ONE,
    STATE_LIMIT,
    SpikingNetwork,
    pack_network,
    unpack_network,
)


@st.composite
def networks(draw: st.DrawFn) -> SpikingNetwork:
    """Draw a small network with words from one end of their range to the other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs, n, fan = draw(st.integers(0, 3)), draw(st.integers(1, 5)), draw(st.integers(0, 4))
    synapses = (inputs + n) * fan
    return SpikingNetwork(
        inputs=inputs,
        du=rng.integers(1, DECAY_ONE + 1, n),
        dv=rng.integers(0, DECAY_ONE + 1, n),
        vth=rng.integers(0, STATE_LIMIT + 1, n),
        bias=rng.integers(-STATE_LIMIT, STATE_LIMIT + 1, n),
        population=rng.integers(0, n, n),
        outputs=rng.integers(0, n, draw(st.integers(0, 3))),
        start=np.arange(inputs + n + 1) * fan,
        target=rng.integers(0, n, synapses),
        weight=rng.integers(-256, 256, synapses),
    )


def packed(head: list[int], body: bytes = b"") -> str:
    """Return a text of these numbers and bytes."""
    return base64.b64encode(zlib.compress(np.array(head, "<i8").tobytes() + body)).decode()


@given(networks())
def test_a_network_comes_back(network: SpikingNetwork) -> None:
    """Every array is the one that was packed."""
    text = pack_network(network)
    assert text is not None

    found = unpack_network(text)

    assert found.inputs == network.inputs
    for name, values in network.to_arrays().items():
        assert getattr(found, name).tolist() == values.tolist(), name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("&", "not compressed text"),
        ("AAAA", "not compressed text"),
        (packed([]), "ends too soon"),
        (packed([1, 2, 3]), "ends too soon"),
        (packed([0, 1, 1, 0]), "other lengths"),
        (packed([-1, 1, 1, 0], bytes(100)), "other lengths"),
        (packed([2**62, 2**62, 2**62, 2**62], bytes(100)), "other lengths"),
        (packed([0, 0, 0, 0], bytes(8)), "empty"),
        (packed([0, 1, 0, 0], bytes(16 + 16)), "'du' is out of range"),
    ],
)
def test_other_texts_are_refused(text: str, why: str) -> None:
    """What is no packed network is a wrong answer with its reason."""
    with pytest.raises(WrongAnswer, match=why):
        unpack_network(text)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that would unpack beyond the limit is refused at the limit."""
    monkeypatch.setattr(snn_packed, "MAX_BYTES", 1 << 16)

    with pytest.raises(WrongAnswer, match="larger than a network may be"):
        unpack_network(packed([0, 1, 0, 0], bytes(1 << 24)))


@pytest.mark.parametrize("limit", ["MAX_TEXT", "MAX_BYTES"])
def test_a_large_network_is_not_packed(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """A network that a report has no room for gives no text."""
    monkeypatch.setattr(snn_packed, limit, 20)
    words = {name: np.ones(1, np.int64) for name in ("du", "dv", "vth", "bias")}
    none = np.zeros(0, np.int64)
    network = SpikingNetwork(
        inputs=0, **words, population=np.zeros(1, int), outputs=none, start=np.zeros(2, int), target=none, weight=none
    )

    assert pack_network(network) is None
