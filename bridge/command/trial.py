"""`opsci-bridge trial`: send five movements through the real chain, and print the way of each.

They are published as any object would, and observed whichever engine carries them: a running one, or one of this
command's own where there is none.
"""

from __future__ import annotations

import asyncio
import time
from copy import copy
from typing import TYPE_CHECKING, Final, Self

from aiokafka.errors import KafkaError
from msgspec.structs import replace

from bridge.chain import Chain
from bridge.command.follower import Attempt, Follower, plan
from bridge.errors import OpsciError, PublishError, ServerError, SettingsError, UnreachableError
from bridge.ingest.claim import SILENT, Claim
from bridge.journal import Journal, Server, Stage, State
from bridge.kafka.reread import group_members
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiClient
from bridge.strapi.documents import Documents
from bridge.strapi.products import product_of
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from bridge.journal import Product
    from bridge.settings import Settings

__all__ = ["Engines", "trial"]


_LOOK_AT_CLAIM: Final = 1.0

_CONNECTED_WITHIN: Final = 60.0

_REFUSED_FOR: Final = 3.0
"""Seconds after which a refusal is final: it does not end by itself."""

_DECIDED_WITHIN: Final = 30.0

_LOOK: Final = 0.05


class Engines:
    """Runs the parts of an engine that no other one does; use it as an asynchronous context manager.

    Args:
        settings: the engine's.

    Attributes:
        chain: publishes and has the products; it ingests and applies where no engine does.
        waited: how many seconds were spent waiting for an engine that no longer runs.
    """

    chain: Chain

    def __init__(self, settings: Settings) -> None:
        self.waited = 0.0
        self._settings = settings
        self._claim = Claim(settings, Journal(1))
        self._seen = 0
        self._silent_since = 0.0
        self._ingests = False
        self._applies = False
        self._chains: list[Chain] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._looked = 0.0

    async def __aenter__(self) -> Self:
        """Find out which engines run, and start the missing parts.

        Raises:
            ServerError: Kafka does not answer.
        """
        self._seen = await self._seen_last()
        self._silent_since = time.monotonic()
        members = await group_members(self._settings.kafka)
        self.chain = self._start(ingest=not self._seen, apply=not members, board=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._claim.close()
        for chain in self._chains:
            chain.stop()
        await asyncio.gather(*self._tasks)

    @property
    def journals(self) -> list[Journal]:
        """The journals of this command's own engines."""
        return [chain.journal for chain in self._chains]

    async def look(self, attempts: Sequence[Attempt]) -> None:
        """Carry movements that nobody carries: an engine that was just seen may have been killed since.

        Args:
            attempts: the published movements.

        Raises:
            ServerError: Kafka does not answer.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_AT_CLAIM:
            return
        self._looked = now
        journeys = [one.journey for one in attempts if one.journey is not None]
        if not self._ingests and all(one.acknowledged_at is None and one.decided_at is None for one in journeys):
            seen = await self._seen_last()
            if seen != self._seen:
                self._seen, self._silent_since = seen, now
            self.waited = now - self._silent_since
            if not seen or self.waited > SILENT:
                self._start(ingest=True)
        waiting = [one for one in journeys if one.acknowledged_at is not None and one.decided_at is None]
        if waiting and not self._applies and not await group_members(self._settings.kafka):
            self._start(apply=True)

    def _start(self, *, ingest: bool = False, apply: bool = False, board: bool = False) -> Chain:
        chain = Chain(
            replace(
                self._settings,
                ingest=replace(self._settings.ingest, enabled=ingest),
                apply=replace(self._settings.apply, enabled=apply),
            ),
            Journal(),
            board=board,
        )
        self._ingests, self._applies = self._ingests or ingest, self._applies or apply
        self._chains.append(chain)
        self._tasks.append(asyncio.create_task(chain.run()))
        return chain

    async def _seen_last(self) -> int:
        try:
            return await self._claim.seen()
        except (KafkaError, OSError, TimeoutError, SettingsError) as error:
            raise _unknown(error) from error


def _unknown(error: BaseException) -> UnreachableError:
    return UnreachableError("kafka", Phrase("whether an engine runs is not known: {error}", error=repr(error)))


class _FailedError(OpsciError):
    """A hop failed; the text says which, and its own explanation."""


def trial(settings: Settings) -> int:
    """Send five movements and print the way of each.

    Args:
        settings: the engine's; where no engine runs, this one ingests and applies whatever they say.

    Returns:
        The exit code: 0 if each got its expected verdict, 1 if a hop failed, which was printed.
    """
    try:
        return asyncio.run(_trial(settings))
    except _FailedError as error:
        print(f"FAILED  {error}")
        return 1


async def _trial(settings: Settings) -> int:
    try:
        async with Follower(settings) as follower, Engines(settings) as engines:
            return await _tried(settings, follower, engines)
    except ServerError as error:
        msg = f"{error.server}: {error}"
        raise _FailedError(msg) from error


async def _tried(settings: Settings, follower: Follower, engines: Engines) -> int:
    chain = engines.chain
    await _connected(chain)
    attempts = plan(chain.journal.stock)
    if not attempts:
        msg = "Strapi: it has no product with a stock to try with; seed it first"
        raise _FailedError(msg)
    for attempt in attempts:
        await _sent(chain, attempt)
    wrong = []
    for number, attempt in enumerate(attempts, 1):
        if text := await _told(follower, engines, attempts, number, attempt):
            wrong.append(text)
    await _tell_stock(settings, [attempt.product for attempt in attempts if attempt.product is not None])
    for text in wrong:
        print(f"FAILED  {text}")
    if not wrong:
        print(f"{len(attempts)} of {len(attempts)} movements ended as they should")
    return 1 if wrong else 0


async def _connected(chain: Chain) -> None:
    """Wait for the connections that this engine needs, and for the first read of the products."""
    journal, settings = chain.journal, chain.settings
    started = time.monotonic()
    needed = [server for server in Server if server is not Server.MQTT or settings.ingest.enabled]

    def up() -> bool:
        there = all(journal.connections[server].state is State.UP for server in needed)
        return there and (journal.lag >= 0 or not settings.apply.enabled)

    def refused() -> bool:
        since = [journal.connections[server].since for server in needed if _is_refused(journal, server)]
        return any(time.time() - moment > _REFUSED_FOR for moment in since)

    await _until(lambda: up() or refused(), _CONNECTED_WITHIN)
    if not up():
        told = [
            f"{server}: {connection.state} at {connection.address}"
            + "".join(f", {text}" for text in (connection.detail, connection.advice) if text)
            for server, connection in journal.connections.items()
            if server in needed and connection.state is not State.UP
        ]
        notes = list(journal.notes.values())
        raise _FailedError("; ".join(told or notes or ["kafka: the consumer group did not start"]))
    for server in needed:
        print(f"{server.value:<6}  up at {journal.connections[server].address}")
    others = [
        text
        for ours, text in (
            (settings.ingest.enabled, "takes what is published"),
            (settings.apply.enabled, "applies"),
        )
        if not ours
    ]
    if others:
        print(f"another engine {' and '.join(others)}: this one only looks what comes of it")
    print(f"ready after {time.monotonic() - started:.1f} s, {len(journal.stock)} products")


def _is_refused(journal: Journal, server: Server) -> bool:
    return journal.connections[server].state is State.REFUSED


async def _sent(chain: Chain, attempt: Attempt) -> None:
    began = time.monotonic()
    try:
        # A copy, as the engine fills in the chain's own.
        attempt.journey = copy(await chain.publish(attempt.payload))
    except PublishError as error:
        msg = f"MQTT: {error}"
        raise _FailedError(msg) from error
    attempt.sent = time.monotonic() - began


async def _told(
    follower: Follower, engines: Engines, attempts: Sequence[Attempt], number: int, attempt: Attempt
) -> str:
    """Wait for one movement's verdict and print its way; return what is wrong with it."""

    def decided() -> bool:
        for one in attempts:
            for journal in engines.journals:
                one.follow(journal)
        return attempt.journey is not None and attempt.journey.stage is Stage.DECIDED

    deadline = time.monotonic() + _DECIDED_WITHIN
    while not decided() and time.monotonic() < deadline + engines.waited:
        await follower.look(attempts)
        await engines.look(attempts)
        await asyncio.sleep(_LOOK)
    print(f"{number:02d}  {attempt.way()}")
    if not decided():
        return f"{number:02d} {attempt.waits_for(engines.chain.journal)}"
    if not attempt.as_expected:
        return f"{number:02d} should be {attempt.expected}"
    return ""


async def _tell_stock(settings: Settings, products: Sequence[Product]) -> None:
    """Print the stocks as read from Strapi, not as the engine knows them."""
    async with StrapiClient(settings.strapi) as client:
        names = dict.fromkeys(product.document_id for product in products)
        rows = await Documents(client).find(names)
    for name in names:
        product = product_of(rows[name], settings.strapi.stock_field)
        print(f'stock of {product.id} "{readable(product.name)}" in Strapi: {product.stock}')


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK)
    return True
