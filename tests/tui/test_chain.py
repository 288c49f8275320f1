"""The screen on the real chain: from a key press to the row in Strapi, and its messages when servers are down."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from bridge.embedded import EmbeddedChain
from bridge.journal import Server, State, Verdict
from bridge.kafka.cluster import _accepted
from bridge.settings import KafkaSettings, MqttSettings, Preset, ScreenSettings, Settings, StrapiSettings
from stack.local import LocalStack
from stack.ports import random_ports
from tests.chain.lane import Lane
from tests.faults.proxy import Proxy
from tests.tui.looking import main_screen, screen_text, until, widget_text
from tui.app import OpsciApp
from tui.cli import _after
from tui.settings.screen import SettingsScreen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.pilot import Pilot

    from tui.screens.main import MainScreen


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


@pytest.fixture
def chain(lane: Lane) -> Iterator[EmbeddedChain]:
    settings = msgspec.structs.replace(lane.settings(), screen=ScreenSettings(frames=30))
    embedded = EmbeddedChain(settings)
    yield embedded
    embedded.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def deserted() -> Iterator[EmbeddedChain]:
    """A chain whose servers are all down."""
    embedded = EmbeddedChain(
        Settings(
            mqtt=MqttSettings(url=f"mqtt://127.0.0.1:{free_port()}"),
            kafka=KafkaSettings(brokers=[f"127.0.0.1:{free_port()}"]),
            strapi=StrapiSettings(url=f"http://127.0.0.1:{free_port()}"),
            screen=ScreenSettings(frames=30),
            drain=1,
        )
    )
    yield embedded
    embedded.stop()


def all_up(chain: EmbeddedChain) -> bool:
    return all(connection.state is State.UP for connection in chain.journal.connections.values())


async def filter_to_its_own(
    pilot: Pilot[None], screen: MainScreen, chain: EmbeddedChain, lane: Lane, *products: dict[str, Any]
) -> None:
    """Wait until the chain is up and has a lane's products, and filter the stock by them."""
    known = chain.journal.stock.get
    await until(pilot, lambda: all_up(chain) and all(known(product["id"]) for product in products))
    await pilot.press("3", "slash", *lane.name, "enter")
    await until(pilot, lambda: screen.stock.rows == len(products))


