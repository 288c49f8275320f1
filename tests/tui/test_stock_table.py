"""The stock table: sorted as the arrow says, filtered, and each change in its own row, with any number of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from tests.tui.looking import main_screen, screen_text, until, widget_lines
from tests.tui.scripted import BIKE, NOON, ScriptedEngine
from tui.app import OpsciApp
from tui.widgets.sorted_view import Order
from tui.widgets.stock import StockView

if TYPE_CHECKING:
    import pytest
    from textual.pilot import Pilot


async def test_the_stock_table_is_sorted_by_the_column_with_the_arrow(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).stock
    await until(pilot, lambda: view.rows == 3)
    await pilot.press("3", "g")

    def ids() -> list[int | None]:
        return [view.key_at(row) for row in range(view.rows)]

    assert "#▲" in widget_lines(view)[0]
    await pilot.press("greater_than_sign")
    assert "product▲" in widget_lines(view)[0]
    assert ids() == [120, 12, 13]
    await pilot.press("greater_than_sign", "o")
    assert "stock▼" in widget_lines(view)[0]
    assert ids() == [12, 120, 13]
    engine.flow(1, product="13", amount=100)
    await until(pilot, lambda: ids() == [13, 12, 120])
    assert view.cursor == 12
    await pilot.press("less_than_sign")
    assert "product▲" in widget_lines(view)[0]


async def test_a_filter_that_lets_nothing_through_is_no_absence_of_products(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    for view in (screen.stock, screen.mqtt):
        absent = widget_lines(view)[1]
        view.set_filter("no such thing")
        assert "nothing that the filter lets" in widget_lines(view)[1]
        view.set_filter("")
        assert widget_lines(view)[1] == absent


async def test_one_movement_among_very_many_products_moves_its_own_row(engine: ScriptedEngine) -> None:
    many = [
        BIKE._replace(id=each, document_id=f"doc{each}", name=f"Bike {each}", stock=20) for each in range(1_000, 61_000)
    ]
    engine.journal.stock.read(many, complete=False)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        view = main_screen(app).stock
        await until(pilot, lambda: view.rows == 60_003)
        # Honest work on each of them, however long all of it takes.
        view.set_filter("re:bike.\\d+[0-8]\\b")
        assert (view.filter_trouble, view.rows) == ("", 54_000)
        view.set_filter("stock<6")
        await until(pilot, lambda: view.rows == 1)
        engine.journal.stock.moved(40_000, 3, -17, NOON)
        engine.journal.stock.moved(13, 9, 4, NOON)
        await until(pilot, lambda: [view.key_at(row) for row in range(view.rows)] == [40_000])
        view.set_filter("")
        view.sort(Order("when", reverse=True))
        engine.journal.stock.moved(50_000, 21, 1, NOON + 9)
        await until(pilot, lambda: view.key_at(0) == 50_000)
        assert view.rows == 60_003


async def test_a_filter_that_has_no_end_on_what_a_product_became_is_given_up(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).stock
    engine.journal.stock.read(
        [BIKE._replace(id=each, document_id=f"doc{each}") for each in range(1_000, 1_100)], complete=False
    )
    await until(pilot, lambda: view.rows == 103)
    view.set_filter("re:(z|zz)+$")
    await until(pilot, lambda: view.rows == 0)
    engine.journal.stock.read([BIKE._replace(name="z" * 60 + "b")], complete=False)
    await until(pilot, lambda: "takes too long on one product" in screen_text(app) and view.rows == 103)


async def test_what_is_typed_at_once_is_filtered_by_once(
    monkeypatch: pytest.MonkeyPatch, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).stock
    await until(pilot, lambda: view.rows == 3)
    await pilot.press("3", "slash")
    filters: list[str] = []
    set_filter = StockView.set_filter

    def watched(own: StockView, typed: str) -> None:
        filters.append(typed)
        set_filter(own, typed)

    monkeypatch.setattr(StockView, "set_filter", watched)
    for letter in "concrete":
        app.post_message(events.Key(letter, letter))
    await until(pilot, lambda: view.filter_text == "concrete")
    assert view.rows == 1
    assert len(filters) < len("concrete")
