"""The form of the identifiers that a server gives to jobs, attempts, leases, campaigns and tokens."""

from __future__ import annotations

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 12
PATTERN = f"^[{ALPHABET}]{{{LENGTH}}}$"
