"""The page on Loihi through Lava follows the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from neurorig_drivers.boards.loihi.onboard import DEFAULTS
from neurorig_drivers.boards.loihi.program import read_options
from neurorig_protocols.bench import BenchProfile

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "use-loihi-through-lava.md").read_text()


def test_the_bench_files_of_the_page_are_benches() -> None:
    """Both examples are accepted as they stand, options included."""
    profiles = [
        BenchProfile.model_validate(tomllib.loads(text)) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    ]

    assert [(profile.reality, read_options(profile.board).backend) for profile in profiles] == [
        ("virtual", "cpu"),
        ("physical", "loihi2"),
    ]


def test_the_page_names_the_solvers_parameters_and_says_what_was_never_run() -> None:
    """What a user may set is listed, and the chip's path is called untried."""
    assert all(f"`{name}`" in PAGE for name in DEFAULTS)
    assert "Not yet run on silicon" in PAGE
