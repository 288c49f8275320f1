"""The form: completion, preview, sending, and the results of sent movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.events import Key

from bridge.errors import PublishError
from bridge.journal import Verdict
from bridge.movement import Reason
from bridge.phrase import Phrase
from bridge.settings import ScreenSettings, Settings
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tests.tui.marks import NARROW
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.widgets.form import MovementForm


def preview_of(form: MovementForm) -> str:
    return widget_text(form.query_one("#preview"))


def way_of(app: OpsciApp) -> str:
    return widget_text(main_screen(app).query_one("#way"))


@pytest.mark.parametrize("size", SIZES)
async def test_from_keys_to_the_stock(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"12", "enter", *"+5")
    await until(pilot, lambda: 'topic  {"id":12,"amount":5,"type":"IN"}' in preview_of(form))
    assert "41 → 46" in widget_text(form.query_one("#meant"))
    await pilot.press("enter")
    await until(pilot, lambda: engine.published)
    payload, answer = engine.published[0]
    assert payload == b'{"id":12,"amount":5,"type":"IN"}'
    await until(pilot, lambda: "sending" in widget_text(form.sent) or not form.sent.display)
    sent = engine.journey(payload)
    sent.published_at, sent.received_at = sent.received_at, None
    engine.journal.published(sent)
    answer.set_result(sent)
    await until(pilot, lambda: "◌ to MQTT" in way_of(app))
    assert form.amount.value == ""
    assert form.product.value == "12"
    journey = engine.journey(payload)
    journey.movement_id = sent.movement_id
    engine.journal.arrived([journey])
    await until(pilot, lambda: "◌ waits for Kafka" in way_of(app))
    engine.acknowledge([journey])
    await until(pilot, lambda: "● Kafka p3@0" in way_of(app))
    engine.apply([journey])
    await until(pilot, lambda: "● 41 → 46 in Strapi" in way_of(app))
    assert "●━●━●  41 → 46" in widget_text(form.sent) or not form.sent.display


async def test_a_rejected_movement_says_why(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"12", "enter", *"-3", "enter")
    await until(pilot, lambda: engine.published)
    journey = engine.journey(engine.published[0][0])
    engine.published[0][1].set_result(journey)
    had = Phrase("stock is {stock}, the movement takes {amount}", stock=2, amount=3)
    engine.reject([journey], Reason.INSUFFICIENT_STOCK, had)
    await until(pilot, lambda: "✗  refused: only 2 in stock" in widget_text(form.sent))


async def test_a_movement_that_got_lost_says_that_it_was_sent_again(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(160, 40)) as pilot:
        form = main_screen(app).form
        await pilot.press("4", *"12", "enter", *"+5", "enter")
        await until(pilot, lambda: engine.published)
        sent = engine.journey(engine.published[0][0])
        sent.received_at = None
        engine.journal.published(sent)
        engine.published[0][1].set_result(sent)
        await until(pilot, lambda: "◌╌○╌○" in widget_text(form.sent))
        sent.resent = "the stock did not show it: sent again by itself, 2 times in all"
        engine.journal.news.ring()
        await until(pilot, lambda: "sent again by itself, 2 times in all" in widget_text(form.sent))
        # Both arrive: the one that counted says what became of it, the other one is no second movement.
        copies = [engine.journey(sent.payload) for _ in range(2)]
        for copy in copies:
            copy.movement_id = sent.movement_id
        engine.journal.arrived(copies)
        engine.acknowledge(copies)
        engine.apply(copies[:1])
        copies[1].verdict, copies[1].decided_at = Verdict.DUPLICATE, copies[0].decided_at
        engine.journal.settled(copies[1:])
        await until(pilot, lambda: "41 → 46" in widget_text(form.sent))
        assert form.sent.entries[0].applied


async def test_a_movement_that_stays_unknown_is_said_and_no_longer_pending(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(160, 40)) as pilot:
        form = main_screen(app).form
        await pilot.press("4", *"12", "enter", *"+5", "enter")
        await until(pilot, lambda: engine.published)
        sent = engine.journey(engine.published[0][0])
        sent.given_up = True
        engine.published[0][1].set_result(sent)
        await until(pilot, lambda: "✗" in widget_text(form.sent))
        assert "unknown: the stock did not show it within a day" in widget_text(form.sent)
        assert form.sent.entries[0].over


async def test_what_could_not_be_published_stays_typed_and_says_why(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"12", "enter", *"+5", "enter")
    await until(pilot, lambda: engine.published)
    await pilot.press("enter")
    assert len(engine.published) == 1, "a second Enter must not send it twice"
    assert "has not answered" in preview_of(form)
    engine.published[0][1].set_exception(PublishError("the broker at ws://x does not answer"))
    await until(pilot, lambda: "not sent: the broker at ws://x does not answer" in preview_of(form))
    assert (form.product.value, form.amount.value) == ("12", "+5")
    assert "✗" in widget_text(form.sent)
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == 2)


async def test_completion_by_name_with_the_arrows(app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"lic")
    await until(pilot, lambda: len(form.suggestions.products) == 2)
    await until(pilot, lambda: "Licensed Plastic Towels" in screen_text(app))
    assert form.suggestions.region.bottom <= form.product.region.y
    await pilot.press("down", "enter")
    assert form.product.value == "13"
    assert form.amount.has_focus
    assert not form.suggestions.is_open
    await until(pilot, lambda: "Licensed Plastic Towels" in widget_text(form.query_one("#meant")))


@NARROW
async def test_completion_by_barcode_and_tab_takes_it(app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"00144", "tab")
    assert form.product.value == "120"
    assert form.amount.has_focus


async def test_a_barcode_is_sent_as_it_was_typed(engine: ScriptedEngine, pilot: Pilot[None]) -> None:
    await pilot.press("4", *"0014487276", "enter", *"2", "enter")
    await until(pilot, lambda: engine.published)
    assert engine.published[0][0] == b'{"id":"0014487276","amount":2,"type":"IN"}'


async def test_escape_closes_the_innermost(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await pilot.press("2", "4", *"lic")
    await until(pilot, lambda: screen.form.suggestions.is_open)
    await pilot.press("escape")
    assert not screen.form.suggestions.is_open
    assert screen.form.product.has_focus
    await pilot.press("escape")
    assert screen.kafka.has_focus


async def test_keys_that_were_typed_at_once_go_where_they_belong(app: OpsciApp, pilot: Pilot[None]) -> None:
    """A screen that is busy with a frame gets them all together."""
    screen = main_screen(app)
    for key in "412":
        app.post_message(Key(key, key))
    await until(pilot, lambda: screen.form.product.value == "12")
    app.post_message(Key("escape", None))
    for key in "347":
        app.post_message(Key(key, key))
    await until(pilot, lambda: screen.form.product.value == "7")


async def test_what_strapi_will_refuse_is_said_and_can_be_sent(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"13", "enter", *"-6")
    await until(pilot, lambda: "only 5 in stock: Strapi would refuse it" in preview_of(form))
    await pilot.press("enter")
    await until(pilot, lambda: engine.published)
    assert engine.published[0][0] == b'{"id":13,"amount":6,"type":"OUT"}'


async def test_nonsense_is_not_sent_and_says_what_to_type(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    form = main_screen(app).form
    await pilot.press("4", *"12", "enter", *"five", "enter")
    await until(pilot, lambda: "five is no amount" in preview_of(form))
    assert not engine.published


async def test_up_and_down_bring_back_what_was_sent(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    for product, amount in (("12", "+5"), ("13", "-2")):
        await pilot.press(
            "escape", "4", "end", *("backspace",) * len(form.product.value), *product, "enter", *amount, "enter"
        )
        await until(pilot, lambda: engine.published and not engine.published[-1][1].done())
        engine.published[-1][1].set_result(engine.journey(engine.published[-1][0]))
        await until(pilot, lambda: form.amount.value == "")
    seen = []
    for key in ("up", "up", "up", "down", "down"):
        await pilot.press(key)
        seen.append((form.product.value, form.amount.value))
    assert seen == [("13", "-2"), ("12", "+5"), ("12", "+5"), ("13", "-2"), ("", "")]


async def test_the_button_sends(engine: ScriptedEngine, pilot: Pilot[None]) -> None:
    await pilot.press("4", *"12", "enter", *"5")
    await pilot.click("#send")
    await until(pilot, lambda: engine.published)


async def test_q_is_a_letter_in_a_field(app: OpsciApp, pilot: Pilot[None]) -> None:
    form = main_screen(app).form
    await pilot.press("4", "q", "1", "question_mark", "z")
    assert form.product.value == "q1?z"
    assert app.is_running
    assert len(app.screen_stack) == 1


async def test_the_form_is_ready_for_another_product() -> None:
    engine = ScriptedEngine()
    engine.stock_up()
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        form = main_screen(app).form
        await pilot.press("4", *"12")
        await until(pilot, lambda: form.product.value == "12")
        await pilot.press("escape", "escape", "1", "4", *"13")
        await until(pilot, lambda: form.product.value == "13")


async def test_the_web_clients_address_is_shown_where_there_is_room() -> None:
    web = "http://127.0.0.1:8000"
    app = OpsciApp(ScriptedEngine(Settings(screen=ScreenSettings(frames=30, web=web))))
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: web in screen_text(app))
        offered = [str(command.help) for command in app.get_system_commands(app.screen)]
        assert any(web in text for text in offered)
