"""Textual's compositor, which draws no more of a screen than what is to be painted; a test notices when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual._compositor import Compositor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual._compositor import ChopsUpdate
    from textual.geometry import Region
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.widget import Widget

__all__ = ["PartCompositor", "draw_parts_only"]


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
    """Have a screen that is not shown yet drawn by a `PartCompositor`."""
    screen._compositor = PartCompositor()


def _joined(regions: Iterable[Region]) -> Iterable[Region]:
    """The regions, those of the same columns as one: the rows of a pane."""
    joined: dict[tuple[int, int], Region] = {}
    for region in regions:
        columns = region.column_span
        joined[columns] = joined[columns].union(region) if columns in joined else region
    return joined.values()
