"""Files that people have and nobody reads here: each is told by its first bytes, with what to do instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurorig_protocols.errors import InvalidProblem

_DIMOD = "json.dumps(bqm.to_serializable())"


@dataclass(frozen=True)
class _Stranger:
    start: re.Pattern[bytes]
    what: str
    next_step: str


def _stranger(start: bytes, what: str, next_step: str) -> _Stranger:
    return _Stranger(re.compile(start, re.IGNORECASE), what, next_step)


STRANGERS = (
    _stranger(rb"DIMOD(BQM|QM)", "dimod's binary model", f"Load it with dimod and write {_DIMOD}."),
    _stranger(rb"DIMOD", "a model of dimod that is no plain BQM", f"Convert it to a BQM and write {_DIMOD}."),
    _stranger(rb"(?s).{4}\x02type\x00.{4}BinaryQuadraticModel", "BSON", f"Load it with dimod and write {_DIMOD}."),
    _stranger(rb"\x1f\x8b", "compressed by gzip", "Uncompress it first: gunzip FILE."),
    _stranger(rb"BZh", "compressed by bzip2", "Uncompress it first: bunzip2 FILE."),
    _stranger(rb"\xfd7zXZ\x00", "compressed by xz", "Uncompress it first: unxz FILE."),
    _stranger(rb"\x28\xb5\x2f\xfd", "compressed by zstd", "Uncompress it first: unzstd FILE."),
    _stranger(rb"PK\x03\x04", "a zip archive or numpy's .npz", "Write one text file: scipy.io.mmwrite(path, Q)."),
    _stranger(rb"\x93NUMPY", "numpy's .npy", "Write text: numpy.savetxt(path, Q) or scipy.io.mmwrite(path, Q)."),
    _stranger(rb"\x89HDF", "HDF5", "Write text: scipy.io.mmwrite(path, Q)."),
    _stranger(rb"\x80[\x02-\x05]", "a Python pickle", f"Write {_DIMOD}, or scipy.io.mmwrite(path, Q)."),
    _stranger(rb"MATLAB 5", "a MATLAB file", "Write text: scipy.io.mmwrite(path, Q)."),
    _stranger(rb"\s*<(\?xml|graphml)", "XML", "Write an edge list or a matrix in one of the text formats."),
    _stranger(
        rb"(\s*\\[^\n]*\n)*\s*(min|max)(imi[sz]e|imum)?[ \t]*(\r?\n|\w*:)",
        "an LP file",
        f"Load it with dimod, dimod.lp.load(path).objective, as a BQM, and write {_DIMOD}.",
    ),
    _stranger(rb"(?s)NAME\s.*\sROWS\s", "an MPS file", "Write the QUBO in one of the text formats."),
    _stranger(rb"(Creator\b[^\n]*\n)?\s*graph\s*\[", "GML", "Write an edge list: networkx.write_weighted_edgelist."),
    _stranger(rb"\*(vertices|network)\b", "a Pajek file", "Write an edge list: networkx.write_weighted_edgelist."),
)


def refuse_strangers(data: bytes) -> None:
    """Raise InvalidProblem with the reason format for a file that begins as one of these."""
    start = data[:4096].removeprefix(b"\xef\xbb\xbf")
    for stranger in STRANGERS:
        if stranger.start.match(start):
            raise InvalidProblem(
                f"this file is {stranger.what}, which is not read here", next_step=stranger.next_step, reason="format"
            )
