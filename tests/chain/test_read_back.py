"""An engine ends between Kafka's acknowledgement and its own: the next one recognises what Kafka has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.ingest.in_flight import InFlight
from bridge.mqtt.publisher import Publisher
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting

if TYPE_CHECKING:
    from tests.chain.lane import Lane


@pytest.mark.parametrize("named", [False, True])
async def test_what_kafka_has_is_not_produced_again(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    settings = lane.settings()
    async with Publisher(settings.mqtt) as publisher:
        with monkeypatch.context() as patch:
            # The acknowledgements never leave, as where the engine is killed before they could.
            patch.setattr(InFlight, "settle", lambda *_: None)
            async with ingesting(settings) as journal:
                await connected(journal)
                for number in range(40):
                    payload = b"no movement" if number % 10 == 9 else b'{"id":%d,"amount":1,"type":"IN"}' % (number + 1)
                    await publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{number}" if named else None)
                await until(lambda: journal.produced.total == 36 and journal.rejected.total == 4)
        async with ingesting(settings) as journal:
            await until(lambda: journal.received.total == 40)
            await publisher.publish(lane.mqtt_topic, b'{"id":99,"amount":1,"type":"IN"}')
            await until(lambda: journal.produced.total == 1)
            assert journal.rejected.total == 0
    assert len(await lane.records(lane.stock, 99, 3)) == 37
    assert len(await lane.records(lane.errors, 99, 3)) == 4
