"""Problem files in the common text formats, read as exact problems. Bytes in, problem out; no I/O.

One module per format. Every refusal is an InvalidProblem that names the line and has a stable word as its reason.
"""

from __future__ import annotations

from neurorig_protocols.workloads.qubo.formats.reading import FORMATS, ReadProblem, read
from neurorig_protocols.workloads.qubo.formats.text_source import Options

__all__ = ["FORMATS", "Options", "ReadProblem", "read"]
