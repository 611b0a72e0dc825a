"""The check of an uploaded problem: read, made exact, and kept in the one form that agents and verification read."""

from __future__ import annotations

import hashlib

from neurorig_protocols.benchmarks.qubo_file import to_bytes
from neurorig_protocols.benchmarks.qubo_formats import Options, read
from neurorig_server.checking import registry


def check(content: bytes, options: registry.Options) -> registry.Checked:
    """Read a problem file; InvalidProblem names the line and the reason."""
    found = read(content, form=options.get("format"), options=Options.of(options))
    source = {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content), **options}
    return registry.Checked({**found.facts(), "source": source}, to_bytes(found.problem))
