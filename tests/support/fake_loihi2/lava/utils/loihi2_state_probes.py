"""The name that lava-optimization imports; nothing is probed here."""


class StateProbe:
    """A probe of a variable on the chip."""
