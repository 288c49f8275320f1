"""A product's stock over time, drawn by plotext. The import takes 0.2 s: import this where a chart is opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual.color import Color
from textual_plotext import PlotextPlot

from tui.format import count
from tui.product_movements import thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.product_movements import StockPoint

__all__ = ["StockChart", "moment_labels", "stock_ticks"]

_DAY: Final = 86_400

_LABEL: Final = 14
"""Columns for each time label under the chart."""


def moment_labels(begin: float, end: float, columns: int) -> list[tuple[float, str]]:
    """The time labels under a chart: the time of day, or dates for more than a day.

    Args:
        begin: seconds since the epoch at the left edge.
        end: the same at the right edge.
        columns: the chart's width.
    """
    steps = max(2, min(7, columns // _LABEL)) - 1
    span = end - begin
    form = "%H:%M:%S" if span < 600 else "%H:%M" if span <= _DAY else "%m-%d %H:%M" if span < 7 * _DAY else "%Y-%m-%d"
    places = [begin + span * step / steps for step in range(steps + 1)]
    return [(place, time.strftime(form, time.localtime(place))) for place in places]


def stock_ticks(lowest: int, highest: int, rows: int) -> list[int]:
    """The numbers beside a chart: the lowest, the highest, and at most one in three rows."""
    step = max(1, -(-(highest - lowest) // max(1, min(6, rows // 3))))
    return [*range(lowest, highest - step // 2, step), highest]


class StockChart(PlotextPlot):
    """A step line with axes."""

    def __init__(self) -> None:
        super().__init__(id="stock-chart")
        self._points: Sequence[StockPoint] = ()
        self._since = 0.0
        self._now = 0.0

    def show(self, points: Sequence[StockPoint], since: float, now: float) -> None:
        """Draw a stock.

        Args:
            points: in the order of time.
            since: the left edge, in seconds since the epoch.
            now: the right edge.
        """
        self._points, self._since, self._now = points, since, now
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        columns, rows = self.size.width, self.size.height
        plot = self.plt
        plot.clear_data()
        if not self._points or columns < 20 or rows < 5:
            self.refresh()
            return
        points = thinned(self._points, columns)
        stocks = [point.stock for point in points]
        lowest, highest = min(stocks), max(stocks)
        ticks = stock_ticks(lowest, highest, rows)
        plot.plot(
            [point.at for point in points],
            stocks,
            marker="braille",
            color=Color.parse(self.app.theme_variables["strapi"]).rgb,
        )
        moments = moment_labels(self._since, self._now, columns)
        plot.xlim(self._since, self._now)
        # A constant line is drawn in the middle.
        plot.ylim(lowest - (lowest == highest), highest + (lowest == highest))
        plot.xticks([place for place, _ in moments], [label for _, label in moments])
        plot.yticks([float(tick) for tick in ticks], list(map(count, ticks)))
        self.refresh()
