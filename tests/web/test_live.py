"""The page for a whole class, in a real browser: all publications in three columns, without an engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.mqtt.publisher import Publisher
from tests.chain.applying import movement
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from tests.chain.lane import Lane
    from tests.web.browser import Browser

pytestmark = pytest.mark.timeout(300)


async def test_what_others_publish_is_shown_on_its_way_and_with_its_end(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = (await lane.make_product(40, name=f"{lane.name} lamp"))["id"]
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
        await asyncio.to_thread(browser.open, f"{address}/live")
        await browser.until(lambda: "connected" in browser.text("#brokerState"))
        await browser.until(lambda: "up to date" in browser.text("#stockState"))
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, movement(product, 5), f"{lane.name}-1")
            await publisher.publish(lane.mqtt_topic, movement(product, -99))
            await publisher.publish(lane.mqtt_topic, b"Hello mqtt0")
        await browser.until(lambda: "40 → 45" in browser.text("#movements"))
        await browser.until(lambda: "3 received, 1 applied, 1 refused, 0 waiting" in browser.text("#counts"))
        told = browser.text("#movements")
        assert f"{lane.name} lamp +5" in told
        assert "no movement" in told
        (record,) = [
            one.position
            for one in carries.journal.kafka.slice(0, carries.journal.kafka.next)
            if one.movement_id == f"{lane.name}-1"
        ]
        assert record in told
        carries.apply.pause()
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, movement(product, 1), f"{lane.name}-2")
        await browser.until(lambda: "1 waiting" in browser.text("#counts"))
        assert "on its way" in browser.text("#movements")
        carries.apply.resume()
        await browser.until(lambda: "0 waiting" in browser.text("#counts"))
        assert carries.journal.received.total == 4
    assert "Security" not in "".join(browser.complaints())
