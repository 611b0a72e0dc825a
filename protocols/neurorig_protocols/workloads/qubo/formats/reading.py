"""Reads a problem file in a named format or in the one that its content determines, and names files it cannot read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.contract import VariableNames
from neurorig_protocols.workloads.qubo.coefficients import build
from neurorig_protocols.workloads.qubo.formats import (
    bqm_json,
    bqpjson,
    coordinate_lists,
    graph_files,
    matrix_market,
    qplib,
)
from neurorig_protocols.workloads.qubo.formats.text_source import Format, Options, decode, fixed, lines, listed, refuse
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import MAGIC, digest_of, from_bytes

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


NATIVE = "neurorig"

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(coordinate_lists.QBSOLV, "qbsolv .qubo", coordinate_lists.read_qbsolv),
        Format(coordinate_lists.BQP, "OR-Library bqp list", coordinate_lists.read_bqp, first=1),
        Format(matrix_market.NAME, "Matrix Market", matrix_market.read, first=1),
        Format(coordinate_lists.DENSE, "rows of a dense matrix", coordinate_lists.read_dense),
        Format(qplib.NAME, "QPLIB", qplib.read, first=1),
        Format(coordinate_lists.COO, "dimod coordinate list", coordinate_lists.read_coo),
        Format(graph_files.DIMACS, "DIMACS graph, as maximum independent set", graph_files.read_dimacs, first=1),
        Format(graph_files.RUDY, "rudy graph (Gset), as maximum cut", graph_files.read_rudy, first=1),
        Format(bqm_json.NAME, "dimod BQM, JSON", bqm_json.read),
        Format(bqpjson.NAME, "bqpjson", bqpjson.read),
    )
}
"""Text formats by name; `neurorig`, the form in which problems are kept, is read too."""


@dataclass(frozen=True)
class ReadProblem:
    """A problem, the format it was read from, and what the file calls the variables: names, or the first number."""

    problem: Problem
    form: str
    names: VariableNames = 0

    @property
    def names_are_kept(self) -> bool:
        """Whether a server keeps the names: they must be short enough."""
        if isinstance(self.names, int):
            return True
        return sum(map(len, self.names)) <= NAMES_ROOM + NAMES_ROOM_EACH * self.problem.n

    def facts(self) -> dict[str, Any]:
        """Return what people want to know of it, as JSON values."""
        problem = self.problem
        named = "named" if self.names_are_kept else "named, but the names are too long to be kept"
        return {
            "n": problem.n,
            "unused": problem.unused,
            "couplings": len(problem.rows),
            "density": problem.density,
            "format": self.form,
            "scale": problem.scale,
            "offset": problem.offset,
            "rounding_bound": problem.rounding_bound,
            "largest_weight": max(int(abs(w).max(initial=0)) for w in (problem.diagonal, problem.weights)),
            "sum_of_weights": problem.magnitude,
            "problem": digest_of(problem),
            "variables": f"numbered from {self.names}" if isinstance(self.names, int) else named,
        }


NAMES_ROOM, NAMES_ROOM_EACH = 16_384, 64
"""The names of a problem are kept up to so many characters, and so many more for each variable."""


def read(data: bytes, *, form: str | None = None, options: Options | None = None, name: str = "") -> ReadProblem:
    """Read a problem; without `form` the content must say what it is.

    Raises InvalidProblem, whose reasons are listed in docs/reference/qubo-formats.md.
    """
    options = options or Options()
    if form == NATIVE or (form is None and data.startswith(MAGIC)):
        fixed(options, NATIVE)
        return ReadProblem(from_bytes(data, name=name), NATIVE)
    refuse_strangers(data)
    text = decode(data)
    chosen = form or sniff(text)
    if chosen not in FORMATS:
        refuse(None, f"there is no format '{chosen[:40]}'; there are {listed([*FORMATS, NATIVE])}", "format")
    terms = FORMATS[chosen].read(text, options)
    problem = build(terms, decimals=options.decimals, name=name)
    return ReadProblem(problem, chosen, terms.labels or FORMATS[chosen].first)


def sniff(text: str) -> str:
    """Return the name of the one format that a text can be; reason: ambiguous."""
    if text.startswith(matrix_market.BANNER):
        return matrix_market.NAME
    if text.lstrip().startswith("{"):
        return bqpjson.NAME if bqpjson.SIGN.search(text) else bqm_json.NAME
    if coordinate_lists.states_vartype(text[:4096]):
        return coordinate_lists.COO
    line, words = next(lines(text, ("c", "C", "#", "%")), (1, []))
    if words[:2] == ["p", "qubo"]:
        return coordinate_lists.QBSOLV
    if words[:1] == ["p"] and words[1:2] in (["edge"], ["col"]):
        return graph_files.DIMACS
    if not words:
        refuse(None, "there are comments only in the file", "empty")
    if qplib.is_qplib(text):
        return qplib.NAME
    candidates = _candidates(words)
    raise InvalidProblem(
        f"the content does not say which format this is; it could be {listed(candidates)}",
        where=f"line {line}",
        next_step=(
            "State the format: --format NAME on the command line, form=NAME in Python, format=NAME in a request. "
            "Of a graph, `neurorig qubo from-graph` makes a problem."
        ),
        reason="ambiguous",
    )


def _candidates(words: list[str]) -> list[str]:
    """Return the formats whose first line can have these words."""
    cells = [cell for word in words for cell in word.split(",")]
    if not all(cell[:1] in {*"+-.0123456789", ""} for cell in cells):
        return list(FORMATS)
    if len(cells) > len(words):
        return [coordinate_lists.DENSE]
    return {
        1: [coordinate_lists.BQP, coordinate_lists.DENSE],
        2: [coordinate_lists.BQP, graph_files.RUDY, coordinate_lists.DENSE],
        3: [coordinate_lists.COO, coordinate_lists.DENSE],
    }.get(len(words), [coordinate_lists.DENSE])
