"""A bench file, and the bench in operation: profile, board driver and monitor drivers in warm child processes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from neurorig_agents.monitors import Monitors
from neurorig_agents.provenance import agent_version
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols import wording
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.errors import InvalidConfig
from neurorig_protocols.job import BenchRecord

_NEXT_STEP = "Correct the bench file and run `neurorig agent check --bench` on it."
_OUR_ERRORS = "Value error, "


def load_bench(path: Path) -> BenchProfile:
    """Read a bench profile from TOML; InvalidConfig names every problem, with `detail["problems"]` as a list."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise _invalid(path, [f"it cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _invalid(path, [f"it is not TOML: {error}"]) from error
    try:
        return BenchProfile.model_validate(table)
    except ValidationError as error:
        raise _invalid(path, _problems(error)) from error


def _problems(error: ValidationError) -> list[str]:
    found = []
    for entry in error.errors(include_url=False):
        field = _dotted(entry["loc"])
        text = wording.sentence(entry, BenchProfile)
        # The profile's own check gathers its sentences into one.
        found += [f"{field}: {part}" if field else part for part in text.split("; ")]
    return found


def _dotted(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _invalid(path: Path, problems: list[str]) -> InvalidConfig:
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidConfig(
        f"the bench file {path.name} has {count}: {'; '.join(problems)}",
        where=path.name,
        next_step=_NEXT_STEP,
        problems=problems,
    )


@dataclass(frozen=True)
class LiveBench:
    """Start drivers from the main thread: the kernel ends them with the thread that started them."""

    profile: BenchProfile
    board: HostedBoard
    monitors: Monitors

    @classmethod
    def of(cls, profile: BenchProfile) -> Self:
        """Return the bench of a profile; nothing is started yet."""
        return cls(profile, HostedBoard(profile.board), Monitors(profile.monitors))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all driver processes."""
        self.monitors.close()
        self.board.close()

    def record(self) -> BenchRecord:
        """Return what the server is told of this bench; the board must have run."""
        return BenchRecord(profile=self.profile, board=self.board.info, agent_version=agent_version())
