"""Rows of records that another engine of the group applies: each gets its verdict."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from bridge.journal import Elsewhere, Verdict
from tests.chain.applying import Shop, applying, movement
from tests.chain.engine import engine
from tests.chain.lane import until
from tui.outcome import outcome
from tui.timeline import hop_times

if TYPE_CHECKING:
    from bridge.chain import Chain
    from bridge.journal import Journey
    from tests.chain.lane import Lane


def rows(chain: Chain) -> list[Journey]:
    return chain.journal.kafka.slice(0, 10_000)


async def test_a_row_has_the_ledgers_verdict_of_what_another_engine_applied(lane: Lane, shop: Shop) -> None:
    product = await shop.add(2)
    async with (
        engine(lane.settings(apply={"enabled": False})) as chain,
        applying(lane.settings(mqtt={"client_id": f"{lane.name}-2"})) as (other, _),
    ):
        for payload in (movement(product, -2), movement(product, -5), movement("no-such-product", 1)):
            await chain.publish(payload)
        await until(lambda: other.decided.total == 3)
        await until(lambda: len(rows(chain)) == 3 and all(row.decided_at is not None for row in rows(chain)))
        found = {(row.product, row.movement.delta if row.movement else 0): row for row in rows(chain)}
        applied, refused = found[str(product), -2], found[str(product), -5]
        assert (applied.verdict, applied.stock_before, applied.stock_after) == (Verdict.APPLIED, 2, 0)
        assert outcome(applied).words == "applied"
        assert [station.words for station in hop_times(applied)][-1] == "✓ in Strapi 2 → 0"
        assert (refused.verdict, outcome(refused).words) == (Verdict.REJECTED, "none in stock")
        assert outcome(found["no-such-product", 1]).words == "unknown product"
        journal = chain.journal
        assert journal.decided.total == journal.answered.total == 0, "what another engine did is no work of this one's"
        assert not any(journal.verdicts.values())


async def test_without_a_ledger_a_row_says_that_another_engine_settled_it(lane: Lane, shop: Shop) -> None:
    product = await shop.add(2)
    plain = lane.settings(strapi={"mode": "rest5"})
    async with (
        engine(lane.settings(apply={"enabled": False}, strapi={"mode": "rest5"})) as chain,
        applying(plain) as (other, _),
    ):
        await chain.publish(movement(product, -1))
        await chain.publish(b'{"value":"opened"}', f"{lane.name}/event/door")
        await until(lambda: other.decided.total == 2)
        await until(lambda: len(rows(chain)) == 2 and all(row.elsewhere for row in rows(chain)))
        for row in rows(chain):
            assert (row.elsewhere, row.verdict) == (Elsewhere.SETTLED, None)
            assert outcome(row).words == "by another engine"
            assert "another engine" in hop_times(row)[-1].words


async def test_of_two_engines_that_share_the_partitions_none_leaves_a_row_open(lane: Lane, shop: Shop) -> None:
    products = [await shop.add(0) for _ in range(30)]
    first, second = (lane.settings(mqtt={"client_id": f"{lane.name}-{number}"}) for number in (1, 2))
    async with engine(first) as one, engine(second, wait=False) as two:
        await until(lambda: one.journal.lag == two.journal.lag == 0)
        for product in products:
            await one.publish(movement(product, 1))
        await until(lambda: one.journal.decided.total + two.journal.decided.total == len(products))
        assert min(one.journal.decided.total, two.journal.decided.total) > 0
        await until(lambda: all(row.verdict is Verdict.APPLIED for row in [*rows(one), *rows(two)]))
        assert {row.product for row in [*rows(one), *rows(two)]} == {str(product) for product in products}
    assert [await shop.stock(product) for product in products] == [1] * len(products)


@pytest.mark.parametrize("again", [False, True])
async def test_what_the_ledger_does_not_have_is_said_and_still_counts_when_it_is_read_again(
    lane: Lane, shop: Shop, again: bool
) -> None:
    product = await shop.add(0)
    async with engine(lane.settings(apply={"enabled": False})) as chain:
        await chain.publish(movement(product, 1))
        await until(lambda: len(rows(chain)) == 1)
        (row,) = rows(chain)
        # As somebody does who resets the group to the end.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=lane.stack.addresses.kafka, group_id=lane.name, enable_auto_commit=False
        )
        await consumer.start()
        place = TopicPartition(lane.stock, row.partition)
        consumer.assign([place])
        try:
            await consumer.commit({place: row.offset + 1})
            await until(lambda: row.elsewhere is Elsewhere.UNKNOWN)
            assert outcome(row).words == "not in the ledger"
            if again:
                await consumer.commit({place: row.offset})
        finally:
            await consumer.stop()
        if again:
            apply = asyncio.create_task(chain.apply.run())
            await until(lambda: row.verdict is Verdict.APPLIED and row.elsewhere is None)
            chain.apply.request_stop()
            await apply
            assert await shop.stock(product) == 1
