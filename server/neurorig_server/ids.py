"""The ids that the server gives. A module of its own because every room draws them and none owns them."""

from __future__ import annotations

import secrets

from neurorig_protocols.forms import ID_ALPHABET, ID_LENGTH


def new_id() -> str:
    """Return 60 random bits as 12 characters that people can read aloud.

    Random, so that what an agent still holds of another database never names a row of this one.
    """
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
