"""The numbers of the main screen and of the windows against counts by others: an MQTT client, Kafka, Strapi's REST."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from datetime import datetime
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import aiomqtt
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from bridge.embedded import EmbeddedChain
from bridge.journal import State
from bridge.mqtt.publisher import Publisher
from tests.faults.proxy import Proxy
from tests.tui.looking import main_screen, screen_text, widget_text
from tests.tui.looking import until as looked_until
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot

    from tests.chain.lane import Lane

A_SECOND = 50
FULL, EMPTY = 1_000, 2
"""The stock of the product that is moved, and of the one that has too few."""


LONG = 240
"""Seconds to wait for what takes a few, as other tests run beside this one."""


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the application run until a condition holds."""
    await looked_until(pilot, condition, LONG)


class Counts(NamedTuple):
    """What others count.

    Attributes:
        received: messages at another MQTT client.
        records: records in the stock topic.
        refused: records in the errors topic.
        applied: by how much the stock in Strapi grew, one piece for each movement.
        settled: entries of the ledger, applied and refused ones.
        committed: what the group has committed in the stock topic.
        products: all products in Strapi.
    """

    received: int
    records: int
    refused: int
    applied: int
    settled: int
    committed: int
    products: int

    @property
    def waits(self) -> int:
        """How many records no entry of the ledger is of."""
        return self.records - self.settled


class Others:
    """Counts by clients of their own.

    Args:
        lane: the test's topics.
        full: the product that is moved.
        empty: the one that has too few.
    """

    def __init__(self, lane: Lane, full: dict[str, Any], empty: dict[str, Any]) -> None:
        self.lane = lane
        self.full = full
        self.empty = empty
        self.heard: list[float] = []
        """When the other MQTT client received each message, on the monotonic clock."""
        self.moved: list[float] = []
        """The same for messages that move the full product, in seconds since the epoch."""
        self.sent = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen within the block."""
        ready = asyncio.Event()
        task = asyncio.create_task(self._listen(ready))
        try:
            await asyncio.wait_for(ready.wait(), 60)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, ready: asyncio.Event) -> None:
        parts = urlsplit(self.lane.stack.addresses.mqtt_tcp)
        async with aiomqtt.Client(parts.hostname or "", parts.port or 1883) as client:
            await client.subscribe(self.lane.mqtt_topic, 1)
            ready.set()
            mark = b'"id":%d,' % self.full["id"]
            async for message in client.messages:
                self.heard.append(time.monotonic())
                if mark in message.payload:
                    self.moved.append(time.time())

    async def publish(self, is_over: Callable[[], bool]) -> None:
        """Publish fifty a second: mostly what is applied, some of which Strapi has too few, some that is not JSON."""
        lane, clock = self.lane, time.monotonic
        async with Publisher(lane.settings(mqtt={"client_id": f"{lane.name}-sender"}).mqtt) as publisher:
            began = clock()
            for number in count(0):
                if is_over():
                    break
                await asyncio.sleep(max(0.0, began + number / A_SECOND - clock()))
                payload = b'{"id":%d,"amount":1,"type":"IN"}' % self.full["id"]
                if number % 10 == 3:
                    payload = b'{"id":%d,"amount":5,"type":"OUT"}' % self.empty["id"]
                elif number % 25 == 7:
                    payload = b"no JSON"
                await publisher.publish(lane.mqtt_topic, payload)
                self.sent += 1

    def rate(self) -> float:
        """The mean of the last three whole seconds at the other MQTT client."""
        now = int(time.monotonic())
        return sum(now - 3 <= at < now for at in self.heard) / 3

    async def took(self) -> float:
        """The median time in seconds from the other MQTT client's receipt to the entry in the ledger."""
        rows: list[dict[str, str]] = []
        async with self.lane.strapi() as strapi:
            while len(rows) < len(self.moved):
                query = {
                    "filters[product_document_id][$eq]": str(self.full["documentId"]),
                    "sort": "id:asc",
                    "pagination[start]": str(len(rows)),
                    "pagination[limit]": "100",
                }
                answer = await strapi.get("/api/stock-movements", params=query)
                rows += answer.raise_for_status().json()["data"]
        assert len(rows) == len(self.moved)
        stored = (datetime.fromisoformat(row["createdAt"]).timestamp() for row in rows)
        return median(at - heard for at, heard in zip(stored, self.moved, strict=True))

    async def count(self) -> Counts:
        """Ask all of them."""
        lane = self.lane
        brokers = lane.stack.addresses.kafka
        consumer = AIOKafkaConsumer(bootstrap_servers=brokers)
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
        stock = [TopicPartition(lane.stock, number) for number in range(6)]
        errors = [TopicPartition(lane.errors, 0)]
        await consumer.start()
        await admin.start()
        try:
            async with lane.strapi() as strapi:
                settled = 0
                for product in (self.full, self.empty):
                    query = {"filters[product_document_id][$eq]": str(product["documentId"])}
                    settled += await _total(strapi.get, "/api/stock-movements", query)
                products = await _total(strapi.get, "/api/products", {})
            applied = await lane.stock_of(self.full) - FULL
            positions = await admin.list_consumer_group_offsets(lane.name)
            return Counts(
                len(self.heard),
                sum((await consumer.end_offsets(stock)).values()),
                sum((await consumer.end_offsets(errors)).values()),
                applied,
                settled,
                sum(max(0, positions[place].offset) for place in stock if place in positions),
                products,
            )
        finally:
            await consumer.stop()
            await admin.close()


