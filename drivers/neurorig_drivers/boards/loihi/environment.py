"""The Lava worker's own Python 3.10 environment: where it is looked for, and how it is built.

    python -m neurorig_drivers.boards.loihi.environment [--optional]

builds it where a Python 3.10 is found, and does nothing when it is there already. With `--optional` a missing Python
3.10 is said and is no failure. Not for starting the worker: that is `lava_child`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from neurorig_protocols.errors import DriverMissing

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PLACE = Path("var", "env", "lava")
"""Below the checkout, or below the working directory of an installed neurorig."""
PYTHON_VERSION = "3.10"
INSTALL_HINT = (
    "Install Python 3.10 (as `python3.10` on the PATH, with pyenv, or named by NEURORIG_PYTHON310) and run "
    "`make lava-env`, or `python -m neurorig_drivers.boards.loihi.environment`; or name the Python of another "
    "environment with lava-nc 0.10.0 by the board's option 'lava_python' or by NEURORIG_LAVA_PYTHON."
)

NEEDED = ("lava-nc", "numpy")
_TELL = """
import json, platform, sys
found = {"python": platform.python_version()}
if sys.version_info >= (3, 8):
    from importlib import metadata
    for name in ("lava-nc", "lava-optimization", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
print(json.dumps(found))
"""
_ASK = f"import sys; sys.exit(sys.version_info[:2] != ({PYTHON_VERSION.replace('.', ', ')}))"
_ASK_LIMIT_S = 20.0
_STAMP = "neurorig-stamp"


def folder() -> Path:
    """Return where the environment is, or would be built."""
    checkout = Path(__file__).parents[4]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / PLACE


def python(option: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the worker's interpreter: the option's, NEURORIG_LAVA_PYTHON's, or that of the environment built here.

    Raises DriverMissing, with what to install, when there is none.
    """
    chosen = option or environ.get("NEURORIG_LAVA_PYTHON")
    found = Path(chosen) if chosen else folder() / "bin" / "python"
    if not found.is_file():
        raise DriverMissing(
            f"the Lava worker's interpreter is missing: there is no {'file' if chosen else 'environment'} "
            f"{chosen or PLACE}",
            where="board.options.lava_python" if option else "loihi",
            next_step=INSTALL_HINT,
        )
    return found


def check(interpreter: Path) -> dict[str, str]:
    """Return the versions {python, lava-nc, numpy, ...} of a worker's interpreter.

    Raises DriverMissing, with what to install, when it is no Python 3.10, has no Lava, or does not start at all.
    """
    try:
        asked = subprocess.run(
            [interpreter, "-I", "-c", _TELL], capture_output=True, timeout=_ASK_LIMIT_S, check=True, text=True
        )
        versions: dict[str, str] = json.loads(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise _unfit(interpreter, f"does not run: {error}") from error
    if not versions["python"].startswith(f"{PYTHON_VERSION}."):
        raise _unfit(interpreter, f"is Python {versions['python']}; Lava runs under Python {PYTHON_VERSION} only")
    if missing := [name for name in NEEDED if name not in versions]:
        raise _unfit(interpreter, f"lacks {' and '.join(missing)}")
    return versions


def _unfit(interpreter: Path, how: str) -> DriverMissing:
    return DriverMissing(f"the Lava worker's interpreter {interpreter} {how}", where="loihi", next_step=INSTALL_HINT)


def find_python310(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return a Python 3.10 that runs, or None; a pyenv shim without a version behind it does not count."""
    return next((path for path in _candidates(environ) if _is_310(path)), None)


def build(place: Path, interpreter: Path) -> bool:
    """Build the environment unless the same requirements are there already; return whether anything was done.

    One builder at a time: others wait for it. CalledProcessError when the packages cannot be installed.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{place}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_built(place):
            return False
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([interpreter, "-m", "venv", place], check=True)
        pip: list[str | Path] = [
            place / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
        (place / _STAMP).write_text(_digest())
    return True


def is_built(place: Path) -> bool:
    """Return whether the environment is there and holds the present requirements."""
    stamp = place / _STAMP
    return stamp.is_file() and stamp.read_text() == _digest() and (place / "bin" / "python").exists()


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if named := environ.get("NEURORIG_PYTHON310"):
        yield Path(named)
        return
    if on_path := shutil.which(f"python{PYTHON_VERSION}", path=environ.get("PATH")):
        yield Path(on_path)
    home = environ.get("HOME")
    roots = [environ.get("PYENV_ROOT"), str(Path(home, ".pyenv")) if home else None]
    for root in filter(None, roots):
        yield from sorted(Path(root, "versions").glob(f"{PYTHON_VERSION}.*/bin/python{PYTHON_VERSION}"), reverse=True)


def _is_310(path: Path) -> bool:
    try:
        asked = subprocess.run([path, "-c", _ASK], capture_output=True, timeout=_ASK_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


@click.command()
@click.option("--optional", is_flag=True, help="A missing Python 3.10 is said and is no failure.")
def main(optional: bool) -> None:
    """Build the Lava worker's environment."""
    place = folder()
    if is_built(place):
        return
    interpreter = find_python310()
    if interpreter is None:
        click.echo(
            f"No Python {PYTHON_VERSION} was found, so the Lava environment is not built. {INSTALL_HINT}", err=True
        )
        sys.exit(0 if optional else 1)
    click.echo(f"Building the Lava environment in {place} with {interpreter} ...", err=True)
    build(place, interpreter)


if __name__ == "__main__":
    main()