async def test_from_key_press_to_the_row_in_strapi(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(41, f"{lane.name} gloves")
    identity = str(product["id"])
    app = OpsciApp(chain)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
        await pilot.press("4", *identity)
        await pilot.press("enter", *"+5", "enter")
        await until(pilot, lambda: "41 → 46" in widget_text(screen.form.sent))
        assert "●━●━●  41 → 46" in widget_text(screen.form.sent)
        way = widget_text(screen.query_one("#way"))
        assert "● sent" in way
        assert "● MQTT" in way
        assert "● Kafka p" in way
        assert "41 → 46 in Strapi" in way
        assert await lane.stock_of(product) == 46
        assert screen.mqtt.rows == 1
        assert screen.kafka.rows == 1
        await pilot.press("escape", "1", "k")
        await until(pilot, lambda: screen.kafka.linked == screen.kafka.key_at(0))
        assert screen.stock.linked == product["id"]
        row = chain.journal.stock.get(product["id"])
        assert row is not None
        assert (row.stock, row.last_change) == (46, 5)


async def test_a_products_window_reads_its_movements_from_the_ledger_and_moves_its_stock(
    lane: Lane, chain: EmbeddedChain
) -> None:
    product = await lane.make_product(10, f"{lane.name} soap")
    app = OpsciApp(chain)
    async with app.run_test(size=(160, 40)) as pilot:
        screen = main_screen(app)
        await filter_to_its_own(pilot, screen, chain, lane, product)
        await pilot.press("g", "enter")
        await until(pilot, lambda: "no movement of this product yet" in screen_text(app), 40)
        await pilot.press("plus", "7", "enter")
        await until(pilot, lambda: "✓ 10 → 17" in screen_text(app), 40)
        await until(pilot, lambda: f"{lane.stock} p" in screen_text(app) and "17 in stock" in screen_text(app))
        await pilot.press("minus", *"99", "enter")
        await until(pilot, lambda: "✗" in screen_text(app), 40)
        await pilot.press("escape")
        await until(pilot, lambda: "✗" in widget_text(screen.form.sent))
        assert await lane.stock_of(product) == 17


async def test_plus_on_a_row_moves_the_stock(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(10, f"{lane.name} towels")
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await filter_to_its_own(pilot, screen, chain, lane, product)
        await pilot.press("g", "minus", "4", "enter")
        await until(pilot, lambda: "10 → 6" in widget_text(screen.form.sent))
        assert await lane.stock_of(product) == 6
        await until(pilot, lambda: " 6 " in widget_text(screen.stock))
        await pilot.press("u")
        await until(pilot, lambda: "sends +4  6 → 10" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "6 → 10" in widget_text(screen.form.sent))
        assert await lane.stock_of(product) == 10
        await pilot.press("equals_sign", *"25", "enter")
        await until(pilot, lambda: "10 → 25" in widget_text(screen.form.sent))
        assert await lane.stock_of(product) == 25


async def test_marked_rows_move_together_and_r_repeats_one_of_them(lane: Lane, chain: EmbeddedChain) -> None:
    first = await lane.make_product(1, f"{lane.name} cups")
    second = await lane.make_product(2, f"{lane.name} plates")
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await filter_to_its_own(pilot, screen, chain, lane, first, second)
        await pilot.press("g", "space", "space", "plus", "5", "enter")
        await until(pilot, lambda: chain.journal.strapi.next == 2)
        assert (await lane.stock_of(first), await lane.stock_of(second)) == (6, 7)
        await pilot.press("2", "k", "r")
        await until(pilot, lambda: screen.form.amount.value == "+5")
        await pilot.press("enter")
        await until(pilot, lambda: chain.journal.strapi.next == 3)
        assert await lane.stock_of(first) + await lane.stock_of(second) == 18


async def test_all_dead_letters_go_again_after_a_fix(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(2, f"{lane.name} chairs")
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        await filter_to_its_own(pilot, main_screen(app), chain, lane, product)
        await pilot.press("g", "minus", "6", "enter")
        await until(pilot, lambda: "refused 1" in screen_text(app))
        await pilot.press("minus", "7", "enter")
        await until(pilot, lambda: "refused 2" in screen_text(app))
        await pilot.press("equals_sign", *"20", "enter")
        await until(pilot, lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
        await pilot.press("d", "A")
        await until(pilot, lambda: "Send all 2 refused movements again?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: "nothing refused waits" in screen_text(app))
        await until(pilot, lambda: chain.journal.verdicts[Verdict.APPLIED] == 3)
        assert await lane.stock_of(product) == 20 - 6 - 7


async def test_what_strapi_refuses_says_why(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(2, f"{lane.name} bikes")
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
        await pilot.press("4", *str(product["id"]), "enter", *"-3")
        await until(pilot, lambda: "Strapi would refuse it" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "✗" in widget_text(screen.form.sent))
        assert await lane.stock_of(product) == 2
        await until(pilot, lambda: chain.journal.errors.next == 1)


async def test_a_dead_letter_of_before_is_mended_followed_and_kept_while_the_counters_begin_anew(
    lane: Lane, chain: EmbeddedChain
) -> None:
    product = await lane.make_product(2, f"{lane.name} lamps")
    value = {"error": "Request failed with status code 404", "message": '{"id": 0, "amount": 3, "type": "IN"}'}
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    await producer.send_and_wait(lane.errors, msgspec.json.encode(value))
    await producer.stop()
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: all_up(chain) and "refused 1" in screen_text(app))
        await pilot.press("d", "m", "home", *("right",) * 7, "delete", *str(product["id"]))
        await until(pilot, lambda: f"moves {product['id']} by +3" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "nothing refused waits" in screen_text(app))
        await until(pilot, lambda: chain.journal.strapi.next == 1)
        assert await lane.stock_of(product) == 5
        await until(pilot, lambda: "2 → 5" in widget_text(app.screen.query_one("#letters-way")))
        await pilot.press("escape")
        await until(pilot, lambda: "2 → 5" in widget_text(app.screen.query_one("#way")))
        journal = chain.journal
        assert (journal.received.total, journal.verdicts[Verdict.APPLIED]) == (1, 1)
        await pilot.press("ctrl+p", *"reset count")
        await until(pilot, lambda: "counts to zero" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Reset the counters?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: (journal.received.total, journal.verdicts[Verdict.APPLIED]) == (0, 0))
        assert (journal.strapi.next, await lane.stock_of(product)) == (1, 5)
        chain.publish(b'{"id":%d,"amount":1,"type":"IN"}' % product["id"], lane.mqtt_topic)
        await until(pilot, lambda: (journal.received.total, journal.verdicts[Verdict.APPLIED]) == (1, 1))
        app.exit()
    again = OpsciApp(chain, running=True)
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "2 → 5" in widget_text(main_screen(again).form.sent))


async def test_all_servers_away_is_said_and_nothing_typed_is_lost(deserted: EmbeddedChain) -> None:
    app = OpsciApp(deserted)
    async with app.run_test(size=(120, 40)) as pilot:
        form = main_screen(app).form
        await until(pilot, lambda: screen_text(app).count(" DOWN ") == 3)
        await pilot.press("4", *"12", "enter", *"+5", "enter")
        await until(pilot, lambda: "not sent:" in widget_text(form.query_one("#preview")))
        assert (form.product.value, form.amount.value) == ("12", "+5")
        await pilot.press("escape", "q")
        await until(pilot, lambda: not app.is_running)


async def test_simulated_objects_move_the_stock_and_are_marked(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(40, f"{lane.name} simulated")
    app = OpsciApp(chain)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
        await pilot.press("a", *"3", "tab", *"40", "enter")
        await until(pilot, lambda: "3 sensors, 40/s" in screen_text(app))
        await until(pilot, lambda: chain.simulation.sent >= 40 and chain.journal.decided.total >= 40, 60)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: not chain.simulation.running and "3 sensors" not in screen_text(app))
        sent = chain.simulation.sent
        await until(pilot, lambda: chain.journal.received.total >= sent)
        await pilot.press("1", "g", "enter")
        await pilot.press(*["pagedown"] * 4)
        await until(pilot, lambda: "simulated-by" in screen_text(app))
        assert chain.simulation.sent == sent
        applied = [journey for journey in chain.journal.strapi.slice(0, sent) if journey.verdict is Verdict.APPLIED]
        assert len(applied) > sent // 2
        assert {dict(journey.properties)["simulated-by"] for journey in applied} <= {"object-1", "object-2", "object-3"}
        await pilot.press("escape")
        assert screen.followed is not None


async def test_a_preset_moves_the_stock(lane: Lane) -> None:
    product = await lane.make_product(3, f"{lane.name} crates", barcode=lane.name)
    presets = [Preset("a crate", 12, lane.name)]
    chain = EmbeddedChain(msgspec.structs.replace(lane.settings(), screen=ScreenSettings(frames=30, presets=presets)))
    app = OpsciApp(chain)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
            await pilot.press("p", *"crate", "enter")
            await until(pilot, lambda: "sends +12  3 → 15" in screen_text(app))
            await pilot.press("enter")
            await until(pilot, lambda: "3 → 15" in widget_text(main_screen(app).form.sent))
        assert await lane.stock_of(product) == 15
    finally:
        chain.stop()


async def test_a_dead_letter_of_another_engine_comes_while_the_screen_is_open(lane: Lane, chain: EmbeddedChain) -> None:
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: all_up(chain))
        await pilot.press("d")
        await until(pilot, lambda: "nothing refused waits" in screen_text(app))
        producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
        await producer.start()
        for number in range(2):
            value = {"error": "from elsewhere", "message": f'{{"id": {number}, "amount": 0, "type": "IN"}}'}
            await producer.send_and_wait(lane.errors, msgspec.json.encode(value))
            await until(pilot, lambda number=number: f"errors · {number + 1}" in screen_text(app), 40)  # type: ignore[misc]
        await producer.stop()


async def test_saved_settings_change_nothing_that_is_counted(lane: Lane, chain: EmbeddedChain) -> None:
    """Dead letters of before and of this run, verdicts, rows, the filter and what was sent: all as they were."""
    product = await lane.make_product(41, f"{lane.name} gloves")
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    for number in range(7):
        await producer.send_and_wait(lane.errors, b'{"error": "old", "message": "%d"}' % number)
    await producer.stop()
    app = OpsciApp(chain)
    # Of the screen's settings, only what is kept needs another journal; it gets it with the next chain.
    changes: list[dict[str, dict[str, object]]] = [
        {"mqtt": {"keepalive": 11}},
        {"kafka": {"timeout": 14.0}, "screen": {"keep": 12_345}},
    ]
    async with app.run_test(size=(160, 45)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
        await pilot.press("4", *str(product["id"]), "enter", *"+5", "enter")
        for payload in (b"not json", b'{"id":12}'):
            chain.publish(payload, lane.mqtt_topic)
        await until(pilot, lambda: chain.journal.received.total == 3 and len(app.letters) == 9)
        await until(pilot, lambda: "41 → 46" in widget_text(screen.form.sent))
        await pilot.press("escape", "1", "slash", *"json", "enter", "2")
        await pilot.pause()
        counted = _counted(app, chain)
        look: dict[str, dict[str, object]] = {"screen": {"theme": "nord", "frames": 20, "keep": 12_345}}
        app.post_message(SettingsScreen.Kept(changed(chain.settings, look), []))
        await until(pilot, lambda: app.theme == "nord")
        assert not app.starts_anew
        assert main_screen(app) is screen
        await _stays(pilot, app, chain, counted)
        await saved(pilot, app, changes[0], chain)
    running = chain
    try:
        for number, change in enumerate(changes, 1):
            running, app = await next_screen(app, running, change)
            async with app.run_test(size=(160, 45)) as pilot:
                assert len(app.letters) == 9, "from the first moment on"
                await _stays(pilot, app, running, counted)
                if number < len(changes):
                    await saved(pilot, app, changes[number], running)
        assert running is not chain
        assert running.settings.screen.theme == "nord"
    finally:
        await asyncio.to_thread(running.stop)


async def _stays(pilot: Pilot[None], app: OpsciApp, chain: EmbeddedChain, counted: Counted) -> None:
    await until(pilot, lambda: all_up(chain))
    # A poll of the dead letters, and a read of the stock.
    await pilot.pause(2.5)
    assert _counted(app, chain) == counted


def changed(settings: Settings, change: dict[str, dict[str, object]]) -> Settings:
    """Settings with some fields changed."""
    for section, values in change.items():
        table = msgspec.structs.replace(getattr(settings, section), **values)
        settings = msgspec.structs.replace(settings, **{section: table})
    return settings


async def saved(pilot: Pilot[None], app: OpsciApp, change: dict[str, dict[str, object]], chain: EmbeddedChain) -> None:
    """The message of the settings screen once a change was saved."""
    app.post_message(SettingsScreen.Kept(changed(chain.settings, change), []))
    await until(pilot, lambda: app.starts_anew)


async def next_screen(
    app: OpsciApp, chain: EmbeddedChain, change: dict[str, dict[str, object]]
) -> tuple[EmbeddedChain, OpsciApp]:
    """The chain and the screen that follow saved settings, as `opsci-tui` creates them."""
    running, before = await asyncio.to_thread(_after, app, changed(chain.settings, change), chain, None)
    return running, OpsciApp(running, running=running.running, before=before)


async def test_a_saved_setting_resumes_nothing_that_was_paused(lane: Lane, chain: EmbeddedChain) -> None:
    product = await lane.make_product(1_000, f"{lane.name} gloves")
    app = OpsciApp(chain)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]))
        chain.pause_apply().result(10)
        await until(pilot, lambda: chain.journal.connections[Server.STRAPI].state is State.PAUSED)
        await pilot.press("4", *str(product["id"]), "enter", *"+5", "enter")
        await until(pilot, lambda: chain.journal.produced.total == 1)
        await saved(pilot, app, {"mqtt": {"keepalive": 11}}, chain)
    running, app = await next_screen(app, chain, {"mqtt": {"keepalive": 11}})
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: running.journal.connections[Server.MQTT].state is State.UP)
            await until(pilot, lambda: running.journal.connections[Server.STRAPI].state is State.PAUSED)
            assert main_screen(app).sent_movements.pending() == {product["id"]: 5}
            running.resume_apply().result(10)
            await until(pilot, lambda: "1,000 → 1,005" in widget_text(main_screen(app).form.sent))
            assert await lane.stock_of(product) == 1_005
    finally:
        await asyncio.to_thread(running.stop)


