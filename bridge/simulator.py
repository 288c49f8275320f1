"""Simulated objects that publish movements as real ones would, at a rate that never builds a backlog.

The choice of messages is the same for the same seed and the same stock.
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

__all__ = ["MOST_OBJECTS", "RATES", "SIMULATED", "Choice", "Simulated", "Simulation", "SimulatorStatus"]


NO_MOVEMENT: Final = 1 / 7
"""The share of the deliberate errors that are no movements; Strapi refuses the others: more than the stock, or an
unknown product.
"""

NONSENSE: Final = (
    b"Hello mqtt0",
    b'{"id":12,"amount":0,"type":"OUT"}',
    b'{"id":null,"amount":null,"type":"OUT"}',
    b'{"id":12,"amount":5,"type":"MOVE"}',
    b'{"id":12,"amount":5,"type":',
)
"""Such payloads: those of the course's test scripts and its web client, and a truncated one."""

RANGE: Final = 4
"""How many products one object moves."""

LEAST_HOME: Final = 20
"""The least stock to which a product is refilled."""

HIGHEST: Final = MAX_AMOUNT // 2
"""No product is filled beyond this."""

SIMULATED: Final = "simulated-by"
"""The MQTT 5 user property that marks a simulated movement and names its object."""

MOST_OBJECTS: Final = 1_000
"""The most objects."""

RATES: Final = (0.1, 5_000.0)
"""The lowest and the highest rate in messages a second."""

_UNDER_WAY: Final = 80
"""How many messages may be unacknowledged; beyond that nothing is sent. It is less than the publisher's limit, so that
the user's own movements do not wait behind them.
"""

_TICK: Final = 0.005
"""Seconds between two checks of what is due."""

_BURST: Final = 0.1
"""Messages not sent within this many seconds are dropped: objects do not catch up."""

_SETTLES: Final = 3.0
"""Seconds after a product's last message during which its stock is calculated instead of read."""

_SLOW: Final = 0.9
"""The rate counts as not kept below this part of it."""


class Simulated(NamedTuple):
    """One message of a simulated object.

    Attributes:
        name: the object's.
        payload: what it publishes.
    """

    name: str
    payload: bytes


