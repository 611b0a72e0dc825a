"""The RAPL driver turns wrapping energy counters into mean powers, and says plainly when there are none."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neurorig_drivers.conformance.monitor_checks import check_monitor
from neurorig_drivers.interface import host_ns
from neurorig_drivers.monitors.rapl import Rapl
from neurorig_protocols.bench import Channel, MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorLost, MonitorUnavailable
from neurorig_protocols.trace import AcquisitionPlan, SampleBlock, Trace, join_blocks

DEADLINE_S = 10.0


@dataclass
class Tree:
    """A powercap tree in a folder, as the kernel lays it out."""

    root: Path
    wrap_uj: int = 262_143_328_850
    names: dict[str, str] = field(
        default_factory=lambda: {
            "intel-rapl:0": "package-0",
            "intel-rapl:0:0": "core",
            "intel-rapl:0:1": "dram",
            "intel-rapl:1": "package-1",
            "intel-rapl:1:0": "core",
        }
    )

    def build(self) -> Tree:
        """Write all zones; the tree also holds what is no zone."""
        for zone, name in self.names.items():
            (self.root / zone).mkdir(parents=True)
            (self.root / zone / "name").write_text(name + "\n")
            (self.root / zone / "max_energy_range_uj").write_text(f"{self.wrap_uj}\n")
            self.set(zone, 1000)
        (self.root / "intel-rapl").mkdir()
        (self.root / "dtpm").mkdir()
        return self

    def set(self, zone: str, energy_uj: int) -> None:
        """Let a counter stand at a value; readers see the old or the new one."""
        new = self.root / zone / "energy_uj.new"
        new.write_text(f"{energy_uj % self.wrap_uj}\n")
        new.replace(self.root / zone / "energy_uj")

    def config(self, *rails: str, **options: str) -> MonitorConfig:
        """A bench file's entry with one channel per rail."""
        channels = tuple(Channel(channel=n, rail=rail) for n, rail in enumerate(rails, start=1))
        return MonitorConfig(id="cpu", driver="rapl", channels=channels, options={"root": str(self.root), **options})


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two packages with cores, one with memory."""
    return Tree(tmp_path / "powercap").build()


class Load:
    """Moves the counters in a thread, so many watts per zone, on the host's clock."""

    def __init__(self, tree: Tree, watts: dict[str, float]) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(tree, watts))

    def _run(self, tree: Tree, watts: dict[str, float]) -> None:
        begin_ns = host_ns()
        while not self._stop.wait(0.0005):
            for zone, power_w in watts.items():
                tree.set(zone, 1000 + int(power_w * (host_ns() - begin_ns) * 1e-3))

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def samples(monitor: Rapl, count: int) -> Trace:
    """Stream until there are so many samples."""
    blocks: list[SampleBlock] = []
    deadline_ns = host_ns() + int(DEADLINE_S * 1e9)
    while sum(len(block.values) for block in blocks) < count:
        assert host_ns() < deadline_ns, "no samples come"
        blocks += list(monitor.stream())
        threading.Event().wait(0.005)
    return join_blocks(monitor.head, blocks)


def test_it_keeps_the_interface(tree: Tree) -> None:
    """All checks that hold for any monitor driver pass."""
    config = tree.config("package")
    findings = check_monitor(Rapl(config), config)

    assert [f"{f.check}: {f.sentence}" for f in findings if not f.passed] == []


def test_power_is_the_slope_of_the_counters(tree: Tree) -> None:
    """Zones keep apart, the axis is the host's clock, and there is no marker line."""
    monitor = Rapl(tree.config("cpu", "memory", zones="package-0, dram"))
    before_ns = host_ns()
    with Load(tree, {"intel-rapl:0": 50.0, "intel-rapl:0:1": 5.0}):
        monitor.arm(AcquisitionPlan(rate_hz=100))
        trace = samples(monitor, 40)
        report = monitor.disarm()
    after_ns = host_ns()
    monitor.close()

    assert monitor.head.clock == "host"
    assert before_ns <= monitor.head.t0_ns <= after_ns - trace.duration_ns
    assert monitor.head.dt_ns == 10_000_000
    # A loaded machine moves the counters late; the sum over the whole stretch knows no such delay.
    assert float(trace.rail("cpu").mean()) == pytest.approx(50.0, rel=0.1)
    assert float(trace.rail("memory").mean()) == pytest.approx(5.0, rel=0.1)
    assert not trace.digital.any()
    assert not trace.flags.any()
    assert (report.samples, report.dropped, report.overloads) == (len(trace), 0, 0)
    assert report.identity == "Linux powercap package-0 (intel-rapl:0), dram (intel-rapl:0:1)"
    assert report.settings["grade"] == monitor.grade == "onboard"
    assert float(report.settings["longest_poll_s"]) > 0


