"""Python runtime settings of the engine: its event loop, and how often the cyclic garbage collector runs."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.settings import Settings

__all__ = ["collect_cycles", "collect_rarely", "is_available", "loop_factory"]


def is_available(name: str) -> bool:
    """Whether a loop is available: asyncio always, uvloop with the optional group `uvloop`."""
    return name == "asyncio" or importlib.util.find_spec(name) is not None


def loop_factory(settings: Settings) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of the event loop named in the settings.

    Args:
        settings: checked ones, so that the loop is available.
    """
    if settings.loop == "asyncio":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - optional

    return uvloop.new_event_loop


_rarely = False
"""Whether `collect_rarely` was called."""


def collect_rarely() -> None:
    """Run the cyclic garbage collector less often; call this once, when everything is imported.

    Journeys form no cycles, and full rings hold some hundred thousand objects: at 5,000 messages a second a full
    collection would run more than once a second, and stop the process for the time of several frames.
    """
    global _rarely  # noqa: PLW0603 - a setting of the process, as the collector's own are
    _rarely = True
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def collect_cycles(*, forever: bool = False) -> None:
    """Free what cycles hold now, for example a closed screen.

    Args:
        forever: exclude everything that remains from all further collections; once, when all permanent objects exist,
            in a program that called `collect_rarely`. Those of them that become part of a cycle later are never freed.
    """
    gc.collect()
    if forever and _rarely:
        gc.freeze()
