"""The choices of simulated objects: reproducible by seed, mostly applicable, sometimes refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.errors import OpsciError, PublishError
from bridge.journal import Product, StockTable
from bridge.movement import Movement, read_movement
from bridge.simulator import SIMULATED, Choice, Simulated, Simulation
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import Callable

STOCK = {12: 41, 13: 5, 120: 20, 121: 0}


def board() -> StockTable:
    made = StockTable()
    made.read(
        [Product(identity, f"doc{identity}", "gloves", pieces) for identity, pieces in STOCK.items()], complete=True
    )
    return made


def chosen(seed: int, count: int, objects: int = 20, errors: float = 0.035) -> list[tuple[Simulated, int | None]]:
    choice = Choice(objects, seed, errors)
    return [choice.next(STOCK) for _ in range(count)]


def test_a_seed_gives_the_same_messages() -> None:
    assert chosen(7, 500) == chosen(7, 500)
    assert chosen(7, 500) != chosen(8, 500)
    names = {message.name for message, _ in chosen(7, 500)}
    assert {f"object-{number:02}" for number in range(1, 21)} == names


@pytest.mark.parametrize("seed", range(5))
def test_the_stock_stays_plausible_under_what_is_applied(seed: int) -> None:
    stock = dict(STOCK)
    refused = nonsense = 0
    for message, moved in chosen(seed, 5_000):
        found = read_movement(message.payload)
        if not isinstance(found, Movement):
            nonsense += 1
            assert moved is None
            continue
        identity = int(found.product)
        if identity not in stock or stock[identity] + found.delta < 0:
            refused += 1
            assert moved is None
            continue
        assert moved == identity
        stock[identity] += found.delta
    assert 0.01 < refused / 5_000 < 0.06
    assert 0 < nonsense / 5_000 < 0.02
    assert all(0 <= pieces < 300 for pieces in stock.values()), stock
    assert min(stock.values()) < max(stock.values())


@pytest.mark.parametrize(("errors", "least", "most"), [(0.0, 0.0, 0.0), (0.2, 0.15, 0.25), (1.0, 1.0, 1.0)])
def test_the_share_of_errors_is_what_is_asked_for(errors: float, least: float, most: float) -> None:
    stock, wrong = dict(STOCK), 0
    for message, moved in chosen(3, 4_000, errors=errors):
        found = read_movement(message.payload)
        if moved is None:
            wrong += 1
            continue
        assert isinstance(found, Movement)
        stock[moved] += found.delta
        assert stock[moved] >= 0
    assert least <= wrong / 4_000 <= most


async def test_the_status_has_the_share_and_a_share_that_is_none_is_refused() -> None:
    simulation = await simulated(lambda *_: None)
    simulation.start(1, 10, 0.25)
    assert simulation.status.errors == 0.25
    await simulation.stop()
    with pytest.raises(OpsciError, match="0 to 100 % errors"):
        simulation.start(1, 10, 1.5)


async def simulated(
    publish: Callable[[bytes, str, tuple[tuple[str, str], ...]], None], products: StockTable | None = None
) -> Simulation:
    async def sent(payload: bytes, movement_id: str, properties: tuple[tuple[str, str], ...]) -> None:
        publish(payload, movement_id, properties)

    return Simulation(board() if products is None else products, sent, seed=1)


async def test_it_sends_under_ids_and_marks_of_its_own_until_it_is_stopped() -> None:
    sent: list[tuple[bytes, str, tuple[tuple[str, str], ...]]] = []
    simulation = await simulated(lambda *message: sent.append(message))
    simulation.start(3, 1_000)
    await until(lambda: simulation.status.sent >= 50)
    assert (simulation.status.running, simulation.status.objects, simulation.status.rate) == (True, 3, 1_000)
    await simulation.stop()
    assert not simulation.status.running
    count = len(sent)
    assert len({movement_id for _, movement_id, _ in sent}) == count
    assert {properties[0][0] for _, _, properties in sent} == {SIMULATED}
    assert {properties[0][1] for _, _, properties in sent} == {"object-1", "object-2", "object-3"}
    await asyncio.sleep(0)
    assert len(sent) == count


async def test_it_waits_for_the_brokers_words_and_says_that_it_is_slow() -> None:
    waiting: list[asyncio.Future[None]] = []

    async def publish(*_: object) -> None:
        waiting.append(asyncio.get_running_loop().create_future())
        await waiting[-1]

    simulation = Simulation(board(), publish, seed=1)
    simulation.start(1, 5_000)
    await until(lambda: len(waiting) >= 80)
    await until(lambda: simulation.status.slow)
    assert len(waiting) == 80
    for answer in waiting[:10]:
        answer.set_result(None)
    await until(lambda: simulation.status.sent == 10 and len(waiting) == 90)
    await simulation.stop()


async def test_a_broker_that_does_not_take_it_is_said_and_tried_again() -> None:
    tries = []

    def publish(*message: object) -> None:
        tries.append(message)
        if len(tries) < 3:
            raise PublishError("the broker is away")

    simulation = await simulated(publish)
    simulation.start(1, 1)
    await until(lambda: simulation.status.trouble == "the broker is away")
    await until(lambda: simulation.status.sent == 1 and not simulation.status.trouble)
    await simulation.stop()


async def test_without_products_it_does_not_start_and_ends() -> None:
    products = board()
    simulation = await simulated(lambda *_: None, products)
    simulation.start(1, 100)
    products.read([], complete=True)
    await until(lambda: not simulation.status.running)
    assert "no product left" in simulation.status.trouble
    with pytest.raises(OpsciError, match="no product to move"):
        simulation.start(1, 1)


@pytest.mark.parametrize(("objects", "rate"), [(0, 1), (1_001, 1), (1, 0.05), (1, 5_001)])
async def test_what_it_can_do_is_said(objects: int, rate: float) -> None:
    simulation = await simulated(lambda *_: None)
    with pytest.raises(OpsciError, match=r"1 to 1,000 objects, 0\.1 to 5,000 messages a second"):
        simulation.start(objects, rate)