async def _total(get: Callable[..., object], path: str, query: dict[str, str]) -> int:
    answer = await get(path, params={**query, "pagination[pageSize]": 1})  # type: ignore[misc]
    total: int = answer.raise_for_status().json()["meta"]["pagination"]["total"]
    return total


def number(pattern: str, text: str) -> int:
    """The number that a pattern finds in a text; -1 if it is not there."""
    found = re.search(pattern, text)
    return int(found[1].replace(",", "")) if found else -1


def rates(app: OpsciApp) -> list[float]:
    """The rate in each pane's head."""
    titles = [str(pane.border_title) for pane in main_screen(app).panes]
    return [float(found[1]) if (found := re.search(r"([0-9.]+)/s", title)) else -1.0 for title in titles]


def typical(app: OpsciApp) -> float:
    """The typical time from end to end at the top, in seconds."""
    found = re.search(r"typically ([0-9.]+) (ms|s) ", widget_text(main_screen(app).query_one("#status")))
    return float(found[1]) / (1_000 if found[2] == "ms" else 1) if found else -1.0


def on_the_main_screen(app: OpsciApp) -> dict[str, int]:
    """The numbers of the main screen, by their places."""
    screen = main_screen(app)
    mqtt, kafka, _ = (widget_text(pane.query_one(".head")) for pane in screen.panes)
    status, footer = widget_text(screen.query_one("#status")), widget_text(screen.query_one("KeysFooter"))
    return {
        "received, in MQTT's head": number(r"([0-9,]+) received", mqtt),
        "waits, in Kafka's head": 0 if "nothing waits" in kafka else number(r"([0-9,]+) waits? for Strapi", kafka),
        "applied, at the top": number(r"([0-9,]+) applied", status),
        "refused, at the top": number(r"([0-9,]+) refused", status),
        "refused, among the keys": number(r"refused ([0-9,]+)", footer),
    }


def expected(counts: Counts) -> dict[str, int]:
    """The same by the others' counts."""
    return {
        "received, in MQTT's head": counts.received,
        "waits, in Kafka's head": counts.waits,
        "applied, at the top": counts.applied,
        "refused, at the top": counts.refused,
        "refused, among the keys": counts.refused,
    }


async def agrees(pilot: Pilot[None], said: Callable[[], object], truth: object) -> None:
    """Wait until the screen says what is true, and show both where it does not."""
    with contextlib.suppress(AssertionError):
        await until(pilot, lambda: said() == truth)
    assert said() == truth


async def all_views_agree(pilot: Pilot[None], app: OpsciApp, others: Others) -> None:
    """Compare the main screen, the stage and every window that counts, while nothing is published."""
    counts, screen = await others.count(), main_screen(app)
    assert counts.received == others.sent
    await agrees(pilot, lambda: on_the_main_screen(app), expected(counts))

    await pilot.press("v", "v")
    stage = screen.query_one("#stage")
    places = ("applied", "refused", "waits?")
    of_stage = [counts.applied, counts.refused, counts.waits]
    await agrees(pilot, lambda: [number(rf"[✓✗◌] ([0-9,]+) {one}", widget_text(stage)) for one in places], of_stage)
    await pilot.press("v")

    await pilot.press("d")
    await until(pilot, lambda: "Refused movements" in screen_text(app))
    patterns = (r"Refused movements · \S+ · ([0-9,]+)", r" all ([0-9,]+) ")
    await agrees(pilot, lambda: [number(one, screen_text(app)) for one in patterns], [counts.refused] * 2)
    reasons = r"(?:insufficient stock|not JSON) ([0-9,]+)"
    assert sum(map(int, re.findall(reasons, screen_text(app)))) == counts.refused
    await pilot.press("escape")

    await pilot.press("i")
    await until(pilot, lambda: "facts-kafka" in {widget.id for widget in app.screen.query("*")})
    facts = app.screen.query_one("#facts-kafka")

    def of_kafka() -> tuple[int, int, int, int]:
        text = widget_text(facts.query_one("CachedStatic"))
        _, _, rest = text.partition(f"{others.lane.stock}  lag ")
        rows = re.findall(r"^ *[0-5] +([0-9,·]+) +([0-9,·]+) +([0-9,·]+) *$", rest.split("\n\n")[0], re.MULTILINE)
        sums = [sum(int(row[place].replace(",", "").replace("·", "0")) for row in rows) for place in range(3)]
        return (number(r"^([0-9,]+)", rest), *sums)  # type: ignore[return-value]

    # Kafka's own lag is of what is committed.
    lag = counts.records - counts.committed
    await agrees(pilot, of_kafka, (lag, counts.records, counts.committed, lag))
    await pilot.press("escape")


