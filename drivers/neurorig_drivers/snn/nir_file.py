"""Reads the nodes of a NIR file, and says which node is wrong: NIR's own reader does not. Looked over beforehand.

Only for the child process of `lowering_process.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurorig_drivers.snn.operators import is_supported, unsupported
from neurorig_protocols.errors import UserError


def check_types(path: Path) -> None:
    """Raise UserError for the first node whose type is missing, is no text, or is not supported."""
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
        what = f"the node {culprit} cannot be read" if culprit else "the network is no NIR graph"
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
        raise UserError(f"the type of the node '{name}' is no text", where="model")
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
