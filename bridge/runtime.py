"""What the engine asks of Python itself: which event loop it runs on, and how often the cyclic collector looks."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.settings import Settings

__all__ = ["collect_cycles", "is_available", "loop_factory", "spare_the_rings"]


def is_available(name: str) -> bool:
    """Whether a loop can be had: asyncio's always, uvloop's with the optional group `uvloop`."""
    return name == "asyncio" or importlib.util.find_spec(name) is not None


def loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the event loop that the settings name.

    Args:
        settings: as they were loaded, so that the loop they name is there.
    """
    if settings.loop == "asyncio":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - optional

    return uvloop.new_event_loop


def spare_the_rings() -> None:
    """Look for cycles less often; call it once, when everything is imported.

    Journeys make no cycles, and full rings hold some hundred thousand objects: at 5,000 messages a second a look
    through all of them comes more than once a second, and stops the process for as long as several frames take.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def collect_cycles(*, forever: bool = False) -> None:
    """Free what cycles hold now, as a screen that was closed.

    Args:
        forever: never again look through what is there after this; once, when all is there that stays, in a program
            that spares its rings. What becomes part of a cycle later would never be freed.
    """
    gc.collect()
    if forever and gc.get_freeze_count():
        gc.freeze()
