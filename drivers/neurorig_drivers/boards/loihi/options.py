"""`board.options` of a bench file with the board "loihi", and what they make of the worker's environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import InvalidConfig
from neurorig_protocols.records import Finite, Record

_OURS = ("SLURM", "NOSLURM", "BOARD", "PARTITION", "NXSDKHOST", "HOST_BINARY", "LOIHI_GEN")


class Options(Record):
    """Which backend runs, under which interpreter, and which board is meant where there are several."""

    backend: Literal["cpu", "loihi2"] = "cpu"
    lava_python: str | None = Field(default=None, min_length=1, description="Python 3.10 with lava-nc 0.10.0")
    extension: str | None = Field(default=None, min_length=1, description="folder of the closed Loihi 2 extension")
    start_limit_s: Finite = Field(
        default=120.0, gt=0, le=3600, description="limit for the worker or a network to start"
    )
    call_limit_s: Finite = Field(default=600.0, gt=0, le=86_400, description="limit of a call that has no other one")
    slurm_board: str | None = Field(default=None, min_length=1, description="SLURM node; pins the board")
    slurm_partition: str | None = Field(default=None, min_length=1, description="SLURM partition; pins no board")
    nxsdkhost: str | None = Field(default=None, min_length=1, description="address of an Ethernet host; pins the board")
    host_binary: str = Field(default="nxcore/bin/nx_driver_server", min_length=1)
    generation: Literal["N2A2", "N3B2", "N3B3", "N3C1", "N3D1"] = "N3B3"
    sensor_accuracy: Finite | None = Field(
        default=None, gt=0, le=1, description="relative limit of the error of the board's own power sensors"
    )

    @model_validator(mode="after")
    def _names_one_board(self) -> Self:
        named = [self.slurm_board, self.slurm_partition, self.nxsdkhost]
        count = sum(name is not None for name in named)
        if self.backend == "loihi2" and count != 1:
            raise ValueError("the backend 'loihi2' needs exactly one of slurm_board, slurm_partition and nxsdkhost")
        if self.backend == "cpu" and (count or self.extension or self.sensor_accuracy):
            raise ValueError(
                "slurm_board, slurm_partition, nxsdkhost, extension and sensor_accuracy belong to the backend 'loihi2'"
            )
        return self

    @property
    def board(self) -> str | None:
        """The pinned board, None where every run may be given another one."""
        return self.slurm_board or self.nxsdkhost

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the worker's environment variables: what Lava reads to choose a board is ours alone."""
        kept = {name: value for name, value in inherited.items() if name not in _OURS}
        if self.backend == "cpu":
            return kept
        chosen: dict[str, str] = {"LOIHI_GEN": self.generation}
        if self.nxsdkhost is not None:
            chosen |= {"NOSLURM": "1", "NXSDKHOST": self.nxsdkhost, "HOST_BINARY": self.host_binary}
        elif self.slurm_board is not None:
            chosen |= {"SLURM": "1", "BOARD": self.slurm_board}
        elif self.slurm_partition is not None:
            chosen |= {"SLURM": "1", "PARTITION": self.slurm_partition}
        return {**kept, **chosen}


def read_options(config: BoardConfig) -> Options:
    """Check the options of a bench file; InvalidConfig names what is wrong."""
    try:
        return Options.model_validate(config.options)
    except ValidationError as error:
        raise InvalidConfig(f"the options of the board are wrong: {error}", where="board.options") from error
