"""What an HDF5 file could do to its reader is found before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from nir_kit import dense_graph

from neurorig_drivers.snn import nir_file
from neurorig_drivers.snn.nir_file import look_over
from neurorig_protocols.errors import UserError


def test_a_nir_file_passes(tmp_path: Path) -> None:
    """What nir.write writes is accepted."""
    nir.write(tmp_path / "g.nir", dense_graph())

    look_over(tmp_path / "g.nir")


def _external_link(file: Any, _: Path) -> None:
    file["weight"] = h5py.ExternalLink("/etc/hostname", "/")


def _soft_link(file: Any, _: Path) -> None:
    file["loop"] = h5py.SoftLink("/")


def _hard_loop(file: Any, _: Path) -> None:
    group = file.create_group("a")
    group["a"] = group


def _external_data(file: Any, folder: Path) -> None:
    (folder / "secret").write_bytes(b"x" * 8)
    file.create_dataset("weight", (8,), "u1", external=[(str(folder / "secret"), 0, 8)])


def _virtual_data(file: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "d", (4,))
    file.create_virtual_dataset("weight", layout)


def _bomb(file: Any, _: Path) -> None:
    file.create_dataset("weight", (1 << 17, 1 << 17), "f8", chunks=(1024, 1024), compression="gzip")


def _references(file: Any, _: Path) -> None:
    file.create_dataset("weight", (1,), h5py.ref_dtype)


def _named_type(file: Any, _: Path) -> None:
    file["weight"] = np.dtype("f8")


def _deep(file: Any, _: Path) -> None:
    for _depth in range(nir_file.MAX_DEPTH + 2):
        file = file.create_group("a")


HOSTILE: list[tuple[Callable[[Any, Path], None], str]] = [
    (_external_link, "link to another place"),
    (_soft_link, "link to another place"),
    (_hard_loop, "reached by two paths"),
    (_external_data, "its data lie in another file"),
    (_virtual_data, "its data lie in another file"),
    (_bomb, "the data take more than"),
    (_references, "neither a number nor text"),
    (_named_type, "neither a group nor data"),
    (_deep, "more than 16 deep"),
]


@pytest.mark.parametrize(("make", "what"), HOSTILE, ids=[make.__name__ for make, _ in HOSTILE])
def test_what_leads_elsewhere_is_refused(tmp_path: Path, make: Callable[[Any, Path], None], what: str) -> None:
    """Links, data in other files, loops, depth and size are refused with the place."""
    path = tmp_path / "bad.nir"
    with h5py.File(path, "w") as file:
        make(file, tmp_path)

    with pytest.raises(UserError) as caught:
        look_over(path)

    assert what in caught.value.message


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no HDF5 file is a UserError."""
    (tmp_path / "bad.nir").write_bytes(content)

    with pytest.raises(UserError, match="no readable HDF5 file"):
        look_over(tmp_path / "bad.nir")


def test_objects_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with too many objects is refused."""
    monkeypatch.setattr(nir_file, "MAX_OBJECTS", 5)
    nir.write(tmp_path / "g.nir", dense_graph())

    with pytest.raises(UserError, match="more than 5 objects"):
        look_over(tmp_path / "g.nir")
