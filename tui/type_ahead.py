"""Type-ahead: keys that come faster than the screen handles them are held until the previous one has taken effect.

Textual sends a key to the widget that has the focus when the key arrives. A binding without priority runs some turns of
the loop later, when the key has bubbled up to the application, and a message of a field (`Input.Changed`) later still.
So the keys of one burst, from a fast typist or over a slow line, would go to the previously focused widget.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from textual import events
from textual.command import CommandPalette

from tui.screens.panes import PanesScreen
from tui.widgets.pane import FilterInput

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump
    from textual.screen import Screen
    from textual.widget import Widget

__all__ = ["TypeAhead"]

_LONGEST: Final = 5.0
"""Seconds after which a key counts as handled in any case, so that nothing can block the keyboard."""

_WAVES: Final = 4
"""Minimum number of walks from the focus up to the application: a key changes a field (first), whose message moves the
focus (second), of which the field and its ancestors are notified (third, fourth).
"""

_LOOKED: Final = 0.5
"""Seconds that keys wait for a search among very many records, which continues after them."""

_LOOK: Final = 0.005
"""Seconds between two checks whether the search has ended."""

_STEP: Final = 0.05
"""Seconds between two checks whether a widget that is waited for is gone."""

_ANSWERED: Final = (events.Key, events.Paste, events.MouseDown, events.MouseUp)
"""Events that are waited for; other mouse events are only kept in order."""

_AT_ONCE: Final = frozenset({"ctrl+q", "ctrl+c"})
"""Keys that are never held: those that quit."""


class TypeAhead:
    """Keeps the order of the user's input.

    Args:
        app: the application that gets the keys.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[events.Event] = deque()
        self._due: events.Event | None = None
        """The held event that was posted to the application again and is to be let through."""
        self._answering: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether all input has taken effect."""
        return self._answering is None and self._due is None and not self._held

    def holds(self, event: events.Event) -> bool:
        """Hold a keyboard or mouse event while an earlier one is being handled.

        Returns:
            Whether it was held; it is later posted to the application again.
        """
        if event is self._due:
            self._due = None
            return False
        if self.is_idle or (isinstance(event, events.Key) and event.key in _AT_ONCE):
            return False
        self._held.append(event)
        return True

    def handed_on(self, event: events.Event) -> None:
        """Wait until a dispatched event has taken effect, then let the next one through."""
        if self._answering is not None:
            return
        if isinstance(event, _ANSWERED) and not self._goes_on(event):
            self._answering = asyncio.create_task(self._answer())
        else:
            self._let_through()

    def _goes_on(self, event: events.Event) -> bool:
        """Return whether two letters for a filter come in a row: no wait then, as one filtering handles both."""
        screen = self._app.screen_stack[-1] if self._app.screen_stack else None
        letters = (event, self._held[0]) if self._held else ()
        return (
            bool(letters)
            and screen is not None
            and isinstance(screen.focused, FilterInput)
            and all(isinstance(one, events.Key) and one.is_printable for one in letters)
        )

    async def _answer(self) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST):
                    await self._answered()
        finally:
            self._answering = None
            self._let_through()

    def _let_through(self) -> None:
        if self._due is None and self._held:
            self._due = self._held.popleft()
            if not self._app.post_message(self._due):
                self._due = None
                self._held.clear()

    async def _answered(self) -> None:
        """Wait until every widget that a key can reach has handled its messages."""
        waves, before = 0, self._place()
        while waves < _WAVES:
            for pump in self._way(before):
                await _handled(pump)
            await self._looked_up()
            now = self._place()
            waves = waves + 1 if now == before else 0
            before = now

    def _place(self) -> tuple[Screen[Any] | None, Widget | None]:
        stack = self._app.screen_stack
        return (stack[-1], stack[-1].focused) if stack else (None, None)

    def _way(self, place: tuple[Screen[Any] | None, Widget | None]) -> list[MessagePump]:
        """Return a message's path from the focus up, and the screens below, which get a closed window's result."""
        screen, focused = place
        way: list[MessagePump] = [] if focused is None else [*focused.ancestors_with_self]
        return [*dict.fromkeys([*way, *([screen] if screen else []), *reversed(self._app.screen_stack), self._app])]

    async def _looked_up(self) -> None:
        """Wait for the results of the command palette, the first of which Enter takes, and of searches in panes."""
        for _ in range(round(_LOOKED / _LOOK)):
            if not self._is_looking():
                return
            await asyncio.sleep(_LOOK)

    def _is_looking(self) -> bool:
        screen = self._app.screen_stack[-1] if self._app.screen_stack else None
        if isinstance(screen, CommandPalette):
            return any(worker.node is screen and not worker.is_finished for worker in self._app.workers)
        return isinstance(screen, PanesScreen) and screen.is_mounted and screen.is_looking


async def _handled(pump: MessagePump) -> None:
    """Wait until a widget has handled its current messages, or is gone."""
    done = asyncio.Event()
    if not pump.call_later(done.set):
        return
    while not done.is_set() and pump.is_attached:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _STEP)
