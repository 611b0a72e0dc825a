"""A bench file is read whole or refused with every problem named."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurorig_agents.bench_in_operation import load_bench
from neurorig_protocols.errors import InvalidConfig

GOOD = """
name = "bench-1"
reality = "physical"
[board]
driver = "host-cpu"
[[components]]
name = "cpu"
[[rails]]
name = "package"
component = "cpu"
[[monitors]]
id = "rapl"
driver = "rapl"
options = { optional = true }
channels = [{ channel = 1, rail = "package" }]
"""


def write(folder: Path, text: str) -> Path:
    """Write a bench file."""
    path = folder / "bench.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems for which a text is refused."""
    with pytest.raises(InvalidConfig) as refused:
        load_bench(write(folder, text))
    assert refused.value.message.startswith("the bench file bench.toml has ")
    found = refused.value.detail["problems"]
    assert all(problem in refused.value.message for problem in found)
    return list(found)


def test_a_good_file_is_a_profile(tmp_path: Path) -> None:
    """What the file says is what the profile holds."""
    profile = load_bench(write(tmp_path, GOOD))

    assert profile.name == "bench-1"
    assert profile.measured_rails == ("package",)
    assert profile.monitors[0].options == {"optional": True}


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is refused with the reason."""
    with pytest.raises(InvalidConfig, match="cannot be read: No such file"):
        load_bench(tmp_path / "bench.toml")


@pytest.mark.parametrize("text", ["name = ", "\udcff", "[board\n"])
def test_what_is_no_toml_is_told(tmp_path: Path, text: str) -> None:
    """Broken TOML and bytes that are no text are refused as such."""
    path = tmp_path / "bench.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidConfig, match="it is not TOML"):
        load_bench(path)


def test_an_unknown_rail_is_named(tmp_path: Path) -> None:
    """A channel on a rail that the file does not list is named with its monitor."""
    found = problems(tmp_path, GOOD.replace('rail = "package"', 'rail = "nowhere"'))

    assert found == ["channel 1 of monitor 'rapl' names the unknown rail 'nowhere'"]


def test_every_contradiction_is_named_at_once(tmp_path: Path) -> None:
    """A channel mapped twice, a rail measured twice and an unknown component come in one answer."""
    text = GOOD.replace(
        '[{ channel = 1, rail = "package" }]',
        '[{ channel = 1, rail = "package" }, { channel = 1, rail = "package" }]',
    ).replace('component = "cpu"', 'component = "gpu"')

    found = problems(tmp_path, text)

    assert "rail 'package' names the unknown component 'gpu'" in " ".join(found)
    assert "channel 'rapl:1' is mapped 2 times" in found
    assert "measured rail 'package' is mapped 2 times" in found


def test_wrong_fields_are_named_by_their_place(tmp_path: Path) -> None:
    """A misspelt key, a missing table and a wrong value are named with the path to them."""
    text = GOOD.replace("channel = 1", "chanel = 1").replace('reality = "physical"', 'reality = "real"')

    found = " | ".join(problems(tmp_path, text))

    assert "monitors[0].channels[0].channel: Field required" in found
    assert "monitors[0].channels[0].chanel: unknown field. Did you mean 'channel'?" in found
    assert "reality: 'real' is not valid" in found
    assert "physical, virtual" in found
