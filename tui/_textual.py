"""Textual's private names that we use, each with what it buys; importing this fails where Textual no longer has them.

Then a screen is drawn by Textual's own compositor, and a tour can't be filmed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from textual import _time
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from textual._compositor import ChopsUpdate
    from textual.geometry import Region
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.widget import Widget

__all__ = ["PartCompositor", "draw_parts_only", "rebuilds", "strips", "timers_on"]


_CLOCK: Final = "get_time"

_NEEDED: Final = (
    (Compositor, "_get_renders"),
    (Compositor(), "_dirty_regions"),
    (Compositor, "render_strips"),
    (App, "_background_screens"),
    (_time, _CLOCK),
)

if missing := [name for owner, name in _NEEDED if not hasattr(owner, name)]:
    raise ImportError(f"Textual has no {', '.join(missing)} any more")


class PartCompositor(Compositor):
    """Leaves out what is not in a part that is painted, and what lies behind something else in all of them.

    Textual's own draws for each frame everything that could be seen, down to what the screen itself looks like behind
    its panes, and then paints the parts that changed: with three panes a quarter of the work on a frame.
    """

    _parts: tuple[Region, ...] = ()

    def render_partial_update(self) -> ChopsUpdate | None:
        """Draw what is to be painted anew; see `Compositor`."""
        self._parts = tuple(_joined(self._dirty_regions))
        try:
            return super().render_partial_update()
        finally:
            self._parts = ()

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if not self._parts:
            yield from super()._get_renders(crop)
            return
        for widget, seen in self._needed():
            region, clip = self.visible_widgets[widget]
            yield region, clip, widget.render_lines(seen.translate(-region.offset))

    def _needed(self) -> Iterator[tuple[Widget, Region]]:
        """What is to be drawn, from front to back, and where each is seen."""
        drawn: list[Region] = []
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            for part in self._parts:
                shown = part.intersection(seen)
                # What was drawn before lies in front, and fills all of its place.
                if shown and not any(front.contains_region(shown) for front in drawn):
                    drawn.append(seen)
                    yield widget, seen
                    break


def draw_parts_only(screen: Screen[Any]) -> None:
    """Have a screen that is not shown yet drawn by a `PartCompositor`, unless Textual draws it in another way."""
    if type(getattr(screen, "_compositor", None)) is Compositor:
        screen._compositor = PartCompositor()


def _joined(regions: Iterable[Region]) -> Iterable[Region]:
    """The regions, those of the same columns as one: the rows of a pane."""
    joined: dict[tuple[int, int], Region] = {}
    for region in regions:
        columns = region.column_span
        joined[columns] = joined[columns].union(region) if columns in joined else region
    return joined.values()


def strips(app: App[Any]) -> list[Strip]:
    """Redraw the whole screen, with what lies under a window, and change nothing of what is to be repainted."""
    before = visible_screen_stack.set(app._background_screens)
    try:
        return app.screen._compositor.render_strips()
    finally:
        visible_screen_stack.reset(before)


def rebuilds(app: App[Any]) -> bool:
    """Whether a part of the screen is being taken away and made again, so that nothing is to be drawn."""
    return getattr(app, "_batch_count", 0) > 0


@contextmanager
def timers_on(clock: Callable[[], float]) -> Iterator[None]:
    """Let Textual's timers and animations go by another clock, for as long as this lasts."""
    before = _time.get_time
    setattr(_time, _CLOCK, clock)
    try:
        yield
    finally:
        setattr(_time, _CLOCK, before)
