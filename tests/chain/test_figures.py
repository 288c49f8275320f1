"""Every figure of the screen, the metrics, the account and the notes against the true ones from the servers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from bridge.command.health import HealthServer
from bridge.command.run import account
from bridge.embedded import EmbeddedChain
from bridge.journal import Hop, Journal, Verdict
from bridge.mqtt.publisher import Publisher
from tests.chain.applying import applying, movement, produce
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.faults.proxy import Proxy
from tests.tui.looking import screen_text
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chain.lane import Lane

A_SECOND = 50


class Stream:
    """Fifty movements of one piece a second, mixed with invalid ones, products and events."""

    def __init__(self, lane: Lane, publisher: Publisher, product: int) -> None:
        self.movements = self.rejected = self.others = 0
        self._lane = lane
        self._publisher = publisher
        self._product = product

    async def run(self, seconds: float) -> None:
        """Publish the messages of a number of seconds, which takes longer on a slow machine."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for sent in range(1, round(seconds * A_SECOND) + 1):
            await asyncio.sleep(max(0.0, began + (sent - 1) / A_SECOND - clock()))
            await self._movement(1)
            if sent % 10 == 0:
                await self._movement(0)
            if sent % 25 == 0:
                await self._other(f"{self._lane.name}/product", b'{"barcode":"%s-p","name":"Lamp"}')
                await self._other(f"{self._lane.name}/event/door", b'{"value":"%s","metadata":"{}"}')

    async def _movement(self, amount: int) -> None:
        payload = b'{"id":%d,"amount":%d,"type":"IN"}' % (self._product, amount)
        await self._publisher.publish(self._lane.mqtt_topic, payload)
        self.movements += amount
        self.rejected += not amount

    async def _other(self, topic: str, payload: bytes) -> None:
        await self._publisher.publish(topic, payload % self._lane.name.encode())
        self.others += 1


class Truth(NamedTuple):
    """What waits for Strapi, from Kafka and Strapi themselves."""

    movements: int
    others: int


@contextlib.asynccontextmanager
async def asking(lane: Lane) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=lane.stack.addresses.kafka)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def ends(consumer: AIOKafkaConsumer, *topics: str) -> int:
    places = [
        TopicPartition(topic, number) for topic in topics for number in range(6 if topic.endswith("stock") else 1)
    ]
    return sum((await consumer.end_offsets(places)).values())


def figures(journal: Journal, watch: HealthServer, app: OpsciApp) -> dict[str, str]:
    """By place, how many movements wait for Strapi according to it."""
    with httpx.Client(base_url=watch.url, trust_env=False) as client:
        metrics = {
            sample.name: sample.value
            for family in text_string_to_metric_families(client.get("/metrics").text)
            for sample in family.samples
        }
        notes = client.get("/readyz").json()["notes"]
    screen = screen_text(app)
    on_screen = re.search(r"([0-9,]+) wait for Strapi", screen)
    said = re.search(r"([0-9,]+) movements wait safely in Kafka", screen)
    told = re.search(r"lag ([0-9,]+)", account(journal))
    return {
        "the head of the Kafka pane": on_screen[1] if on_screen else "-",
        "the banner": said[1] if said else "-",
        "the account": told[1] if told else "-",
        "readyz": str(notes.get("apply", "-")).split(" ")[0],
        "metrics": f"{metrics['opsci_lag_records']:,.0f}",
    }


