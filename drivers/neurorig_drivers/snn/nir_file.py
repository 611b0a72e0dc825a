"""Reads the nodes of a NIR file: looked over as HDF5 first, and the node that is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurorig_drivers.snn.operators import is_supported, unsupported
from neurorig_protocols.errors import UserError

MAX_OBJECTS = 20_000
MAX_DEPTH = 16
MAX_DATA_BYTES = 512 << 20
"""Sum over all datasets, unpacked, each value as what it takes when it is read."""
_FILTERS = (None, "gzip", "lzf")


@dataclass
class _Looked:
    objects: int = 0
    data_bytes: int = 0


def look_over(path: Path) -> None:
    """Raise UserError if the file is no HDF5 file or holds what a network has no need of."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _look(file, "", set(), _Looked())
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise UserError(f"the network is no readable HDF5 file: {error}", where="model") from error


def _look(group: Any, where: str, seen: set[int], looked: _Looked, depth: int = 0) -> None:
    import h5py

    if depth > MAX_DEPTH:
        raise _refused(where, f"groups lie more than {MAX_DEPTH} deep")
    for name in group:
        here = f"{where}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _refused(here, "it is a link to another place")
        found = group[name]
        address = h5py.h5o.get_info(found.id).addr
        if address in seen:
            raise _refused(here, "it is reached by two paths")
        seen.add(address)
        looked.objects += 1
        if looked.objects > MAX_OBJECTS:
            raise _refused(here, f"there are more than {MAX_OBJECTS} objects")
        if isinstance(found, h5py.Group):
            _look(found, here, seen, looked, depth + 1)
        else:
            _look_at_data(found, here, looked)


def _look_at_data(found: Any, here: str, looked: _Looked) -> None:
    import h5py

    if not isinstance(found, h5py.Dataset):
        raise _refused(here, "it is neither a group nor data")
    if found.external or found.is_virtual:
        raise _refused(here, "its data lie in another file")
    if found.compression not in _FILTERS or found.scaleoffset is not None:
        raise _refused(here, "its data are packed in a way that is not accepted")
    if found.dtype.kind not in "biufSO" or (found.dtype.kind == "O" and not _is_text(found)):
        raise _refused(here, f"its type {found.dtype} is neither a number nor text")
    # Numbers are read as doubles, however small they are in the file.
    looked.data_bytes += max(found.nbytes, 8 * found.size)
    if looked.data_bytes > MAX_DATA_BYTES:
        raise _refused(here, f"the data take more than {MAX_DATA_BYTES} bytes")


def _is_text(found: Any) -> bool:
    import h5py

    return h5py.check_string_dtype(found.dtype) is not None


def _refused(where: str, why: str) -> UserError:
    return UserError(f"the network file is refused at '{where}': {why}", where="model")


def check_types(path: Path) -> None:
    """Raise UserError for the first node whose type is missing, is not text, or is not supported."""
    import h5py

    with h5py.File(path, "r") as file:
        for name, node in _nodes(file.get("node"), ""):
            kind = _text(node.get("type"), name)
            if not is_supported(kind):
                raise unsupported(name, kind)


def read_nodes(path: Path) -> Any:
    """Return the graph as NIR's reader gives it; UserError names the node that it cannot read."""
    import nir

    try:
        return nir.read(path, type_check=False)
    except Exception as error:  # the reader raises whatever a malformed file leads it to
        culprit = _culprit(path)
        what = f"the node {culprit} cannot be read" if culprit else "the network is not a NIR graph"
        raise UserError(f"{what}: {type(error).__name__}: {str(error)[:300]}", where="model") from error


def _nodes(graph: Any, prefix: str) -> list[tuple[str, Any]]:
    """Return all nodes of a graph's group that are groups, by full name; those of graphs within it in their place."""
    import h5py

    inner = graph.get("nodes") if isinstance(graph, h5py.Group) else None
    if not isinstance(inner, h5py.Group):
        return []
    found: list[tuple[str, Any]] = []
    for name, node in inner.items():
        if not isinstance(node, h5py.Group):
            raise UserError(f"the node '{prefix}{name}' is data, not a group of them", where="model")
        nested = "nodes" in node
        found += _nodes(node, f"{prefix}{name}/") if nested else [(prefix + name, node)]
    return found


def _text(data: Any, name: str) -> str:
    import h5py

    if not isinstance(data, h5py.Dataset):
        raise UserError(f"the node '{name}' has no type", where="model", next_step="Write the graph with nir.write.")
    value = data[()] if data.shape == () else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise UserError(f"the type of the node '{name}' is not text", where="model")
    return value


def _culprit(path: Path) -> str | None:
    """Return the name and type of the first node that cannot be read alone."""
    import h5py
    import nir

    with h5py.File(path, "r") as file:
        for name, node in _nodes(file.get("node"), ""):
            found = nir.serialization.hdf2dict(node)
            try:
                nir.dict2NIRNode(dict(found))
            except Exception:  # noqa: BLE001 - it raises whatever the node leads it to
                return f"'{name}' ({found.get('type')})"
    return None
