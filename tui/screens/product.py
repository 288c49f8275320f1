"""The window of one product: its stock as a chart, its movements from the ledger, pending ones, and editing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.containers import Vertical
from textual.content import Content

from bridge.journal import Journey, Product
from bridge.text import readable
from tui.actions import bindings
from tui.format import clock, count, signed
from tui.language import msgid, say, say_count
from tui.outcome import STYLES, Tone, contradiction, shown_status
from tui.product_movements import ProductMovements, stock_points
from tui.screens.record_actions import RecordsScreen
from tui.widgets import columns as cells
from tui.widgets.amount import AmountPrompt
from tui.widgets.amount_plan import Target
from tui.widgets.cached_static import CachedStatic, set_titles
from tui.widgets.column_layout import EXTRA, Cell, Column
from tui.widgets.cursor import LineView
from tui.widgets.footer import KeysFooter
from tui.widgets.stock_chart import StockChart

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from textual.app import ComposeResult

    from tui.engine import Engine
    from tui.widgets.cursor import AnyView

__all__ = ["MOVEMENT_COLUMNS", "ProductMovementsView", "ProductScreen", "product_facts"]


class _Period(NamedTuple):
    """The time span of the chart; 0 seconds means all that is known."""

    name: str
    seconds: float


PERIODS: Final = (
    _Period(msgid("the last hour"), 3_600),
    _Period(msgid("the last day"), 86_400),
    _Period(msgid("all"), 0),
)


def _when(journey: Journey, now: float) -> Cell:
    """Format the time of the decision, with the date unless it is today."""
    at = journey.decided_at or journey.received_at or journey.consumed_at
    if at is None:
        return Cell("")
    day = "" if time.localtime(at)[:3] == time.localtime(now)[:3] else time.strftime("%Y-%m-%d ", time.localtime(at))
    return Cell(f"{day}{clock(at)}", Tone.MUTED, clock(at))


def _source(journey: Journey, now: float) -> Cell:
    """Format the Kafka position of the record."""
    if journey.offset < 0:
        return Cell(cells.ABSENT, Tone.MUTED)
    return Cell(f"{readable(journey.kafka_topic)} {journey.position}", Tone.MUTED, journey.position)


def _named(journey: Journey, now: float) -> Cell:
    """Format how the movement names the product: by id, documentId or barcode."""
    return Cell(readable(journey.product), Tone.MUTED)


def _identity(journey: Journey, now: float) -> Cell:
    """Format the movement-id, which links it to its Kafka record."""
    return Cell(readable(journey.movement_id), Tone.MUTED)


MOVEMENT_COLUMNS: Final[Sequence[Column[Journey]]] = (
    Column("when", msgid("time"), 8, 8, 19, 1, _when),
    Column("amount", msgid("move"), 6, 6, 14, 0, cells.amount, "right", grows=14),
    Column("result", msgid("result"), 12, 24, 30, 1, cells.result, grows=30),
    Column("source", msgid("in Kafka"), 6, 16, 40, 3, _source),
    Column("named", msgid("named as"), 8, 12, 26, EXTRA, _named),
    Column("id", "movement-id", 20, 36, 36, EXTRA + 1, _identity),
)


class ProductMovementsView(LineView[Journey]):
    """A product's movements, newest first.

    Args:
        found: the movements.
    """

    def __init__(self, found: ProductMovements) -> None:
        super().__init__(MOVEMENT_COLUMNS, "product-movements", say("reading the ledger"))
        self._found = found
        self._journeys: list[Journey] = []
        self._rows: dict[Hashable, int] = {}

    @property
    def rows(self) -> int:
        return len(self._journeys)

    def key_at(self, row: int) -> str | None:
        return self._journeys[row].movement_id if 0 <= row < len(self._journeys) else None

    def row_of(self, key: Hashable) -> int | None:
        return self._rows.get(key)

    def item_of(self, key: Hashable) -> Journey | None:
        row = self.row_of(key)
        return None if row is None else self._journeys[row]

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """Return what a line depends on: the movement's progress, and the day."""
        return (item.stage, item.verdict, item.elsewhere, item.offset, time.localtime(now).tm_yday), ""

    def pull(self, now: float) -> None:
        """Show the unrecorded movements, followed by those in the ledger."""
        journeys = [*self._found.unrecorded, *self._found.recorded]
        if [one.movement_id for one in journeys] != [one.movement_id for one in self._journeys]:
            self._journeys = journeys
            self._rows = {one.movement_id: row for row, one in enumerate(journeys)}
            self.resize_rows()
            self.refresh()
        self._journeys = journeys
        if self._found.trouble:
            self.empty = say("the ledger can't be read: {why}").format(why=self._found.trouble)
        elif self._found.is_read:
            self.empty = say("no movement of this product yet")
        self.repaint_changed(now)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the filter, and copying and exporting, as ledger entries have no payload."""
        if action == "want":
            return parameters == ("fill",)
        return action != "seek" and super().check_action(action, parameters)


def product_facts(product: Product, waiting: Sequence[Journey]) -> Content:
    """Describe the stock of a product and its pending movements.

    Args:
        product: as Strapi has it.
        waiting: its undecided movements.
    """
    parts: list[str | tuple[str, str]] = [(say("{count} in stock").format(count=count(product.stock)), "bold")]
    if waiting:
        change = sum(one.delta for one in waiting)
        said = say_count("{count} movement on its way", "{count} movements on their way", len(waiting))
        parts += [" · ", (f"{said}: {signed(change)} → {count(product.stock + change)}", STYLES[Tone.PENDING])]
    else:
        parts += [" · ", (say("nothing is pending"), STYLES[Tone.MUTED])]
    status = ", ".join(filter(None, (shown_status(product), contradiction(product))))
    for name, value in (
        (say("status"), status),
        (say("barcode"), product.barcode),
        ("documentId", product.document_id),
    ):
        if value:
            parts += [" · ", (f"{name} ", STYLES[Tone.MUTED]), readable(value)]
    return Content.assemble(*parts)


class ProductScreen(RecordsScreen):
    """One product.

    Args:
        engine: the chain.
        rows: the stock table it is from, in whose order left and right step.
        product: the product.
        below: the main screen, which sends what is typed here, and gets the movement to be repeated.
    """

    BINDINGS = bindings("product")

    def __init__(self, engine: Engine, rows: LineView[Product], product: Product, below: RecordsScreen) -> None:
        super().__init__(engine)
        self._stock = rows
        self._product = product
        self._below = below
        self._period = 0
        self._drawn: object = None
        self._found = ProductMovements(engine, product)
        self.view = ProductMovementsView(self._found)
        self.prompt = AmountPrompt(self.view)

    def compose(self) -> ComposeResult:
        with Vertical(id="product-pane", classes="pane"):
            yield CachedStatic(id="product-facts", markup=False)
            yield StockChart()
            yield self.view
            yield self.prompt
        yield KeysFooter()

    def on_mount(self) -> None:
        """Show the product and start refreshing."""
        self.set_focus(self.view)
        self.pull()
        self.set_interval(1 / min(5, self._engine.settings.screen.frames), self.pull)

    @property
    def product(self) -> Product:
        """The product with its current stock, or its last known state if Strapi has deleted it."""
        self._product = self._engine.journal.stock.get(self._product.id) or self._product
        return self._product

    def pull(self) -> None:
        """Take over changes."""
        now = time.time()
        self._found.pull()
        product = self.product
        pane = self.query_one("#product-pane")
        named = say("Product")
        title = Content(f"{named} · {product.id} {readable(product.name)}")
        set_titles(pane, title, Content(self._subtitle()))
        self.query_one("#product-facts", CachedStatic).update(product_facts(product, self._found.on_the_way))
        self.view.pull(now)
        self._draw(product, now)
        self.prompt.pull()

    def _draw(self, product: Product, now: float) -> None:
        period = PERIODS[self._period]
        points = stock_points(self._found.recorded, product, now, now - period.seconds if period.seconds else 0)
        since = now - period.seconds if period.seconds else (points[0].at if points else now)
        drawn = (points[:-1], self._period, int(now) // 5, self.size)
        if drawn != self._drawn:
            self._drawn = drawn
            chart = self.query_one(StockChart)
            chart.display = bool(points)
            chart.show(points, min(since, now - 1), now)

    def _subtitle(self) -> str:
        said = say("stock over {period}").format(period=say(PERIODS[self._period].name))
        if not self._found.is_whole:
            said += " · " + say("the latest {count} movements").format(count=count(len(self._found.recorded)))
        return said + (f" · ▲ {self._found.trouble}" if self._found.trouble and self._found.recorded else "")

    def fill(self, item: Journey | Product) -> None:
        """Put a movement into the form, and return there."""
        self.dismiss()
        self._below.fill(item)

    def open(self, view: AnyView, item: Journey | Product) -> None:
        """Show a movement in full if its message passed through this engine."""
        known = self._engine.journal.journey(item.movement_id) if isinstance(item, Journey) else None
        if known is None:
            self.notify(say("its message did not pass here; where it stands in Kafka is beside it"))
        else:
            super().open(view, known)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the signs and Esc to the amount line while it is open."""
        if action in {"ask", "step", "period"}:
            return not self.prompt.is_open
        return super().check_action(action, parameters)

    def action_ask(self, sign: str) -> None:
        """Ask for an amount."""
        self.prompt.ask(sign, self._targets)

    def _targets(self) -> Sequence[Target]:
        return [Target(self.product, sum(one.delta for one in self._found.on_the_way))]

    def on_amount_prompt_submitted(self, event: AmountPrompt.Submitted) -> None:
        """Let the screen below send the movement, as it follows what is sent."""
        event.stop()
        self._below.post_message(AmountPrompt.Submitted(event.plan, event.undoes))

    def action_period(self) -> None:
        """Draw the stock over the next time span."""
        self._period = (self._period + 1) % len(PERIODS)
        self.pull()

    def action_step(self, step: int) -> None:
        """Show the previous or next product of the stock table."""
        product = self._stock.neighbour(step)
        if product is None:
            self.notify(say("this is the last product") if step > 0 else say("this is the first product"))
            return
        self.app.switch_screen(ProductScreen(self._engine, self._stock, product, self._below))

    def action_close(self) -> None:
        self.dismiss()
