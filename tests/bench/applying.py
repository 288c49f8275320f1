"""Apply: from Kafka into Strapi by the ledger, by plain REST with merged movements, or by a GET and a PUT each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from stack.paths import ROOT
from tests.bench.group import Group, produce
from tests.bench.lane import Lane
from tests.bench.outcome import Outcome
from tests.bench.processes import Watched
from tests.bench.publisher import PRODUCTS
from tests.bench.running import Running
from tests.bench.shop import Shop
from tests.bench.work import OURS, Contender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bench.bench import Bench

__all__ = ["GET_PUT", "LEDGER", "PLAIN_REST", "deltas_of", "run_apply"]

LEDGER: Final = Contender(
    OURS,
    "each movement once, recorded with its verdict in the transaction that changes the stock",
    "opsci-bridge --only apply with its defaults, which find the ledger's route",
    exact=True,
    told={"count": 60_000, "ledger": True},
)
PLAIN_REST: Final = Contender(
    "rest5",
    "each movement once through a crash, as the product keeps the position that was applied last",
    "opsci-bridge --only apply, strapi.mode rest5: movements of a product merged",
    exact=True,
    told={"count": 10_000, "flags": ["--set", "strapi.mode=rest5"]},
)
GET_PUT: Final = Contender(
    "get-put",
    "a crash between PUT and commit counts a movement twice; two writers lose some",
    "one writer, httpx with a kept connection, commits every 20",
    exact=True,
    told={"count": 600, "program": "get_put"},
)


def movements_of(count: int, products: int) -> list[tuple[bytes, bytes]]:
    """Create movements as (key, value): products in turn, three in for every two out, the last ones in."""
    found = []
    for number in range(count):
        product = number % products + 1
        amount, kind = (3, "IN") if number // products % 2 == 0 else (2, "OUT")
        found.append((b"%d" % product, b'{"id":%d,"amount":%d,"type":"%s"}' % (product, amount, kind.encode())))
    return found


def deltas_of(count: int, products: int) -> dict[int, int]:
    """Return the change of stock that `movements_of` makes to each product."""
    deltas: dict[int, int] = {}
    for number in range(count):
        product = number % products + 1
        deltas[product] = deltas.get(product, 0) + (3 if number // products % 2 == 0 else -2)
    return deltas


def run_apply(bench: Bench, contender: Contender, products: int = PRODUCTS) -> Outcome:
    """Put movements into a topic, then time how the contender applies them to Strapi.

    Args:
        bench: provides the servers.
        contender: its `told` has `count`, the movements in a full-size run, and more.
        products: number of products the movements are spread over.
    """
    count = bench.scaled(int(contender.told["count"]), 200)
    shop = Shop(bench)
    shop.stock_up(products)
    with Lane(bench) as lane:
        produce(lane.topic, movements_of(count, products), lane.name)
        before = shop.stocks()
        group = Group(bench.kafka, lane.name, lane.topic)
        with (
            Running(_argv(bench, contender, lane), bench.folder / f"{lane.name}.log", ROOT) as running,
            Watched({"contender": running.pid, **bench.pids("kafka", "strapi")}) as watched,
        ):
            first, last = group.follow(count, running)
        after = shop.stocks()
        unrecorded = count - shop.recorded(f"{lane.name}-") if contender.told.get("ledger") else 0
        moved = {product: after[product] - before[product] for product in after if after[product] != before[product]}
        cpu = watched.cpu(first.at, last.at)
        return Outcome(
            value=(last.total - first.total) / (last.at - first.at),
            seconds=last.at - first.at,
            messages=last.total - first.total,
            cpu=cpu,
            memory=watched.memory(),
            missing=max(unrecorded, _wrong(moved, deltas_of(count, products))),
        )


def _wrong(moved: Mapping[int, int], wanted: Mapping[int, int]) -> int:
    """Count the products with a wrong stock."""
    return sum(moved.get(product, 0) != wanted.get(product, 0) for product in dict.fromkeys([*moved, *wanted]))


def _argv(bench: Bench, contender: Contender, lane: Lane) -> list[str]:
    addresses = bench.stack.addresses
    if contender.told.get("program") == "get_put":
        told = [addresses.kafka, lane.topic.name, lane.name, addresses.strapi, str(bench.stack.paths.bridge_token)]
        return [sys.executable, "-m", "tests.bench.peers.get_put", *told]
    settings: dict[str, Any] = {
        "mqtt": {"url": addresses.mqtt_tcp, "client_id": lane.name},
        "kafka": {"brokers": [addresses.kafka], "group": lane.name},
        "strapi": {"url": addresses.strapi, "token_file": str(bench.stack.paths.bridge_token)},
        "watch": {"port": 0},
        "routes": [{"mqtt": "", "kafka": lane.topic.name, "does": "movement"}],
    }
    file = bench.folder / f"{lane.name}.toml"
    file.write_text(tomli_w.dumps(settings))
    flags = contender.told.get("flags", [])
    return [sys.executable, "-m", "bridge", "--only", "apply", "--config", str(file), *flags]