class Choice:
    """Chooses the messages of objects that move a few products each.

    Chosen movements count as applied: the assumed stock of a product is the one first seen, changed by what was chosen
    since, and updated once the product has been left alone for a while.

    Args:
        objects: how many there are, 1 or more.
        seed: of the choice.
        errors: the share of messages that can't be applied, 0 to 1.
    """

    def __init__(self, objects: int, seed: int | None = None, errors: float = 0.0) -> None:
        self._errors = errors
        # The choice is no secret.
        self._random = random.Random(seed)  # noqa: S311
        digits = len(str(objects))
        self._names = [f"object-{number:0{digits}}" for number in range(1, objects + 1)]
        self._starts = [self._random.random() for _ in self._names]
        self._believed: dict[int, int] = {}
        self._homes: dict[int, int] = {}

    def see(self, stock: Mapping[int, int]) -> None:
        """Update the stock of products that have nothing in flight.

        Args:
            stock: pieces by the product's id.
        """
        self._believed |= stock
        for identity, pieces in stock.items():
            self._homes.setdefault(identity, max(LEAST_HOME, pieces))

    def next(self, products: Mapping[int, int]) -> tuple[Simulated, int | None]:
        """Choose the next message.

        Args:
            products: the stock of all existing products, by id; at least one.

        Returns:
            The message, and the id of the product whose stock it should change, None if it changes none.
        """
        pick = self._random
        place = pick.randrange(len(self._names))
        name = self._names[place]
        chance = pick.random()
        if chance < self._errors * NO_MOVEMENT:
            return Simulated(name, pick.choice(NONSENSE)), None
        known = list(products)
        identity = known[(int(self._starts[place] * len(known)) + pick.randrange(RANGE)) % len(known)]
        if identity not in self._believed:
            self.see({identity: products[identity]})
        believed = self._believed[identity]
        if chance < self._errors:
            return Simulated(name, self._refused(max(known), identity, believed)), None
        amount, kind = self._plausible(believed, self._homes[identity])
        self._believed[identity] = believed + (amount if kind == "IN" else -amount)
        return Simulated(name, encode_movement(Movement(str(identity), amount, kind))), identity

    def _plausible(self, believed: int, home: int) -> tuple[int, Literal["IN", "OUT"]]:
        """Choose many small amounts out and now and then a delivery, so that the stock stays around `home`."""
        pick = self._random
        full = believed / home
        comes_in = believed <= 0 or (believed < HIGHEST and pick.random() < min(0.9, max(0.05, 0.75 - full / 2)))
        if comes_in:
            return pick.randint(1, max(2, home // 4)), "IN"
        return min(believed, 1 + int(pick.expovariate(0.4))), "OUT"

    def _refused(self, highest: int, identity: int, believed: int) -> bytes:
        if self._random.random() < 0.3:
            return encode_movement(Movement(str(highest + 1_000), self._random.randint(1, 9), "IN"))
        # More than the stock even if everything in flight were added to it.
        amount = min(MAX_AMOUNT, max(0, believed) + 1_000 + self._random.randint(1, 9) * 100)
        return encode_movement(Movement(str(identity), amount, "OUT"))


class SimulatorStatus(NamedTuple):
    """The state of a simulation.

    Attributes:
        running: whether it runs.
        objects: how many objects send.
        rate: the requested rate in messages a second.
        sent: how many messages the broker has.
        per_second: how many a second it received over the last three.
        slow: whether the rate is not kept.
        trouble: the last error, for the user; empty while there is none.
        errors: the share of messages that can't be applied and are sent on purpose, 0 to 1.
    """

    running: bool = False
    objects: int = 0
    rate: float = 0.0
    sent: int = 0
    per_second: float = 0.0
    slow: bool = False
    trouble: str = ""
    errors: float = 0.0


class Simulation:
    """Runs at most one simulation. The engine's thread makes the calls, any thread reads `status`.

    Args:
        board: the products to move.
        publish: publishes a payload with a movement-id and user properties; returns once the broker has it, else raises
            a PublishError.
        seed: of the choice; None chooses differently each time.
    """

    def __init__(self, board: StockTable, publish: Publish, seed: int | None = None) -> None:
        self.status = SimulatorStatus()
        self._board = board
        self._publish = publish
        self._seed = seed
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._backoff = Backoff(first=0.5, longest=10.0)
        self._not_before = 0.0
        self._confirmed = Rate()

    def start(self, objects: int, rate: float, errors: float = 0.0) -> None:
        """Start, or change the number of objects, the rate and the share of errors.

        Args:
            objects: how many, 1 to MOST_OBJECTS.
            rate: messages a second in all, within RATES.
            errors: the share of messages that can't be applied, 0 to 1.

        Raises:
            OpsciError: there is no product to move, or a number is out of its range.
        """
        if not 1 <= objects <= MOST_OBJECTS or not RATES[0] <= rate <= RATES[1] or not 0 <= errors <= 1:
            raise OpsciError(
                Phrase(
                    "the simulator takes 1 to {objects:,} objects, {least} to {most:,.0f} messages a second and "
                    "0 to 100 % errors",
                    objects=MOST_OBJECTS,
                    least=RATES[0],
                    most=RATES[1],
                )
            )
        if not len(self._board):
            raise OpsciError(Phrase("there is no product to move yet: is Strapi up, and does it have products?"))
        self._cancel()
        self._confirmed = Rate()
        self.status = SimulatorStatus(running=True, objects=objects, rate=rate, errors=errors)
        self._task = asyncio.create_task(self._run(objects, rate, errors))

    async def stop(self) -> None:
        """Stop, and return when nothing is in flight any more."""
        self._cancel()
        for task in (under_way := list(self._under_way)):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self.status = self.status._replace(running=False, per_second=0.0, slow=False, trouble="")

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self, objects: int, rate: float, errors: float) -> None:
        choice, touched = Choice(objects, self._seed, errors), dict[int, float]()
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
        self.status = self.status._replace(
            running=False, per_second=0.0, slow=False, trouble=Phrase("stopped, as there is no product left to move")
        )

    async def _send(self, name: str, payload: bytes) -> None:
        try:
            await self._publish(payload, new_movement_id(), ((SIMULATED, name),))
        except PublishError as error:
            # The object lost it, like a real one that keeps nothing; the next one is tried after a pause.
            if time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + self._backoff.pause()
            self.status = self.status._replace(trouble=error.text)
        else:
            self._backoff.reset()
            self._confirmed.add(1)

    def _tell(self, running: float, rate: float) -> None:
        status = self.status
        per_second = self._confirmed.per_second()
        failing = time.monotonic() < self._not_before
        self.status = status._replace(
            sent=self._confirmed.total,
            per_second=per_second,
            # A low rate varies from second to second, and the first seconds are incomplete.
            slow=not failing and running > 5 and per_second < rate * _SLOW - 1,
            trouble=status.trouble if failing else "",
        )
