"""Names that the server gives to jobs, attempts, leases, campaigns and tokens. Not for order: rows count themselves."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 12
PATTERN = f"^[{ALPHABET}]{{{LENGTH}}}$"


def new_id() -> str:
    """Return 60 random bits as 12 characters that people can read aloud.

    Random, so that what an agent still holds of another database never names a row of this one.
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
