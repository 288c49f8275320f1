"""The guided tour: the calls that its script (`configs/tours/guided.py`) can make, and how their effects are undone."""

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
"""Seconds within which a movement must be decided."""

_LOOK: Final = 0.05
"""Seconds between two checks of a movement's state."""


class Guide:
    """Carries out the steps of the tour.

    Args:
        engine: the chain.
        servers: stops and starts its servers; None if this program may not.
        show: shows a caption beside a part of the screen, and returns once the user has read it.
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
        """The product used by the tour: the first in the stock table."""
        return next(iter(self._engine.journal.stock.products()), None)

    @property
    def may_move(self) -> bool:
        """Whether this program runs the chain, and so can publish."""
        return not (self._engine.watches or self._engine.read_only)

    @property
    def may_stop_servers(self) -> bool:
        """Whether this program may stop the servers."""
        return self._servers is not None

    async def explain(self, place: str, en: str, fr: str) -> None:
        """Explain a part of the screen in the screen's language, and wait until the user has read it.

        Args:
            place: `mqtt`, `kafka`, `stock` or `form`.
            en: the English text.
            fr: the French text.
        """
        await self._show(place, {"en": en, "fr": fr}[self._language])

    async def publish(self, product: int, delta: int, *, waits: bool = False) -> None:
        """Publish a movement, and wait until it is decided.

        Args:
            product: the product's row id.
            delta: the signed amount.
            waits: whether to return as soon as the broker has it, as Strapi is down.

        Raises:
            OpsciError: it was not published.
        """
        # Before sending, as the user may leave the tour while it is in flight.
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
        """Wait until every movement of the tour is decided.

        Raises:
            OpsciError: it takes more than a minute.
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
        """Undo the tour: move stock back and start stopped servers.

        Raises:
            OpsciError: something could not be restored.
        """
        for name in sorted(self._stopped):
            await self.start_server(name)
        self._sent += await asyncio.gather(*map(asyncio.wrap_future, self.give_back()))
        await self.settled()

    def give_back(self) -> list[Future[Journey]]:
        """Publish the movements that move stock back, without waiting for them."""
        moved = [(product, by) for product, by in self._moved.items() if by]
        self._moved.clear()
        return [self._send(product, -by) for product, by in moved]

    def _send(self, product: int, delta: int) -> Future[Journey]:
        return self._engine.publish(encode_movement(Movement(str(product), abs(delta), "IN" if delta > 0 else "OUT")))


class Show(Protocol):
    """Shows a caption."""

    def __call__(self, place: str, text: str) -> Awaitable[None]:
        """Show it beside a part of the screen, until the user has read it."""
        ...
