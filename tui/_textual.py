"""The private names of Textual that opsci uses; importing this raises ImportError where Textual lacks one of them.

Screens are then drawn by Textual's own compositor, and tours can't be filmed.
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

_CLOSE: Final = 4
"""Lines between two regions at most that are merged: to look at many regions takes longer than to render some lines."""

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
    """A compositor that renders only the widgets inside the regions to repaint and not hidden behind others.

    Textual's own compositor renders every visible widget for each frame, including the screen behind its panes, and
    then paints the parts that changed. With three panes, rendering only those parts takes a quarter of the work per
    frame.
    """

    _parts: tuple[Region, ...] = ()

    def render_partial_update(self) -> ChopsUpdate | None:
        """Render the regions to repaint; see `Compositor`."""
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
        """Yield the widgets to render, from front to back, each with its visible region."""
        drawn: list[Region] = []
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            for part in self._parts:
                shown = part.intersection(seen)
                # A widget in front was rendered already and covers this region completely.
                if shown and not any(front.contains_region(shown) for front in drawn):
                    drawn.append(seen)
                    yield widget, seen
                    break


def draw_parts_only(screen: Screen[Any]) -> None:
    """Make a screen that is not shown yet use `PartCompositor`, unless Textual already uses another compositor."""
    if type(getattr(screen, "_compositor", None)) is Compositor:
        screen._compositor = PartCompositor()


def _joined(regions: Iterable[Region]) -> list[Region]:
    """Merge the regions that span the same columns and lie close together, such as the rows of one pane.

    Those far from each other stay apart, as what lies between them would be rendered with them: the status line at the
    top and the footer span the same columns.
    """
    joined: dict[tuple[int, int], list[Region]] = {}
    for region in sorted(regions, key=lambda region: region.y):
        above = joined.setdefault(region.column_span, [])
        if above and region.y - above[-1].bottom <= _CLOSE:
            above[-1] = above[-1].union(region)
        else:
            above.append(region)
    return [region for column in joined.values() for region in column]


def strips(app: App[Any]) -> list[Strip]:
    """Render the whole screen, also what lies under a window, and leave the regions to repaint as they are."""
    before = visible_screen_stack.set(app._background_screens)
    try:
        return app.screen._compositor.render_strips()
    finally:
        visible_screen_stack.reset(before)


def rebuilds(app: App[Any]) -> bool:
    """Return whether Textual is rebuilding part of the screen, so that nothing should be rendered now."""
    return getattr(app, "_batch_count", 0) > 0


@contextmanager
def timers_on(clock: Callable[[], float]) -> Iterator[None]:
    """Run Textual's timers and animations on another clock within the context."""
    before = _time.get_time
    setattr(_time, _CLOCK, clock)
    try:
        yield
    finally:
        setattr(_time, _CLOCK, before)
