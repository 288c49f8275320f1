"""A screen of three panes: their focus and widths, and the movement highlighted in all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bridge.journal import Hop, Journey, Server
from tui.actions import ACTIONS, given_keys, key_cap
from tui.language import say
from tui.screens.record_actions import RecordsScreen
from tui.timeline import marks, timeline, timeline_row
from tui.widgets.cached_static import CachedStatic
from tui.widgets.columns import KAFKA_COLUMNS, MQTT_COLUMNS
from tui.widgets.find import FindBar
from tui.widgets.log import LogView
from tui.widgets.pane import HopArrow, KafkaPane, MqttPane, Pane, PaneTabs
from tui.widgets.sent import SentMovements
from tui.widgets.stock import StockView
from tui.widgets.stock_pane import StockPane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.screen import Screen

    from bridge.journal import Product, StockTable
    from bridge.settings import Settings
    from tui.engine import Engine
    from tui.widgets.cursor import AnyView, LineView

__all__ = ["SHARES", "Following", "MovementTimeline", "PanesScreen", "Sizes", "resized"]


SHARES: Final = (42, 30, 38)
"""The panes' initial shares of the width, which the stylesheet explains."""

STEP: Final = 8
LEAST: Final = 18
"""The smallest share of a pane: its most important columns still fit."""


def resized(shares: Sequence[int], place: int, step: int) -> tuple[int, ...]:
    """Widen or narrow one pane at the expense or in favour of the others.

    Args:
        shares: of each pane.
        place: the pane, from 0.
        step: 1 to widen, -1 to narrow.

    Returns:
        The new shares, with the same sum; the old ones if a pane would become too narrow.
    """
    others = len(shares) - 1
    each = step * STEP // others
    found = tuple(share + (each * others if here == place else -each) for here, share in enumerate(shares))
    return found if min(found) >= LEAST else tuple(shares)


def first_steps(settings: Settings) -> list[tuple[str, str]]:
    """Return what an empty screen suggests: each key, as the settings give it, and what it does."""
    known = {action.id: action for scope in ("app", "main") for action in ACTIONS[scope]}
    offered = {
        "sensors": say("start simulated sensors"),
        "focus.form": say("move a product's stock yourself"),
        "tour": say("a guided tour of a minute"),
        "web.code": say("a page for phones, as a QR code") if settings.screen.web else "",
        "help": say("help: every key and every sign"),
    }
    keys = {name: given_keys(known[name], settings.screen.keys).keys.split(",")[0] for name in offered}
    return [(key_cap(keys[name]), does) for name, does in offered.items() if keys[name] and does]


class Sizes:
    """The panes' widths.

    Args:
        screen: the screen of the panes.
        panes: from the left.
    """

    def __init__(self, screen: Screen[None], panes: Sequence[Pane]) -> None:
        self._screen = screen
        self._panes = panes
        self.shares: tuple[int, ...] = SHARES
        """Of the width, those of each pane from the left."""

    @property
    def zoomed(self) -> bool:
        """Whether one pane has the whole width although all would fit."""
        return self._screen.has_class("zoomed")

    def zoom(self) -> None:
        """Give the current pane the whole width, or undo that."""
        self._screen.toggle_class("zoomed")

    def give_back(self) -> None:
        """Undo `zoom`."""
        self._screen.remove_class("zoomed")

    def resize(self, number: int, step: int) -> None:
        """Widen or narrow a pane.

        Args:
            number: of the pane, from 1.
            step: 1 to widen, -1 to narrow.
        """
        if not self._screen.has_class("-wide") or self.zoomed:
            self._screen.notify(say("one pane has all the width here"))
            return
        self.shares = resized(self.shares, number - 1, step)
        self._take()

    def restore(self, shares: Sequence[int]) -> None:
        """Restore saved widths; invalid ones are ignored."""
        if len(shares) == len(SHARES) and sum(shares) == sum(SHARES) and min(shares) >= LEAST:
            self.shares = tuple(shares)
            self._take()

    def _take(self) -> None:
        for pane, share in zip(self._panes, self.shares, strict=True):
            pane.styles.width = f"{share}fr"


