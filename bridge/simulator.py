"""Simulated objects: they publish movements as real ones would, at a rate that never builds a backlog.

What an object sends next is the same for the same seed and the same stock.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from bridge.backoff import Backoff
from bridge.errors import OpsciError, PublishError
from bridge.identity import new_movement_id
from bridge.journal import Rate
from bridge.movement import MAX_AMOUNT, Movement, encode_movement
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.journal import StockTable

    Publish = Callable[[bytes, str, tuple[tuple[str, str], ...]], Awaitable[None]]

__all__ = ["MOST_OBJECTS", "RATES", "SIMULATED", "Choice", "Simulated", "Simulation", "Standing"]


REFUSED: Final = 0.03
"""The share of movements that Strapi will refuse: more than there is, or a product that there is not."""

NO_MOVEMENT: Final = 0.005
"""The share of payloads that are no movement."""

NONSENSE: Final = (
    b"Hello mqtt0",
    b'{"id":12,"amount":0,"type":"OUT"}',
    b'{"id":null,"amount":null,"type":"OUT"}',
    b'{"id":12,"amount":5,"type":"MOVE"}',
    b'{"id":12,"amount":5,"type":',
)
"""Such payloads: what the course's test scripts and its web client send, and a line that broke."""

RANGE: Final = 4
"""How many products one object moves."""

LEAST_HOME: Final = 20
"""The stock that a product is brought back to where it began with less."""

HIGHEST: Final = MAX_AMOUNT // 2
"""No product is filled beyond this."""

SIMULATED: Final = "simulated-by"
"""The MQTT 5 user property that marks a simulated movement and names its object."""

MOST_OBJECTS: Final = 1_000
"""The most objects."""

RATES: Final = (0.1, 5_000.0)
"""The lowest and the highest rate in messages a second."""

_UNDER_WAY: Final = 80
"""How many messages may wait for the broker's word; then nothing more is sent until one comes. Fewer than the publisher
takes at once, so that a person's own movement does not stand in a queue behind them."""

_TICK: Final = 0.005
"""Seconds between two looks at what is due."""

_BURST: Final = 0.1
"""What was not sent in this many seconds is given up: objects do not make up for what they missed."""

_SETTLES: Final = 3.0
"""Seconds after the last message for a product in which its stock is believed and not looked at."""

_SLOW: Final = 0.9
"""Below this share of the rate it counts as not kept."""


class Simulated(NamedTuple):
    """One message of a simulated object.

    Attributes:
        name: the object's.
        payload: what it publishes.
    """

    name: str
    payload: bytes


