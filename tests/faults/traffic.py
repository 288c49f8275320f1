"""The steady traffic: several publishers, over TCP and websockets, with movement-ids and without."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Final

from tests.faults.publishers import Line, Publisher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.register import Register, Sent

__all__ = ["Traffic"]

_KINDS: Final = ((True, False), (False, False), (False, True))
"""With an id; without; without and with payloads that all look the same."""


class Traffic:
    """All publishers together.

    Args:
        register: gives out the numbers.
        products: the rows that they move.
        lines: how they reach the broker; each line has a publisher of each kind.
        rate: messages per second of all together.
        named: whether some of them send movement-ids; plain REST does not know them.
    """

    def __init__(
        self, register: Register, products: Sequence[int], lines: Sequence[Line], rate: float, *, named: bool
    ) -> None:
        self.factor = 1.0
        self._register = register
        self._products = products
        self._rate = rate
        self._publishers = [
            (Publisher(line, aside=aside), has_id) for line in lines for has_id, aside in _KINDS if named or not has_id
        ]
        self._random = random.Random(len(products))  # noqa: S311 - what is sent need not be a secret
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send."""
        for position, (publisher, named) in enumerate(self._publishers):
            message = partial(self._alike if publisher.aside else self._any, position, named=named)
            self._tasks.append(asyncio.create_task(publisher.run(self._each, message)))

    async def stop(self) -> None:
        """Send nothing more, and wait until what is under way has its PUBACK or is given up."""
        self.abandon_new()
        await self.close()

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""
        for publisher, _ in self._publishers:
            await publisher.close()

    def abandon_new(self) -> None:
        """Send nothing more."""
        for task in self._tasks:
            task.cancel()

    def abandon(self) -> None:
        """Stop at once."""
        self.abandon_new()
        for publisher, _ in self._publishers:
            publisher.abandon()

    def _each(self) -> float:
        return self._rate * self.factor / len(self._publishers)

    def _any(self, _position: int, *, named: bool) -> Sent:
        amount = self._random.randint(1, 9)
        delta = amount if self._random.random() < 0.7 else -amount
        return self._register.enter(self._random.choice(self._products), delta, named=named)

    def _alike(self, position: int, *, named: bool) -> Sent:
        return self._register.enter(self._products[position % len(self._products)], 1, named=named)