class Counted(NamedTuple):
    """The screen's counts."""

    letters: int
    received: int
    produced: int
    decided: int
    verdicts: dict[Verdict, int]
    rows: list[int]
    filters: list[str]
    products: int
    sent: str


def _counted(app: OpsciApp, chain: EmbeddedChain) -> Counted:
    journal, screen = chain.journal, main_screen(app)
    screen.pull()
    return Counted(
        len(app.letters),
        journal.received.total,
        journal.produced.total,
        journal.decided.total,
        dict(journal.verdicts),
        [pane.view.rows for pane in screen.panes],
        [pane.view.filter_text for pane in screen.panes],
        len(journal.stock),
        widget_text(screen.form.sent).strip(),
    )


@pytest.fixture(scope="module")
def other_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("other"), ports=random_ports(), servers=("kafka",)) as stack:
        yield stack


async def test_a_restart_shows_what_was_sent_to_this_cluster_and_not_to_another_at_its_address(
    lane: Lane, other_kafka: LocalStack
) -> None:
    there = Lane(other_kafka)
    for name in ("name", "stock", "errors", "product", "event"):
        setattr(there, name, getattr(lane, name))
    await there.make_topics()
    product = await lane.make_product(3, f"{lane.name} crates")
    proxy = Proxy(lane.stack.ports.kafka, relabel={})
    await proxy.start()
    settings = msgspec.structs.replace(
        lane.settings(kafka={"brokers": [f"127.0.0.1:{proxy.port}"], "timeout": 5, "accept_new": True}),
        screen=ScreenSettings(frames=30),
    )
    proxy.lead_to(lane.stack.ports.kafka)
    assert await _sent_to(settings, product, more=[5]) == [5]
    proxy.lead_to(other_kafka.ports.kafka)
    assert await _sent_to(settings, product) == []
    proxy.lead_to(lane.stack.ports.kafka)
    assert await _sent_to(settings, product) == [5]
    await proxy.stop()


async def _sent_to(settings: Settings, product: dict[str, Any], more: Sequence[int] = ()) -> list[int]:
    """Open the screen as a program that starts does, send movements of a product, and return what it shows as sent."""
    # `kafka.accept_new` takes effect once in each program.
    _accepted.clear()
    chain = EmbeddedChain(settings)
    app = OpsciApp(chain)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            screen = main_screen(app)
            await until(pilot, lambda: all_up(chain) and chain.journal.stock.get(product["id"]), 60)
            for amount in more:
                await pilot.press("4", *str(product["id"]), "enter", *f"{amount:+d}", "enter")
                await until(pilot, lambda: "3 → 8" in widget_text(screen.form.sent))
            screen.pull()
            if screen.form.sent.entries:
                assert "3 → 8" in widget_text(screen.form.sent)
            app.exit()
            return [one.movement.delta for one in screen.form.sent.entries]
    finally:
        chain.stop()
