"""The simulated objects at work: they keep a rate as long as the broker does, and never build a backlog."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.backoff import Backoff
from bridge.errors import OpsciError, PublishError
from bridge.identity import new_movement_id
from bridge.journal import Rate
from bridge.phrase import Phrase
from bridge.simulator.choice import Choice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.journal import StockBoard

    Publish = Callable[[bytes, str, tuple[tuple[str, str], ...]], Awaitable[None]]

__all__ = ["MOST_OBJECTS", "RATES", "SIMULATED", "Simulation", "Standing"]

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

    def __init__(self, board: StockBoard, publish: Publish, seed: int | None = None) -> None:
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
