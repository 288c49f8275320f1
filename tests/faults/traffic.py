"""The steady traffic: several publishers, over TCP and websockets, with movement-ids and without."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.faults.publishers import Line, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.register import Register, Sent

__all__ = ["Traffic"]


class _Kind(NamedTuple):
    """A kind of publisher.

    Attributes:
        named: whether its movements have ids.
        aside: whether their number is a user property, so that all payloads of a product are equal.
        unmarked: whether they have no number at all and can't be told apart.
    """

    named: bool = False
    aside: bool = False
    unmarked: bool = False


_KINDS: Final = (_Kind(named=True), _Kind(), _Kind(aside=True), _Kind(unmarked=True))


class Traffic:
    """All publishers together.

    Args:
        register: assigns the numbers.
        products: the rows that they move.
        alike: the rows that are moved only by indistinguishable movements.
        lines: how they reach the broker; each line has a publisher of each kind.
        rate: messages per second of all together.
        named: whether some of them send movement-ids.
        keeper: creates the publisher with movement-ids of a line.
    """

    def __init__(
        self,
        register: Register,
        products: Sequence[int],
        alike: Sequence[int],
        lines: Sequence[Line],
        rate: float,
        *,
        named: bool,
        keeper: Callable[[Line], Publisher],
    ) -> None:
        self.factor = 1.0
        self._register = register
        self._products = products
        self._alike = alike
        self._rate = rate
        self._publishers = [
            (keeper(line) if kind.named else Publisher(line, aside=kind.aside), kind)
            for line in lines
            for kind in _KINDS
            if named or not kind.named
        ]
        self._random = random.Random(len(products))  # noqa: S311 - what is sent need not be a secret
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start sending."""
        for position, (publisher, kind) in enumerate(self._publishers):
            message = partial(self._message, kind, self._products[position % len(self._products)])
            self._tasks.append(asyncio.create_task(publisher.run(self._each, message)))

    async def stop(self) -> None:
        """Stop sending, and wait until the messages in flight are acknowledged or given up."""
        self.abandon_new()
        await self.close()

    async def close(self) -> None:
        """Wait for the messages in flight, and disconnect."""
        for publisher, _ in self._publishers:
            await publisher.close()

    def abandon_new(self) -> None:
        """Stop sending without waiting."""
        for task in self._tasks:
            task.cancel()

    def abandon(self) -> None:
        """Stop at once."""
        self.abandon_new()
        for publisher, _ in self._publishers:
            publisher.abandon()

    def _each(self) -> float:
        return self._rate * self.factor / len(self._publishers)

    def _message(self, kind: _Kind, product: int) -> Sent:
        if kind.unmarked:
            return self._register.enter(self._random.choice(self._alike), 1, named=False, unmarked=True)
        if kind.aside:
            return self._register.enter(product, 1, named=False)
        amount = self._random.randint(1, 9)
        delta = amount if self._random.random() < 0.7 else -amount
        return self._register.enter(self._random.choice(self._products), delta, named=kind.named)
