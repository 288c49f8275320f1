"""The guided tour's hands: what its file (`configs/tours/guided.py`) can ask of the chain, and how all is undone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import OpsciError
from bridge.movement import Movement, encode_movement
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from concurrent.futures import Future

    from bridge.journal import Journey, Product
    from tui.engine import Engine
    from tui.recording.servers import Servers

__all__ = ["Guide"]

_PATIENCE: Final = 60.0
"""Seconds within which a movement is decided."""

_LOOK: Final = 0.05
"""Seconds between two looks at what became of a movement."""


class Guide:
    """Plays the steps of the tour in the program.

    Args:
        engine: the chain.
        servers: stops and starts its servers; None if they are not ours to stop.
        show: shows a caption beside a part of the screen, and returns once it was read.
        language: `en` or `fr`.
    """

    def __init__(self, engine: Engine, servers: Servers | None, show: Show, language: str) -> None:
        self._engine = engine
        self._servers = servers
        self._show = show
        self._language = language
        self._sent: list[Journey] = []
        self._moved: Counter[int] = Counter()
        self._stopped: set[str] = set()

    @property
    def product(self) -> Product | None:
        """The product that the tour moves: the first of the stock table."""
        return next(iter(self._engine.journal.stock.products()), None)

    @property
    def may_move(self) -> bool:
        """Whether this program carries the chain."""
        return not (self._engine.watches or self._engine.read_only)

    @property
    def may_stop_servers(self) -> bool:
        """Whether the servers are ours to stop."""
        return self._servers is not None

    async def explain(self, place: str, en: str, fr: str) -> None:
        """Explain a part of the screen, in the screen's language, until it was read.

        Args:
            place: `mqtt`, `kafka`, `stock` or `form`.
            en: the English text.
            fr: the French text.
        """
        await self._show(place, {"en": en, "fr": fr}[self._language])

    async def publish(self, product: int, delta: int, *, waits: bool = False) -> None:
        """Move a stock, and return once it is decided.

        Args:
            product: the product's row id.
            delta: by how much.
            waits: whether to return once the broker has it: Strapi is away.

        Raises:
            OpsciError: it was not published.
        """
        # Before it is sent: it may be under way where the tour is left meanwhile.
        self._moved[product] += delta
        try:
            journey = await asyncio.shield(asyncio.wrap_future(self._send(product, delta)))
        except OpsciError:
            self._moved[product] -= delta
            raise
        self._sent.append(journey)
        if not waits:
            await self.settled()

    async def settled(self) -> None:
        """Wait until everything that the tour sent is decided.

        Raises:
            OpsciError: it is not within a minute.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                while not all(map(self._is_decided, self._sent)):  # noqa: ASYNC110 - the journal calls nobody
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise OpsciError(say("what the tour moved is not decided yet: it ends here")) from None

    def _is_decided(self, sent: Journey) -> bool:
        found = self._engine.journal.journey(sent.movement_id)
        return found is not None and found.verdict is not None

    async def stop_server(self, name: str) -> None:
        """Stop a server; returns once it has stopped."""
        if self._servers is not None:
            self._stopped.add(name)
            await self._servers.stop(name)

    async def start_server(self, name: str) -> None:
        """Start it again; returns once it answers."""
        if self._servers is not None:
            await self._servers.start(name)
            self._stopped.discard(name)

    async def restore(self) -> None:
        """Leave everything as it was: what was moved is moved back, what was stopped is started.

        Raises:
            OpsciError: something could not be restored.
        """
        for name in sorted(self._stopped):
            await self.start_server(name)
        self._sent += await asyncio.gather(*map(asyncio.wrap_future, self.give_back()))
        await self.settled()

    def give_back(self) -> list[Future[Journey]]:
        """Move back at once what is still moved, without waiting for it."""
        moved = [(product, by) for product, by in self._moved.items() if by]
        self._moved.clear()
        return [self._send(product, -by) for product, by in moved]

    def _send(self, product: int, delta: int) -> Future[Journey]:
        return self._engine.publish(encode_movement(Movement(str(product), abs(delta), "IN" if delta > 0 else "OUT")))


class Show(Protocol):
    """Shows a caption."""

    def __call__(self, place: str, text: str) -> Awaitable[None]:
        """Show it beside a part of the screen; done once it was read."""
        ...
