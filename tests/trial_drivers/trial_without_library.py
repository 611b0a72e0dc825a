"""A driver module whose library nobody has."""

import a_library_that_nobody_has  # noqa: F401  # only its absence matters
