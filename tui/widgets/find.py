"""The search for a movement across the panes, by its id, product, or partition and offset, and its input line."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from tui.actions import bindings, key_of
from tui.format import folded
from tui.language import say, say_count
from tui.scheduler import TimeSlices
from tui.widgets.inputs import PrintableInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult

    from bridge.journal import Journey, Product
    from tui.widgets.log import LogView
    from tui.widgets.stock import StockView

__all__ = ["FindBar", "FindInput", "Finder", "Hit", "journey_is", "product_is"]

LEAST: Final = 6
"""Minimum length of a text that matches the beginning of an id."""

CHUNK: Final = 64
"""The clock is checked after so many records."""


class FindInput(PrintableInput):
    """The field for the text to find."""

    BINDINGS = bindings("find_field")

    def action_leave(self) -> None:
        self.post_message(FindBar.Left())


class FindBar(Horizontal):
    """Asks what to find, and shows the number of matches.

    Args:
        finder: searches.
    """

    @dataclass
    class Found(Message):
        """A match was found, or is shown again."""

        hit: Hit

    @dataclass
    class Left(Message):
        """The search was closed."""

    def __init__(self, finder: Finder) -> None:
        super().__init__(id="find")
        self._finder = finder
        self._awaited = False
        self._slices = TimeSlices(self, self._look)

    def compose(self) -> ComposeResult:
        yield Label(say("find"))
        yield FindInput(placeholder=say("movement-id, product or p3@128"), compact=True, select_on_focus=True)
        yield Static(id="found", markup=False)

    @property
    def input(self) -> FindInput:
        return self.query_one(FindInput)

    @property
    def is_looking(self) -> bool:
        """Whether the match requested by Enter is still being searched for."""
        return self._awaited

    def open(self) -> None:
        """Show the line and focus it."""
        self.add_class("open")
        text = say("{next} finds it, and the next one; {close} goes there")
        self.tell(text.format(next=key_of("find.next"), close=key_of("find.close")))
        self.screen.set_focus(self.input)

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("open")

    def tell(self, found: str) -> None:
        """Show the result."""
        self.query_one("#found", Static).update(Content(found), layout=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search, or go on to the next match."""
        event.stop()
        self._finder.seek(event.value)
        self._awaited = True
        self._slices.go()
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep the message from the panes' filters."""
        event.stop()

    def _look(self, seconds: float) -> bool:
        looking = self._finder.look(seconds)
        if self._awaited and (hit := self._finder.next()) is not None:
            self._awaited = False
            self.post_message(self.Found(hit))
        self._awaited = self._awaited and looking
        self._tell()
        # Continue even if the line was closed right after Enter: the requested match is still shown.
        return looking and (self._awaited or self.has_class("open"))

    def _tell(self) -> None:
        finder = self._finder
        if not finder.hits and not finder.looking:
            text = say("not found in what the panes show: a filter or {key} may hide it, or it is no longer kept")
            self.tell(text.format(key=key_of("pane.clear")))
            return
        place = (
            say("{place} of {count}").format(place=f"{finder.place + 1:,}", count=f"{len(finder.hits):,}")
            if finder.hits
            else ""
        )
        looking = say_count("looking, {count} to go", "looking, {count} to go", finder.left) if finder.looking else ""
        self.tell(" · ".join(filter(None, (place, looking))))


class Hit(NamedTuple):
    """A match: the number of the pane, and the key of its row there."""

    pane: int
    key: int


class Finder:
    """Steps through the matches, the latest first; each movement once, in the first pane that shows it.

    Args:
        logs: the panes of movements.
        stock: the pane of products.
    """

    def __init__(self, logs: Sequence[LogView], stock: StockView) -> None:
        self._logs = logs
        self._stock = stock
        self._typed = ""
        self._scan: Iterator[None] = iter(())
        self._looked = 0
        self.looking = False
        """Whether some records have not been searched yet."""
        self.hits: list[Hit] = []
        self.place = -1
        """The index of the last match that was returned."""

    @property
    def left(self) -> int:
        """How many rows are still to be searched."""
        return max(0, sum(view.rows for view in self._logs) - self._looked) if self.looking else 0

    def seek(self, typed: str) -> None:
        """Start a search, unless the same text was searched for before and found."""
        wanted = folded(typed.strip())
        if wanted != self._typed or not (self.hits or self.looking):
            self._typed, self.place, self._looked = wanted, -1, 0
            self.hits = []
            self.looking = bool(wanted)
            self._scan = self._through(wanted)

    def look(self, seconds: float) -> bool:
        """Continue searching.

        Args:
            seconds: for at most this long.

        Returns:
            Whether some records have not been searched yet.
        """
        until = time.perf_counter() + seconds
        while self.looking and time.perf_counter() < until:
            self.looking = next(self._scan, True) is None
        return self.looking

    def next(self) -> Hit | None:
        """Return the next match that is still in its pane; after the last comes the first.

        Returns:
            The match; None if there is none, or no further one yet.
        """
        for _ in self.hits:
            if self.place + 1 >= len(self.hits) and self.looking:
                return None
            self.place = (self.place + 1) % len(self.hits)
            hit = self.hits[self.place]
            in_logs = hit.pane <= len(self._logs)
            if (self._logs[hit.pane - 1] if in_logs else self._stock).row_of(hit.key) is not None:
                return hit
        return None

    def _through(self, wanted: str) -> Iterator[None]:
        seen: set[str] = set()
        for pane, view in enumerate(self._logs, 1):
            row, key = view.rows - 1, None
            while row >= 0:
                for here in range(row, max(-1, row - CHUNK), -1):
                    key = view.key_at(here)
                    journey = None if key is None else view.item_of(key)
                    if key is None or journey is None or journey.movement_id in seen:
                        continue
                    if journey_is(journey, wanted):
                        seen.add(journey.movement_id)
                        self.hits.append(Hit(pane, key))
                self._looked += min(CHUNK, row + 1)
                yield
                # Rows are dropped at the top meanwhile: continue above the one checked last.
                row = -1 if key is None else view.place(key) - 1
        for product in self._stock.items():
            if product_is(product, wanted):
                self.hits.append(Hit(len(self._logs) + 1, product.id))


def journey_is(journey: Journey, wanted: str) -> bool:
    """Whether a journey matches.

    Args:
        journey: any.
        wanted: a movement-id or the first six characters of one, `p3@128`, a product's reference or a part of its
            name; folded.
    """
    identity = folded(journey.movement_id)
    if wanted in {identity, journey.position} or (len(wanted) >= LEAST and identity.startswith(wanted)):
        return True
    if journey.product and folded(journey.product) == wanted:
        return True
    return str(journey.product_id) == wanted or _in_name(wanted, journey.product_name)


def product_is(product: Product, wanted: str) -> bool:
    """Whether a product matches: by id, documentId, barcode or a part of its name."""
    return wanted in {str(product.id), folded(product.document_id), product.barcode} or _in_name(wanted, product.name)


def _in_name(wanted: str, name: str) -> bool:
    # A number is an id: 12 is not the gloves of size 120.
    return not wanted.isdecimal() and wanted in folded(name)
