"""What a board's own power sensors said, as the client sees it."""

from __future__ import annotations

from neurorig.view_base import View


class OnboardPartView(View):
    """Mean power of one component, in watts, by the board's own sensors."""

    component: str
    rails: tuple[str, ...]
    mean_w: float
    static_w: float | None = None


class OnboardView(View):
    """What the board's own power sensors said of a pass of its own, in watts; all chips of the board are inside."""

    components: tuple[OnboardPartView, ...]
    static_w: float | None = None
    chips_available: int
    chips_allocated: int
    pass_s: float
    samples: int | None = None
    spread_w: float | None = None
    accuracy: float | None = None
    source: str