def test_its_accuracy_is_called_an_assumption(tree: Tree) -> None:
    """No figure pretends to be a maker's."""
    accuracy = Rapl(tree.config("package")).channels[0].accuracy

    assert "assumed" in accuracy.source
    assert "no maker" in accuracy.source
    assert accuracy.gain_limit > 0
    assert accuracy.resolution_w > 0


def test_packages_are_the_channels_unless_zones_are_named(tree: Tree) -> None:
    """Packages in order, or what is named, by kernel name or by folder."""
    assert Rapl(tree.config("a", "b")).identity.endswith("package-0 (intel-rapl:0), package-1 (intel-rapl:1)")
    assert Rapl(tree.config("a", zones="intel-rapl:1:0")).identity.endswith("core (intel-rapl:1:0)")


@pytest.mark.parametrize(
    ("rails", "options", "message"),
    [
        ((), {}, "no channel"),
        (("a", "b", "c"), {}, "channel 3 has no zone"),
        (("a",), {"zones": "gpu"}, "'gpu' names 0 zones"),
        (("a",), {"zones": "core"}, "'core' names 2 zones"),
        (("a",), {"zones": "../../etc"}, "names 0 zones"),
        (("a",), {"rate": "1"}, "unknown option 'rate'"),
    ],
)
def test_a_wrong_bench_file_is_named(tree: Tree, rails: tuple[str, ...], options: dict[str, str], message: str) -> None:
    """Each mistake is an InvalidConfig that says where."""
    with pytest.raises(InvalidConfig, match=message) as raised:
        Rapl(tree.config(*rails, **options))

    assert raised.value.where == "monitor cpu"


def test_no_tree_is_unavailable(tmp_path: Path) -> None:
    """A machine without powercap says so."""
    with pytest.raises(MonitorUnavailable, match="no powercap tree") as raised:
        Rapl(Tree(tmp_path / "nothing").config("a"))

    assert raised.value.next_step


def test_a_tree_without_zones_is_unavailable(tmp_path: Path) -> None:
    """An empty tree says which module may be missing."""
    with pytest.raises(MonitorUnavailable, match="no RAPL zone"):
        Rapl(Tree(tmp_path).config("a"))


def test_a_counter_that_only_root_may_read_is_unavailable(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is named, with the vulnerability that it comes from."""
    energy = tree.root / "intel-rapl:0" / "energy_uj"
    energy.chmod(0o400)
    if os.geteuid() == 0:
        # Root may read anything: only then is the refusal played.
        real = Path.read_bytes

        def refuse(path: Path) -> bytes:
            if path == energy:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MonitorUnavailable, match="readable by root only since CVE-2020-8694") as raised:
        Rapl(tree.config("a"))

    assert raised.value.where == str(energy)
    assert raised.value.next_step


def test_a_counter_that_holds_no_number_is_unavailable(tree: Tree) -> None:
    """What cannot be read is said before anything is armed."""
    (tree.root / "intel-rapl:0" / "energy_uj").write_text("off\n")
    with pytest.raises(MonitorUnavailable, match="energy_uj cannot be read"):
        Rapl(tree.config("a"))


def test_counters_that_vanish_lose_the_monitor(tree: Tree) -> None:
    """The next stream or disarm says so, and closing ends the thread."""
    monitor = Rapl(tree.config("a"))
    monitor.arm(AcquisitionPlan(rate_hz=1000))
    samples(monitor, 5)
    (tree.root / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(MonitorLost, match="read no longer") as raised:
        samples(monitor, 1_000_000)
    with pytest.raises(MonitorLost):
        monitor.disarm()
    monitor.close()

    assert raised.value.next_step


def test_verbs_out_of_order_are_refused(tree: Tree) -> None:
    """Each says which state the monitor is in, and closing while armed ends the thread."""
    monitor = Rapl(tree.config("a"))
    with pytest.raises(MeasurementError, match="not armed"):
        monitor.disarm()
    monitor.arm(AcquisitionPlan(rate_hz=10))
    with pytest.raises(MeasurementError, match="armed already"):
        monitor.arm(AcquisitionPlan(rate_hz=10))
    monitor.close()
    monitor.close()
    with pytest.raises(MeasurementError, match="is closed"):
        monitor.arm(AcquisitionPlan(rate_hz=10))
