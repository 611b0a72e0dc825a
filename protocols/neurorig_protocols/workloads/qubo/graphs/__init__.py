"""Graphs in the common text formats. Bytes in, `Graph` out; no I/O. What to ask of a graph: `graph_problems`.

One module per format. Every refusal is an InvalidProblem that names the line and has a stable word as its reason.
"""

from __future__ import annotations

from neurorig_protocols.workloads.qubo.graphs.reading import GRAPH_FORMATS, read_graph

__all__ = ["GRAPH_FORMATS", "read_graph"]
