"""A product's movements from the real ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.apply.product_history import movements_of
from bridge.journal import Journey, Product, Verdict
from bridge.movement import Movement, Reason
from bridge.strapi.client import StrapiClient
from bridge.strapi.ledger import Ledger
from tests.chain.lane import Lane

if TYPE_CHECKING:
    from stack.local import LocalStack


def journey(lane: Lane, number: int, product: int, amount: int) -> Journey:
    movement = Movement(str(product), abs(amount), "IN" if amount > 0 else "OUT")
    return Journey(f"{lane.name}-{number}", b"", movement=movement, kafka_topic=lane.stock, partition=2, offset=number)


async def test_the_latest_are_read_newest_first_with_their_place_and_later_ones_alone(stack: LocalStack) -> None:
    lane = Lane(stack)
    made, other = await lane.make_product(10, f"{lane.name} a"), await lane.make_product(5, f"{lane.name} b")
    product = Product(made["id"], made["documentId"], "a", 10)
    async with StrapiClient(lane.settings().strapi) as client:
        ledger = Ledger(client)
        await ledger.apply([journey(lane, number, made["id"], 1) for number in range(250)])
        await ledger.apply([journey(lane, 250, other["id"], 1), journey(lane, 251, made["id"], -9_999)])
        found = await movements_of(client, product)
        assert found.is_whole
        assert [one.offset for one in found.movements] == [251, *range(249, -1, -1)]
        refused, latest = found.movements[:2]
        assert refused.verdict is Verdict.REJECTED
        assert refused.rejection is not None
        assert refused.rejection.reason is Reason.INSUFFICIENT_STOCK
        assert (latest.stock_before, latest.stock_after, latest.delta) == (259, 260, 1)
        assert (latest.kafka_topic, latest.position, latest.verdict) == (lane.stock, "p2@249", Verdict.APPLIED)
        assert (await movements_of(client, product, after=found.last)).movements == []
        await ledger.apply([journey(lane, 252, made["id"], 7)])
        later = await movements_of(client, product, after=found.last)
        assert [one.delta for one in later.movements] == [7]
        assert later.last > found.last
        bounded = await movements_of(client, product, most=100)
        assert (len(bounded.movements), bounded.is_whole) == (100, False)
