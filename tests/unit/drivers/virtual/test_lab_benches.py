"""The bench of a simulated chip says what it leaves out."""

from __future__ import annotations

from neurorig_lab.benches import sanafe_bench

METER = {"resources": {"hislip": "TCPIP::127.0.0.1::hislip0,1::INSTR", "socket": "TCPIP::127.0.0.1::2::SOCKET"}}


def test_parts_without_energies_are_omitted_and_not_zero() -> None:
    """Channels keep their numbers, silent parts have none, and each omission has its reason."""
    facts = {"name": "loihi_chip", "modelled": ["synapse", "soma", "network"]}

    bench = sanafe_bench("s", METER, "127.0.0.1:3", facts)

    assert bench.reality == "virtual"
    assert [(c.channel, c.rail) for c in bench.monitors[0].channels] == [
        (1, "synapse"),
        (3, "soma"),
        (4, "network"),
        (5, "supply"),
    ]
    assert bench.boundary.components == ("synapse", "soma", "network")
    assert {o.component: o.reason for o in bench.boundary.omitted} == {
        "dendrite": "the architecture file gives no energy for it",
        "static": "the architecture file gives no static power",
    }
