"""The forms of short texts in records: each pattern once, and what it asks for in words. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
HEX_64 = r"^[0-9a-f]{64}$"
NONCE = r"^(?:[0-9a-f]{2}){0,32}$"
WHO = r"^[^\x00-\x1f]*$"
PARAMETER = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
LEASE_ID = r"^[0-9a-f]{12}$"
ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 12
ID = f"^[{ID_ALPHABET}]{{{ID_LENGTH}}}$"
"""What a server gives to jobs, attempts, leases, campaigns and tokens."""
NO_ZERO = r"^[^\x00]*$"
NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
OPTION = r"^[a-z0-9.+-]+$"
PRINTABLE = r"^[\x21-\x7e]+$"
TARGET_KEY = r"^qubo-(mis-\d{1,6}-\d{1,8}-\d{1,10}|[0-9a-f]{64})$"

WORDS: Mapping[str, str] = {
    NAME: "a name: 1 to 64 lowercase letters, digits, '.', '_' or '-', the first one a letter or digit",
    DIGEST: "a digest: 'sha256:' and 64 of the digits 0-9 and a-f",
    HEX_64: "64 of the digits 0-9 and a-f",
    NONCE: "a nonce: up to 64 of the digits 0-9 and a-f, an even number of them",
    WHO: "a text without control characters",
    PARAMETER: "a parameter's name: 1 to 64 letters, digits or '_', the first one a letter",
    ID: "an id: 12 characters, each a digit or a lowercase letter other than i, l, o and u, as lists show them",
    NO_ZERO: "a text without the character NUL",
    NO_CONTROL: "a text without control characters",
    OPTION: "an option: lowercase letters, digits, '.', '+' or '-'",
    PRINTABLE: "a key: visible ASCII characters without spaces",
    LEASE_ID: "a lease's id: 12 of the digits 0-9 and a-f",
    TARGET_KEY: "a target's key, such as qubo-mis-250-1556-0, as `neurorig targets list` shows it",
}
