"""The check of an uploaded network: that it is an HDF5 file at all.

The server has no HDF5 library and wants none; the agent reads the graph, in a process of its own.
"""

from __future__ import annotations

from neurorig_protocols.errors import UserError
from neurorig_server.checking import registry

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def check(content: bytes, options: registry.Options) -> registry.Checked:  # noqa: ARG001 - every check has these
    """Look at the signature; UserError when it is another file."""
    if not content.startswith(SIGNATURE):
        raise UserError(
            "the file is no NIR graph: it does not begin as an HDF5 file does",
            where="byte 0",
            next_step="Write the graph with `nir.write(path, graph)`.",
        )
    return registry.Checked({"format": "NIR in HDF5", "note": "the graph is read by the agent that runs it"})
