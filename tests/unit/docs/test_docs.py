"""The documents: references that follow the code, links that lead somewhere, tables that parse."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from neurorig_protocols.bench import BenchProfile

ROOT = Path(__file__).parents[3]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_generated_references_follow_the_code() -> None:
    """Commands, settings, constants and error codes in the reference are those of the code."""
    check = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file or folder that exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if not (page.parent / link).exists()]
    assert not broken


def test_the_bench_file_of_the_how_to_is_a_bench() -> None:
    """The example that a newcomer copies is accepted as it stands."""
    text = (ROOT / "docs" / "how-to" / "describe-a-bench.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)

    profile = BenchProfile.model_validate(tomllib.loads(example))

    assert profile.boundary.omitted[0].component == "regulator"


def test_decisions_are_numbered_without_gaps() -> None:
    """Decision records count up from 1 and say their status."""
    records = sorted((ROOT / "docs" / "explanations" / "decisions").glob("*.md"))
    assert [int(r.name[:4]) for r in records] == list(range(1, len(records) + 1))
    assert all("Status: " in r.read_text() for r in records)


def test_every_path_on_the_map_exists() -> None:
    """Whoever navigates by the architecture page, the README or CONTRIBUTING finds what they name."""
    roots = ("protocols", "drivers", "lab", "agents", "server", "client", "migrations", "examples", "docs", "perf")
    missing = {}
    for page in (ROOT / "docs" / "explanations" / "architecture.md", ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        paths = re.findall(rf"`((?:{'|'.join(roots)})/[\w./-]+)`", page.read_text())
        assert paths
        missing[page.name] = [path for path in paths if not (ROOT / path).exists() and "NAME" not in path]

    assert missing == {name: [] for name in missing}


def test_the_site_lists_every_page() -> None:
    """A page that is not in the site's navigation would not be found."""
    listed = set(re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))

    assert listed == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
