"""Payloads that are almost JSON, through the real servers: accepted ones count, others get an exact error."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from bridge.journal import Verdict
from bridge.movement import MAX_AMOUNT, Movement, Reason, read_movement
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane

BATCH = "/api/stock-movements/batch"


async def test_what_can_mean_one_thing_alone_counts_and_the_rest_is_named(lane: Lane) -> None:
    product = await lane.make_product(0)
    plain = b'{"id":%d,"amount":1,"type":"IN"}' % product["id"]
    taken = [
        plain,
        codecs.BOM_UTF8 + plain,
        plain + b"\0",
        plain + b"\0" * 90,
        plain + b"\r\n\0",
        plain[:-1] + b"\r\n}",
    ]
    named = {
        b"": "the payload is empty",
        plain.decode().encode("utf-16"): "UTF-16",
        plain.decode().encode("utf-32-be"): "UTF-32",
        plain.replace(b't":1', b't":' + b"9" * 9000): "9000 digits",
        plain * 2: "2 JSON values",
        plain.replace(b't":1', b't":NaN'): "NaN",
        plain.replace(b't":1', b't":0'): "moves nothing",
        plain.replace(b't":1', b't":-1'): "the type says the direction",
    }
    async with engine(lane.settings()) as chain:
        for payload in (*taken, *named):
            await chain.publish(payload)
        await until(lambda: chain.journal.decided.total == len(taken) + len(named))
        assert chain.journal.verdicts[Verdict.APPLIED] == len(taken)
        letters = [letter.journey for letter in await chain.letters()]
    assert await lane.stock_of(product) == len(taken)
    assert sorted(record.value for record in await lane.records(lane.stock, len(taken))) == sorted(taken)
    for payload, said in named.items():
        (kept,) = (one for one in letters if one.holds(payload))
        assert kept.rejection is not None
        assert said in kept.rejection.text
        if kept.rejection.reason in {Reason.ZERO_AMOUNT, Reason.NEGATIVE_AMOUNT, Reason.TOO_LARGE}:
            assert kept.product == str(product["id"])


@pytest.mark.parametrize("field", ["id", "amount", "type"])
async def test_the_ledger_takes_what_the_bridge_takes(shop: Shop, field: str) -> None:
    values: dict[str, list[Any]] = {
        "id": ["12", "x" * 255, "x" * 256, "a\0b", "", "\ud800", "é" * 255, "\U0001f600" * 127, "\U0001f600" * 128],
        "amount": [1, MAX_AMOUNT, MAX_AMOUNT + 1, 0, -1, 1.5, None, True, [1], {}],
        "type": ["IN", "OUT", "in", "", None, 1, ["IN"]],
    }
    whole = {"id": "no-such-product", "amount": 1, "type": "IN"}
    payloads = [json.dumps({**whole, field: value}).encode() for value in values[field]]
    batch = [
        {"movement_id": f"{uuid4()}", "product": found["id"], "amount": found["amount"], "type": found["type"]}
        for found in map(json.loads, payloads)
    ]
    # In ASCII, which has an escape for half a surrogate pair too.
    answer = await shop.http.post(
        BATCH, content=json.dumps({"movements": batch}), headers={"Content-Type": "application/json"}
    )
    verdicts = [verdict["verdict"] for verdict in answer.raise_for_status().json()["verdicts"]]
    assert [verdict != "refused" for verdict in verdicts] == [
        isinstance(read_movement(payload), Movement) for payload in payloads
    ]
