"""The stock's pane: rows whose stock is changed by keys that open a line for the amount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from bridge.journal import Server
from bridge.text import readable
from tui.actions import bindings
from tui.format import clock
from tui.language import say, say_count
from tui.widgets.amount import AmountPrompt
from tui.widgets.amount_plan import Target
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from bridge.journal import Journal
    from bridge.settings import Preset
    from tui.widgets.sent import Sent, SentMovements
    from tui.widgets.stock import StockView

__all__ = ["StockPane"]


_CALM: Final = 10
"""Movements a second up to which a changed stock is marked."""


class StockPane(Pane):
    """The stock, with the line in which an amount is typed.

    Args:
        number: the key that focuses it.
        view: its rows.
        journal: the products, and the source of its head.
        sent_movements: what was sent.
    """

    BINDINGS = bindings("stock_pane")

    def __init__(self, number: int, view: StockView, journal: Journal, sent_movements: SentMovements) -> None:
        super().__init__(number, Server.STRAPI, view, journal.answered, journal)
        self.stock = view
        self.prompt = AmountPrompt(view)
        self._board = journal.stock
        self._sent_movements = sent_movements

    def compose(self) -> ComposeResult:
        yield from super().compose()
        yield self.prompt

    def pull(self, now: float) -> None:
        self.stock.pending = self._sent_movements.pending()
        super().pull(now)
        self.prompt.pull()

    def pull_title(self) -> None:
        """Update the title; mark changes only while there are few."""
        self.stock.calm = self.pulse.per_second() <= _CALM
        super().pull_title()

    def _fact(self) -> Content:
        since = self.connection.since
        if self.is_away and since:
            return Content.styled(say("as of {time}").format(time=clock(since)), "bold $text-warning")
        products = len(self._board)
        return Content.styled(say_count("{count} product", "{count} products", products), "bold $foreground")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to a focused field, and Escape to others while nothing is marked."""
        if action == "unmark":
            return self._focused and bool(self.stock.marked)
        if action in {"ask", "undo", "mark"}:
            return self._focused
        return super().check_action(action, parameters)

    def action_ask(self, sign: str) -> None:
        """Open the line for an amount for the marked rows, or the one under the cursor."""
        wanted = [product.id for product in self.stock.selected()]
        if wanted:
            self.prompt.ask(sign, lambda: self._targets(wanted))

    def ask_preset(self, preset: Preset) -> str:
        """Open the line with a preset's amount, for its product or for the chosen rows.

        Returns:
            Why that is impossible, for the user; empty if it is possible.
        """
        product = self._board.find(preset.product) if preset.product else None
        if preset.product and product is None:
            return say("no product that is shown has the id or barcode {product}").format(
                product=readable(preset.product)
            )
        wanted = [product.id] if product is not None else [chosen.id for chosen in self.stock.selected()]
        if not wanted:
            return say("there is no row that it could move")
        self.prompt.ask(f"{preset.amount:+d}", lambda: self._targets(wanted))
        return ""

    def action_undo(self) -> None:
        """Offer to undo what was applied last."""
        undoable = [step for step in self._sent_movements.undoable() if self._targets_of(step)]
        if undoable:
            self.prompt.offer_undo(undoable, self._targets_of)
        else:
            self.notify(say("nothing that was sent from here and applied is left to undo"), title=say("Undo"))

    def action_mark(self) -> None:
        self.stock.action_mark()

    def action_unmark(self) -> None:
        self.stock.marked.clear()

    @property
    def _everything(self) -> int:
        return len(self._board)

    @property
    def _focused(self) -> bool:
        # Not `has_focus`, which is updated by a message, and so after the next key.
        return self.screen.focused is self.view

    def _targets(self, wanted: Sequence[int]) -> list[Target]:
        found = [self._board.get(identity) for identity in wanted]
        return [Target(product, self.stock.pending.get(product.id, 0)) for product in found if product is not None]

    def _targets_of(self, step: Sequence[Sent]) -> list[Target]:
        """The rows of some movements, one for each; empty where one of them is gone."""
        found = [self._board.find(sent.movement.product) for sent in step]
        rows = [Target(product, self.stock.pending.get(product.id, 0)) for product in found if product is not None]
        return rows if len(rows) == len(step) else []

    def _subtitle(self) -> str:
        marked = len(self.stock.marked)
        parts = ["◆ " + say_count("{count} marked", "{count} marked", marked)] if marked else []
        return " · ".join([*parts, *filter(None, [super()._subtitle()])])
