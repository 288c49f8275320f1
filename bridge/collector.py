"""Python's cyclic collector, told what this engine's objects are like."""

from __future__ import annotations

import gc

__all__ = ["let_go", "spare_the_rings"]


def spare_the_rings() -> None:
    """Look for cycles less often; call it once, when everything is imported.

    Journeys make no cycles, and full rings hold some hundred thousand objects: at 5,000 messages a second a look
    through all of them comes more than once a second, and stops the process for as long as several frames take.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def let_go(*, forever: bool = False) -> None:
    """Free what cycles hold now, as a screen that was closed.

    Args:
        forever: never again look through what is there after this; once, when all is there that stays, in a program
            that spares its rings. What becomes part of a cycle later would never be freed.
    """
    gc.collect()
    if forever and gc.get_freeze_count():
        gc.freeze()
