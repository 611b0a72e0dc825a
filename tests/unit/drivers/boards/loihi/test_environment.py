"""The worker's environment: found, checked, built once, and what is said when it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from neurorig_drivers.boards.loihi import environment
from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import DriverMissing

PIP_IS_RECORDED = """#!/bin/sh
case "$1 $2" in
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "$@" >> "{log}";;
"-m pip") echo "$@" >> "{log}";;
esac
"""


def program(path: Path, text: str) -> Path:
    """Write an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_missing_interpreter_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment, a wrong option and a wrong variable are each DriverMissing with the way out."""
    monkeypatch.setattr(environment, "folder", lambda: tmp_path / "nothing")
    for option, environ in ((None, {}), ("/nowhere/python", {}), (None, {"NEURORIG_LAVA_PYTHON": "/nowhere/python"})):
        with pytest.raises(DriverMissing, match="interpreter is missing") as caught:
            environment.python(option, environ)
        assert "Python 3.10" in (caught.value.next_step or "")
        assert "make lava-env" in (caught.value.next_step or "")


def test_the_wrong_version_is_refused() -> None:
    """This interpreter is no Python 3.10: the board does not open and says what it is."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.raises(DriverMissing, match=rf"is Python {version}.*under Python 3.10 only") as caught:
        LoihiBoard(BoardConfig(driver="loihi", options={"lava_python": sys.executable}))

    assert "make lava-env" in (caught.value.next_step or "")


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ('echo \'{"python": "3.10.1", "numpy": "1.26.4"}\'', "lacks lava-nc"),
        ("echo nonsense", "does not run"),
        ("exit 3", "does not run"),
    ],
)
def test_an_unfit_interpreter_is_named(tmp_path: Path, script: str, what: str) -> None:
    """A Python without Lava, and something that is no Python, are told apart."""
    with pytest.raises(DriverMissing, match=what):
        environment.check(program(tmp_path / "python", f"#!/bin/sh\n{script}\n"))


def test_the_interpreter_in_use_has_what_is_pinned(interpreter: Path) -> None:
    """The built environment is Python 3.10 with the versions that the requirements name."""
    versions = environment.check(interpreter)

    assert versions["python"].startswith("3.10.")
    pinned = dict(line.split("==") for line in environment.REQUIREMENTS.read_text().splitlines() if "==" in line)
    for name in ("lava-nc", "lava-optimization", "numpy"):
        assert versions[name] == pinned[name]


def test_a_python_310_is_looked_for_where_it_may_be(tmp_path: Path) -> None:
    """The variable, the PATH and pyenv's versions are tried; a shim without a version behind it does not count."""
    good, shim = "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 127\n"
    named = program(tmp_path / "named", good)
    program(tmp_path / "shims" / "python3.10", shim)
    older = program(tmp_path / "pyenv" / "versions" / "3.10.4" / "bin" / "python3.10", good)
    program(tmp_path / "pyenv" / "versions" / "3.10.9" / "bin" / "python3.10", shim)
    on_path = program(tmp_path / "bin" / "python3.10", good)

    pyenv = {"PATH": str(tmp_path / "shims"), "PYENV_ROOT": str(tmp_path / "pyenv")}
    assert environment.find_python310({"NEURORIG_PYTHON310": str(named), **pyenv}) == named
    assert environment.find_python310({**pyenv, "PATH": str(tmp_path / "bin")}) == on_path
    assert environment.find_python310(pyenv) == older
    assert environment.find_python310({"PATH": str(tmp_path / "shims"), "HOME": str(tmp_path)}) is None
    assert environment.find_python310({"NEURORIG_PYTHON310": "/nowhere", **pyenv}) is None


def test_building_twice_installs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stamp holds what was installed; other requirements make the environment anew."""
    log, place = tmp_path / "log", tmp_path / "env" / "lava"
    interpreter = program(tmp_path / "python3.10", PIP_IS_RECORDED.format(log=log))

    assert environment.build(place, interpreter)
    assert not environment.build(place, interpreter)
    assert environment.is_built(place)
    assert [line.split()[:2] for line in log.read_text().splitlines()] == [["-m", "venv"], ["-m", "pip"]]

    other = tmp_path / "requirements.txt"
    other.write_text("lava-nc==0.10.0\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", other)
    assert not environment.is_built(place)
    assert environment.build(place, interpreter)
    assert log.read_text().count("-m venv") == 2


def test_the_command_fails_without_a_python_310_unless_it_is_optional(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make lava-env` fails and says what to install; as a step of `make test` the same is a note."""
    monkeypatch.setattr(environment, "folder", lambda: tmp_path / "nothing")
    monkeypatch.setattr(environment, "find_python310", lambda: None)

    required = CliRunner().invoke(environment.main, [])
    optional = CliRunner().invoke(environment.main, ["--optional"])

    assert (required.exit_code, optional.exit_code) == (1, 0)
    for result in (required, optional):
        assert "No Python 3.10 was found" in result.output
        assert "NEURORIG_PYTHON310" in result.output


def test_the_requirements_pin_versions_and_name_no_place() -> None:
    """Every line is a name and one version."""
    lines = [line for line in environment.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]

    assert "lava-nc==0.10.0" in lines
    assert all(line.count("==") == 1 and "/" not in line for line in lines)