async def numbers_under_load(pilot: Pilot[None], app: OpsciApp, others: Others) -> float:
    """Compare while messages are published: no number is ahead of the others', and each reaches what they counted.

    Returns:
        The typical time from end to end that the screen says, in seconds.
    """
    compared = asyncio.Event()
    running = asyncio.create_task(others.publish(compared.is_set))
    try:
        await until(pilot, lambda: others.sent >= A_SECOND)
        before = expected(await others.count())
        steady = [name for name in before if not name.startswith("waits")]
        await until(pilot, lambda: all(on_the_main_screen(app)[name] >= before[name] for name in steady))
        seen = on_the_main_screen(app)
        # They may hear of a message a moment after the engine.
        await until(pilot, lambda: len(others.heard) >= seen["received, in MQTT's head"])
        after = expected(await others.count())
        assert all(seen[name] <= after[name] for name in steady), (seen, after)
        # All that is published passes MQTT; what is not JSON does not reach Kafka.
        await until(pilot, lambda: others.rate() > 0 and abs(rates(app)[0] - others.rate()) <= 0.2 * others.rate())
        await until(pilot, lambda: all(abs(one - others.rate()) <= 0.3 * others.rate() for one in rates(app)))
    finally:
        compared.set()
        await running
    # It is of the last minute, so it is read at once.
    await until(pilot, lambda: typical(app) > 0)
    return typical(app)


async def pending_agrees(pilot: Pilot[None], app: OpsciApp, others: Others, waiting: int) -> None:
    """Compare what a product's row says of movements sent from the screen, and its window of all, while they wait."""
    lane, screen, journal = others.lane, main_screen(app), main_screen(app)._engine.journal
    await pilot.press("3", "slash", *f"{lane.name} bolts", "enter")
    await until(pilot, lambda: screen.stock.rows == 1)
    await pilot.press("g", "plus", "1", "enter")
    others.sent += 1
    await until(pilot, lambda: len(others.heard) == others.sent and journal.lag == waiting + 1)
    stock = FULL + (await others.count()).applied
    row = rf"bolts.* (?:{stock:,} \(\+1\)|{stock}\+1) "
    await until(pilot, lambda: re.search(row, widget_text(screen.stock)))
    pending = sum(b"IN" in record.value for record in await lane.all_records(lane.stock)) - (stock - FULL)
    await pilot.press("enter")
    said = f"{pending:,} movements on their way: +{pending:,} → {stock + pending:,}"
    await until(pilot, lambda: said in screen_text(app))
    await pilot.press("escape", "escape")


@pytest.mark.timeout(900)
async def test_under_load_while_strapi_is_down_and_after_it_every_number_is_the_servers(lane: Lane) -> None:
    others = Others(
        lane, await lane.make_product(FULL, f"{lane.name} bolts"), await lane.make_product(EMPTY, f"{lane.name} screws")
    )
    proxy = Proxy(int(lane.stack.addresses.strapi.rsplit(":", 1)[1]))
    await proxy.start()
    chain = EmbeddedChain(lane.settings(strapi={"url": f"http://127.0.0.1:{proxy.port}"}))
    app = OpsciApp(chain)
    try:
        async with app.run_test(size=(200, 60)) as pilot, others.listening():
            journal, screen = chain.journal, main_screen(app)
            ups = journal.connections.values()
            await until(pilot, lambda: journal.lag == 0 and all(one.state is State.UP for one in ups))
            head, products = screen.panes[2].query_one(".head"), (await others.count()).products
            await agrees(pilot, lambda: number(r"([0-9,]+) products", widget_text(head)), products)

            said = await numbers_under_load(pilot, app, others)
            await until(pilot, lambda: journal.lag == 0 and len(others.heard) == others.sent)
            took = await others.took()
            assert took / 3 - 0.02 <= said <= 3 * took + 0.05, (took, said)
            await all_views_agree(pilot, app, others)

            await proxy.set(refused=True)
            proxy.cut()
            enough = others.sent + 3 * A_SECOND
            await others.publish(lambda: others.sent >= enough)
            await until(pilot, lambda: len(others.heard) == others.sent == journal.received.total)
            waiting = (await others.count()).waits
            assert waiting >= 2 * A_SECOND
            await until(pilot, lambda: journal.lag == waiting)
            await all_views_agree(pilot, app, others)
            banner, told = screen.query_one("#banner"), r"([0-9,]+) movements wait safely"
            await agrees(pilot, lambda: number(told, widget_text(banner)), waiting)
            await pending_agrees(pilot, app, others, waiting)

            await proxy.mend()
            await until(pilot, lambda: journal.lag == 0 and "DOWN" not in screen_text(app))
            # The positions are committed a moment after the last verdict.
            while (counts := await others.count()).committed < counts.records:
                await pilot.pause(0.1)
            assert counts.waits == 0
            await all_views_agree(pilot, app, others)
            await pilot.press("3", "slash", *f"{lane.name} bolts", "enter")
            row = rf"bolts.* {FULL + counts.applied:,} +\+1 "
            await until(pilot, lambda: re.search(row, widget_text(screen.stock)))
    finally:
        await asyncio.to_thread(chain.stop)
        await proxy.stop()
