"""The protocol version that agent and server agree on.

Every agent request carries the header `Neurorig-Protocol`; a server that does not know the version answers
409 `protocol_mismatch` with both versions.
"""

from __future__ import annotations

PROTOCOL_VERSION = 2
PROTOCOL_HEADER = "Neurorig-Protocol"
FENCE_HEADER = "Neurorig-Fence"
"""Carries the fencing token of trace uploads."""
UPLOAD_OFFSET_HEADER = "Upload-Offset"
"""First byte of a chunk; HEAD answers with the bytes already held."""