class Choice:
    """Chooses for some objects, each of which moves a few products.

    What was chosen counts as applied: a product's stock is believed to be what was seen first, moved by what was
    chosen since, and what is seen again once it was left alone for a while.

    Args:
        objects: how many there are, 1 or more.
        seed: of the choice.
    """

    def __init__(self, objects: int, seed: int | None = None) -> None:
        # What is chosen is no secret.
        self._random = random.Random(seed)  # noqa: S311
        digits = len(str(objects))
        self._names = [f"object-{number:0{digits}}" for number in range(1, objects + 1)]
        self._starts = [self._random.random() for _ in self._names]
        self._believed: dict[int, int] = {}
        self._homes: dict[int, int] = {}

    def see(self, stock: Mapping[int, int]) -> None:
        """Take over what the stock is, of products that nothing is under way of.

        Args:
            stock: pieces by the product's id.
        """
        self._believed |= stock
        for identity, pieces in stock.items():
            self._homes.setdefault(identity, max(LEAST_HOME, pieces))

    def next(self, products: Mapping[int, int]) -> tuple[Simulated, int | None]:
        """Choose what is sent next.

        Args:
            products: the stock of all products that there are, by id; at least one.

        Returns:
            The message, and the id of the product whose stock it is to change, None where it changes none.
        """
        pick = self._random
        place = pick.randrange(len(self._names))
        name = self._names[place]
        chance = pick.random()
        if chance < NO_MOVEMENT:
            return Simulated(name, pick.choice(NONSENSE)), None
        known = list(products)
        identity = known[(int(self._starts[place] * len(known)) + pick.randrange(RANGE)) % len(known)]
        if identity not in self._believed:
            self.see({identity: products[identity]})
        believed = self._believed[identity]
        if chance < NO_MOVEMENT + REFUSED:
            return Simulated(name, self._refused(max(known), identity, believed)), None
        amount, kind = self._plausible(believed, self._homes[identity])
        self._believed[identity] = believed + (amount if kind == "IN" else -amount)
        return Simulated(name, encode_movement(Movement(str(identity), amount, kind))), identity

    def _plausible(self, believed: int, home: int) -> tuple[int, Literal["IN", "OUT"]]:
        """Small amounts go out one after the other, a delivery comes in now and then; the stock stays about home."""
        pick = self._random
        full = believed / home
        comes_in = believed <= 0 or (believed < HIGHEST and pick.random() < min(0.9, max(0.05, 0.75 - full / 2)))
        if comes_in:
            return pick.randint(1, max(2, home // 4)), "IN"
        return min(believed, 1 + int(pick.expovariate(0.4))), "OUT"

    def _refused(self, highest: int, identity: int, believed: int) -> bytes:
        if self._random.random() < 0.3:
            return encode_movement(Movement(str(highest + 1_000), self._random.randint(1, 9), "IN"))
        # More than there would be if everything that is under way came in.
        amount = min(MAX_AMOUNT, max(0, believed) + 1_000 + self._random.randint(1, 9) * 100)
        return encode_movement(Movement(str(identity), amount, "OUT"))


class Standing(NamedTuple):
    """How a simulation stands.

    Attributes:
        running: whether it runs.
        objects: how many objects send.
        rate: messages a second that are wanted.
        sent: how many the broker has.
        per_second: how many a second it got over the last three.
        slow: whether the rate is not kept.
        trouble: what went wrong last, for a person; empty while nothing does.
    """

    running: bool = False
    objects: int = 0
    rate: float = 0.0
    sent: int = 0
    per_second: float = 0.0
    slow: bool = False
    trouble: str = ""


class Simulation:
    """Runs at most one simulation. The engine's thread calls, any thread reads `standing`.

    Args:
        board: the products to move.
        publish: publishes a payload under a movement-id with user properties; done when the broker has it, failed
            with a PublishError where it has not.
        seed: of what is chosen; None is another one each time.
    """

    def __init__(self, board: StockTable, publish: Publish, seed: int | None = None) -> None:
        self.standing = Standing()
        self._board = board
        self._publish = publish
        self._seed = seed
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(first=0.5, longest=10.0)
        self._not_before = 0.0
        self._confirmed = Rate()

    def start(self, objects: int, rate: float) -> None:
        """Start, or go on with another number of objects and another rate.

        Args:
            objects: how many, 1 to MOST_OBJECTS.
            rate: messages a second of all together, within RATES.

        Raises:
            OpsciError: there is no product to move, or a number is out of its range.
        """
        if not 1 <= objects <= MOST_OBJECTS or not RATES[0] <= rate <= RATES[1]:
            raise OpsciError(
                Phrase(
                    "the simulator takes 1 to {objects:,} objects and {least} to {most:,.0f} messages a second",
                    objects=MOST_OBJECTS,
                    least=RATES[0],
                    most=RATES[1],
                )
            )
        if not len(self._board):
            raise OpsciError(Phrase("there is no product to move yet: is Strapi up, and does it have products?"))
        self._cancel()
        self._confirmed = Rate()
        self.standing = Standing(running=True, objects=objects, rate=rate)
        self._task = asyncio.create_task(self._run(objects, rate))

    async def stop(self) -> None:
        """Stop; done when nothing is under way any more."""
        self._cancel()
        for task in (under_way := list(self._under_way)):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self.standing = self.standing._replace(running=False, per_second=0.0, slow=False, trouble="")

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self, objects: int, rate: float) -> None:
        choice, touched = Choice(objects, self._seed), dict[int, float]()
        stock = dict[int, int]()
        began = looked = time.monotonic()
        due, before = 1.0, began
        while True:
            now = time.monotonic()
            due = min(due + (now - before) * rate, max(1.0, rate * _BURST))
            before = now
            if not stock or now - looked >= 1:
                looked = now
                stock = {product.id: product.stock for product in self._board.products()}
                if not stock:
                    break
                touched = {identity: at for identity, at in touched.items() if now - at < _SETTLES}
                choice.see({identity: pieces for identity, pieces in stock.items() if identity not in touched})
            while due >= 1 and now >= self._not_before and len(self._under_way) < _UNDER_WAY:
                due -= 1
                message, moved = choice.next(stock)
                if moved is not None:
                    touched[moved] = now
                task = asyncio.create_task(self._send(message.name, message.payload))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            self._tell(now - began, rate)
            await asyncio.sleep(max(_TICK, min(1.0, (1 - due) / rate)))
        self._task = None
        self.standing = self.standing._replace(
            running=False, per_second=0.0, slow=False, trouble=Phrase("stopped, as there is no product left to move")
        )

    async def _send(self, name: str, payload: bytes) -> None:
        try:
            await self._publish(payload, new_movement_id(), ((SIMULATED, name),))
        except PublishError as error:
            # The object lost it, as a real one does that keeps nothing; the next one is tried after a while.
            if time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + self._backoff.pause()
            self.standing = self.standing._replace(trouble=error.text)
        else:
            self._backoff.reset()
            self._confirmed.add(1)

    def _tell(self, running: float, rate: float) -> None:
        standing = self.standing
        per_second = self._confirmed.per_second()
        failing = time.monotonic() < self._not_before
        self.standing = standing._replace(
            sent=self._confirmed.total,
            per_second=per_second,
            # A slow rate comes and goes by the second, and the first seconds are not whole.
            slow=not failing and running > 5 and per_second < rate * _SLOW - 1,
            trouble=standing.trouble if failing else "",
        )