class MovementTimeline(CachedStatic):
    """The timeline of the followed movement, with each station under its pane.

    Args:
        panes: the three panes.
        board: the products, for their names.
    """

    def __init__(self, panes: Sequence[Pane], board: StockTable) -> None:
        super().__init__(id="way", markup=False)
        self._panes = panes
        self._board = board

    def pull(self, followed: Journey | None) -> None:
        """Draw the followed movement's progress, or a hint if there is none."""
        width = self.size.width
        if not width:
            return
        named = None if followed is None or followed.product_name else self._board.find(followed.product)
        found = marks(followed, time.time(), "" if named is None else named.name)
        if self.size.height < _LINES:
            said = timeline_row(found, width)
        else:
            hint = say("the way of a movement shows here, with the time of each hop") if followed is None else ""
            said = timeline(found, self._places(width), width, hint)
        self.update(said, layout=False)

    def _places(self, width: int) -> list[int]:
        """Return the columns of the stations: sent and MQTT under the first pane, the others under theirs."""
        starts = [pane.region.x + 2 - self.region.x for pane in self._panes]
        if any(not pane.display or not pane.region.width for pane in self._panes):
            starts = [width * share // 4 for share in (1, 2, 3)]
            return [2, *starts]
        return [starts[0], starts[0] + max(12, self._panes[0].region.width // 2), *starts[1:]]


_LINES: Final = 2
"""Lines of a timeline if there is room."""


class Following:
    """The movement that is followed.

    Args:
        panes: where it is highlighted.
        stock: the pane that shows products.
        board: the products.
    """

    def __init__(self, panes: Sequence[Pane], stock: StockView, board: StockTable) -> None:
        self.movement: Journey | None = None
        self._panes = panes
        self._stock = stock
        self._board = board

    def follow(self, journey: Journey | None) -> None:
        """Highlight a movement in all panes, or none; panes that don't follow news and have no cursor show its row."""
        self.movement = journey
        for pane in self._panes:
            view = pane.view
            if isinstance(view, LogView):
                view.light_up(None if journey is None else view.shown.find(journey))
        self._stock.light_up(self._product_of(journey))
        for pane in self._panes:
            follows = isinstance(pane.view, LogView) and pane.view.following
            if not follows and pane.view.cursor is None:
                pane.view.reveal(pane.view.linked)

    def _product_of(self, journey: Journey | None) -> int | None:
        if journey is None:
            return None
        if journey.product_id is not None:
            return self._board.own(journey.product_id)
        product = self._board.find(journey.product)
        return product.id if product else None


class PanesScreen(RecordsScreen):
    """The panes only; a subclass's `compose` yields them, their tabs and the lines around them.

    Args:
        engine: the chain.
        sent_movements: the movements sent from the keyboard before; None if none were.
    """

    def __init__(self, engine: Engine, sent_movements: SentMovements | None = None) -> None:
        super().__init__(engine)
        journal = engine.journal
        self.mqtt = LogView(journal.mqtt, journal.stock, MQTT_COLUMNS, "mqtt", say("Nothing has moved yet."))
        self.mqtt.hints = first_steps(engine.settings)
        self.kafka = LogView(journal.kafka, journal.stock, KAFKA_COLUMNS, "kafka", "")
        self.stock = StockView(journal.stock, "stock")
        self.sent_movements = SentMovements(journal.stock) if sent_movements is None else sent_movements
        """All movements sent from the keyboard."""
        self.panes: tuple[Pane, Pane, StockPane] = (
            MqttPane(1, Server.MQTT, self.mqtt, journal.received, journal),
            KafkaPane(2, Server.KAFKA, self.kafka, journal.produced, journal),
            StockPane(3, self.stock, journal, self.sent_movements),
        )
        self.arrows = (
            HopArrow(journal, Server.MQTT, Server.KAFKA, (Hop.INGEST,)),
            HopArrow(journal, Server.KAFKA, Server.STRAPI, (Hop.KAFKA, Hop.APPLY)),
        )
        self._following = Following(self.panes, self.stock, journal.stock)
        self._sizes = Sizes(self, self.panes)
        self._relative = False
        self._current = 1

    @property
    def current_pane(self) -> int:
        """The number of the pane that has, or last had, the focus."""
        return self._current

    @property
    def followed(self) -> Journey | None:
        """The movement that is highlighted in all panes."""
        return self._following.movement

    @property
    def is_looking(self) -> bool:
        """Whether the search started by the last key is still running; the next key depends on its result."""
        view = next((pane.view for pane in self.panes if pane.view is self.focused), None)
        left = view.seeking.left if view is not None else 0
        if isinstance(view, LogView):
            left += view.shown.left
        return left > 0 or self.query_one(FindBar).is_looking

    def show_pane(self, number: int) -> None:
        """Focus a pane, and show it if there is room for only one."""
        self._current = number
        for pane in self.panes:
            pane.set_class(pane.number == number, "-current")
        self.query_one(PaneTabs).show(number)
        self.set_focus(self.panes[number - 1].view)

    def follow(self, journey: Journey | None) -> None:
        """Highlight a movement in all panes, or none."""
        self._following.follow(journey)
        self.pull_timeline()

    def pull_timeline(self) -> None:
        """Draw the timeline of the followed movement."""
        self.query_one(MovementTimeline).pull(self.followed)

    def open(self, view: AnyView, item: Journey | Product) -> None:
        """Show a record in full, or a product with its movements."""
        if isinstance(item, Journey):
            super().open(view, item)
            return
        # Imported here because the chart's library takes a fifth of a second to import.
        from tui.screens.product import ProductScreen  # noqa: PLC0415

        self.app.push_screen(ProductScreen(self._engine, self.stock, item, self))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the last focused pane."""
        for pane in self.panes:
            # Not `has_focus`, which is updated later: another pane may have been selected by then.
            if pane.view is self.focused and self._current != pane.number:
                self.show_pane(pane.number)

    def on_line_view_selected(self, event: LineView.Selected) -> None:
        """Follow the movement under the cursor, and clear the other panes' cursors."""
        for pane in self.panes:
            if pane.view.identity != event.pane:
                pane.view.forget_cursor()
        self.follow(event.item if isinstance(event.item, Journey) else None)

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        self.show_pane(event.number)

    def action_pane(self, number: int) -> None:
        self.show_pane(number)

    def action_filter(self) -> None:
        """Open the filter of the focused pane."""
        self.panes[self._current - 1].filter_input.open()

    def action_zoom(self) -> None:
        """Give the current pane the whole width, or undo that."""
        self._sizes.zoom()
        self.show_pane(self._current)

    def action_size(self, step: int) -> None:
        """Widen or narrow the current pane."""
        self._sizes.resize(self._current, step)

    def on_find_bar_found(self, event: FindBar.Found) -> None:
        """Put the cursor on the hit, and keep the focus where the next one can be searched for."""
        view, bar = self.panes[event.hit.pane - 1].view, self.query_one(FindBar)
        self.show_pane(event.hit.pane)
        row = view.row_of(event.hit.key)
        if row is not None:
            view.move_cursor(row)
        if bar.has_class("open"):
            self.set_focus(bar.input)

    def on_find_bar_left(self) -> None:
        """Go to the hit."""
        self.query_one(FindBar).close()
        self.show_pane(self._current)

    def action_find(self) -> None:
        """Open the search line."""
        self.query_one(FindBar).open()

    def action_times(self) -> None:
        """Switch the times in the panes between ages and time of day."""
        self._relative = not self._relative
        for pane in self.panes:
            pane.view.say_times(relative=self._relative)

    def action_close(self) -> None:
        """Drop the pane's filter, else undo the zoom, else stop following a movement."""
        if self.panes[self._current - 1].is_filtered:
            self.panes[self._current - 1].filter_input.action_drop()
            return
        if self._sizes.zoomed:
            self._sizes.give_back()
            return
        for pane in self.panes:
            pane.view.forget_cursor()
        self.follow(None)