async def test_with_strapi_down_at_fifty_a_second_each_figure_is_the_right_one(lane: Lane) -> None:
    product = await lane.make_product(0)
    strapi = Proxy(int(lane.stack.addresses.strapi.rsplit(":", 1)[1]))
    await strapi.start()
    settings = lane.settings(strapi={"url": f"http://127.0.0.1:{strapi.port}"}, watch={"port": 0})
    chain = EmbeddedChain(settings)
    journal = chain.journal
    app = OpsciApp(chain)
    try:
        async with (
            app.run_test(size=(170, 45)) as pilot,
            Publisher(lane.settings(mqtt={"client_id": f"{lane.name}-sender"}).mqtt) as publisher,
            asking(lane) as kafka,
        ):
            with HealthServer(settings, journal) as watch:
                stream = Stream(lane, publisher, int(product["id"]))
                await until(lambda: journal.lag == 0, what="the engine has its partitions")
                await stream.run(1)
                total = stream.movements + stream.rejected + stream.others
                await until(lambda: journal.decided.total == total and journal.lag == journal.lag_of_others == 0)
                applied, others = stream.movements, stream.others

                await strapi.set(refused=True)
                strapi.cut()
                running = asyncio.create_task(stream.run(9))
                while not running.done():
                    note, lag = journal.notes.get("apply"), journal.lag
                    if note is not None and note[0].isdigit():
                        assert note.split(" ")[0] in {f"{lag:,}", f"{journal.lag:,}"}
                    await pilot.pause(0.2)
                await running
                assert journal.answered.total == applied + others
                assert journal.answered.per_second() == 0, (
                    "what ingest rejects goes through MQTT and not through Strapi"
                )
                assert journal.received.per_second() > 0

                await until(
                    lambda: (
                        journal.received.total == stream.movements + stream.rejected + stream.others
                        and journal.produced.total == stream.movements + stream.others
                    )
                )
                truth = Truth(
                    await ends(kafka, lane.stock) - await lane.stock_of(product),
                    await ends(kafka, lane.product, lane.event) - others,
                )
                assert truth == (stream.movements - applied, stream.others - others)
                assert truth.movements > 8 * A_SECOND
                await until(lambda: (journal.lag, journal.lag_of_others) == truth)
                await pilot.pause(0.5)
                said = await asyncio.to_thread(figures, journal, watch, app)
                assert said == dict.fromkeys(said, f"{truth.movements:,}")
                assert re.search(r"3 Strapi +DOWN [0-9]+ (s|min) .* 0/s", screen_text(app))

                await strapi.mend()
                await until(lambda: journal.lag == journal.lag_of_others == 0 and "apply" not in journal.notes)
                assert await lane.stock_of(product) == stream.movements == journal.verdicts[Verdict.APPLIED]
                assert journal.verdicts[Verdict.CARRIED] == stream.others
                assert journal.answered.total == stream.movements + stream.others
                assert journal.rejected.total == stream.rejected == journal.reasons["zero-amount"]
                assert {hop: found.total for hop, found in journal.latency.items()} == dict.fromkeys(
                    Hop, stream.movements
                )
    finally:
        await asyncio.to_thread(chain.stop)
        await strapi.stop()


async def test_a_backlog_is_counted_right_from_the_start_by_one_engine_and_by_two(lane: Lane) -> None:
    settings = lane.settings(strapi={"url": "http://127.0.0.1:1"})
    payloads: list[bytes | None] = [movement(number, 1) for number in range(1, 301)]
    await produce(lane, lane.stock, payloads)
    await produce(lane, lane.product, [b'{"barcode":"%s-%d"}' % (lane.name.encode(), number) for number in range(7)])
    async with applying(settings, drain=False) as (first, _):
        await until(lambda: (first.lag, first.lag_of_others) == (300, 7))
        await until(lambda: first.notes.get("apply") == "300 movements wait for Strapi")
        async with applying(settings, drain=False) as (second, _):
            await until(lambda: second.lag > 0 and first.lag + second.lag == 300, what="each says its own share")
            await until(lambda: first.lag_of_others + second.lag_of_others == 7)
            await produce(lane, lane.stock, payloads[:50])
            await until(lambda: first.lag + second.lag == 350)
            for journal in (first, second):
                await until(lambda journal=journal: journal.notes["apply"].startswith(f"{journal.lag} movements"))  # type: ignore[misc]
                assert journal.decided.total == journal.answered.total == 0
                assert f"lag {journal.lag}" in account(journal)


async def test_what_a_pause_leaves_in_kafka_is_counted(lane: Lane) -> None:
    product = int((await lane.make_product(0))["id"])
    async with engine(lane.settings()) as chain:
        await until(lambda: chain.journal.lag == 0)
        chain.apply.pause()
        await produce(lane, lane.stock, [movement(product, 1)] * 120)
        await until(lambda: chain.journal.lag == 120)
        chain.apply.resume()
        await until(lambda: chain.journal.lag == 0)
        assert chain.journal.verdicts[Verdict.APPLIED] == 120
