"""The project's own publishers: they keep what they sent until the stock shows it, as the screen's form does.

Mosquitto is killed under them as under the others, and they have to resend what it forgets: nothing excuses a movement
of theirs that is not in the stock.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from bridge.chain import Chain
from bridge.errors import PublishError
from bridge.journal import Journal
from tests.faults.publishers import Publisher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.settings import Settings
    from tests.faults.publishers import Line
    from tests.faults.register import Sent

__all__ = ["KeepingPublisher", "keeping_settings"]

_AGAIN: Final = 0.3
_LOOK: Final = 0.2
_STOCK_SHOWS: Final = 120.0
"""Seconds that the stock has at the end until it shows everything."""


def keeping_settings(settings: Settings, *, mqtt: str, kafka: Sequence[int], strapi: str, outbox: Path) -> Settings:
    """Return the settings of a program that only publishes from a form.

    Args:
        settings: those of the servers, with users and certificates if required.
        mqtt: the address of Mosquitto's proxy.
        kafka: the ports of Kafka's.
        strapi: the address of Strapi's.
        outbox: the folder of its outbox.
    """
    return replace(
        settings,
        mqtt=replace(settings.mqtt, url=mqtt, outbox=str(outbox), keepalive=5),
        kafka=replace(settings.kafka, brokers=[f"127.0.0.1:{port}" for port in kafka]),
        strapi=replace(settings.strapi, url=strapi, timeout=5.0),
        ingest=replace(settings.ingest, enabled=False),
        apply=replace(settings.apply, enabled=False),
        drain=1.0,
    )


class KeepingPublisher(Publisher):
    """One publisher with an outbox: a chain that only publishes.

    Args:
        line: how it reaches the broker.
        settings: of `keeping_settings`.
    """

    def __init__(self, line: Line, settings: Settings) -> None:
        super().__init__(line)
        self._chain = Chain(settings, Journal(), board=False, keep=True)
        self._running: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Wait until the stock shows what was sent, two minutes at most, and disconnect."""
        await super().close()
        outbox = self._chain.outbox
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOCK_SHOWS):
                while self._running is not None and outbox is not None and outbox.waiting:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK)
        await self._end()

    def abandon(self) -> None:
        """Stop at once."""
        super().abandon()
        if self._running is not None:
            self._running.cancel()

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            self._chain.stop()
            await asyncio.gather(running, return_exceptions=True)

    async def _send(self, sent: Sent, payload: bytes) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._chain.run())
        sent.kept = True
        sent.sends = 1
        while not sent.acknowledged_at:
            try:
                await self._chain.publish(payload, "topic", sent.movement_id)
            except PublishError:
                # It was not sent, and is not kept.
                await asyncio.sleep(_AGAIN)
            else:
                sent.acknowledged_at = time.time()
