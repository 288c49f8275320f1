"""Which event loop the engine runs on: asyncio's own, or uvloop's where a person asks for it and it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.settings import Settings

__all__ = ["is_there", "loop_factory"]


def is_there(name: str) -> bool:
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
