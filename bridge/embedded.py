"""The chain on a thread of its own with its own event loop, for a program that has a loop already: the screen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from bridge.errors import ChainStoppedError, OpsciError
from bridge.journal import EARLIER, Journal
from bridge.runtime import loop_factory
from bridge.simulator import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bridge.chain import Chain
    from bridge.journal import DeadLetter, Journey
    from bridge.settings import Settings

__all__ = ["EmbeddedChain"]

Result = TypeVar("Result")


class EmbeddedChain:
    """Runs a chain beside the caller. The caller reads `journal` and calls; each call gives a future.

    Args:
        settings: the engine's.
        before: a chain that was stopped, with other settings, and that this one goes on for: with its journal, paused
            where that one was paused, and with the objects that it simulated.

    Attributes:
        journal: what the chain wrote down.
        chain: the chain itself, None until it is made; its thread's own.
    """

    def __init__(self, settings: Settings, before: EmbeddedChain | None = None) -> None:
        self.settings = settings
        self.journal = Journal(settings.screen.keep, EARLIER) if before is None else _gone_on(before, settings)
        # Who goes on has the records of before the start already.
        self._earlier = before is None
        self._paused: set[str] = set() if before is None else before._paused
        """The parts that are paused."""
        self._simulated: tuple[int, float] | None = None if before is None else before._simulated
        """How many objects were simulated when it was stopped, and their rate; None where none were."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.chain: Chain | None = None
        self._made = asyncio.Event()
        # A daemon: a server that accepts a connection and never answers must not keep a program that wants to end.
        self._thread = threading.Thread(target=self._main, name="opsci-chain", daemon=True)

    def start(self) -> None:
        """Start, at once; connecting goes on in the background."""
        self._loop = loop_factory(self.settings)()
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the chain's thread lives."""
        return self._thread.is_alive()

    def stop(self, deadline: float | None = None) -> None:
        """Stop and wait for it, even while a server does not answer.

        Args:
            deadline: seconds to wait at most; None takes the setting `drain` and two more.
        """
        if self.running:
            standing = self.simulation
            self._simulated = (standing.objects, standing.rate) if standing.running else None
            self._call(lambda chain: _at_once(chain.stop))
            self._thread.join(self.settings.drain + 2 if deadline is None else deadline)

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        """Publish over MQTT; see `Chain.publish`. Errors come with the future."""
        return self._call(lambda chain: chain.publish(payload, topic))

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        """Send a dead letter again; see `Chain.replay`. Errors come with the future."""
        return self._call(lambda chain: chain.replay(letter, payload))

    def letters(self) -> Future[list[DeadLetter]]:
        """Read the dead letters that stand in Kafka; see `Chain.letters`."""
        return self._call(lambda chain: chain.letters())

    @property
    def simulation(self) -> Standing:
        """How the simulated objects stand."""
        return Standing() if self.chain is None else self.chain.simulation.standing

    def start_simulator(self, objects: int, rate: float) -> Future[None]:
        """Let simulated objects send; see `Simulation.start`. Errors come with the future."""
        return self._call(lambda chain: _at_once(lambda: chain.simulation.start(objects, rate)))

    def stop_simulator(self) -> Future[None]:
        """Let them send no more."""
        return self._call(lambda chain: chain.simulation.stop())

    def pause_ingest(self) -> Future[None]:
        """Stop taking messages from the broker, which keeps them."""
        self._paused.add("ingest")
        return self._call(lambda chain: chain.ingest.pause())

    def resume_ingest(self) -> Future[None]:
        """Take messages again."""
        self._paused.discard("ingest")
        return self._call(lambda chain: chain.ingest.resume())

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        """Apply again what Strapi's ledger lacks; see `Chain.apply_missing`. Errors come with the future."""
        return self._call(lambda chain: chain.apply_missing())

    def pause_apply(self) -> Future[None]:
        """Stop applying, so that Kafka keeps what comes."""
        self._paused.add("apply")
        return self._call(lambda chain: _at_once(chain.apply.pause))

    def resume_apply(self) -> Future[None]:
        """Apply again."""
        self._paused.discard("apply")
        return self._call(lambda chain: _at_once(chain.apply.resume))

    def _call(self, ask: Callable[[Chain], Coroutine[None, None, Result]]) -> Future[Result]:
        if self._loop is None or not self.running:
            refused: Future[Result] = Future()
            refused.set_exception(ChainStoppedError("the chain is not running"))
            return refused
        return asyncio.run_coroutine_threadsafe(self._ask(ask), self._loop)

    async def _ask(self, ask: Callable[[Chain], Coroutine[None, None, Result]]) -> Result:
        await self._made.wait()
        if self.chain is None:
            msg = "the chain is not running"
            raise ChainStoppedError(msg)
        return await ask(self.chain)

    def _main(self) -> None:
        loop = self._loop
        assert loop is not None, "start() makes it"  # noqa: S101 - for the type checker
        try:
            loop.run_until_complete(self._run())
        finally:
            # Not `asyncio.run`, which would wait for a connection attempt in the executor.
            loop.close()

    async def _run(self) -> None:
        # Here, on the chain's own thread: the clients' libraries take a good part of a second to import, and the
        # screen paints its first frame meanwhile.
        from bridge.chain import Chain  # noqa: PLC0415

        try:
            self.chain = Chain(self.settings, self.journal, keep=True, earlier=self._earlier)
            await self._take_up(self.chain)
            self._made.set()
            await self.chain.run()
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            # A transport that was closed just now ends with the loop's next turn.
            await asyncio.sleep(0)

    async def _take_up(self, chain: Chain) -> None:
        """Pause and simulate what the chain before this one did."""
        if "apply" in self._paused:
            chain.apply.pause()
        if "ingest" in self._paused:
            await chain.ingest.pause()
        if self._simulated is not None:
            with contextlib.suppress(OpsciError):
                chain.simulation.start(*self._simulated)


def _gone_on(before: EmbeddedChain, settings: Settings) -> Journal:
    old = before.settings
    before.journal.go_on(
        settings.screen.keep,
        same_kafka=(old.kafka.brokers, old.kafka.errors_topic, old.kafka.group)
        == (settings.kafka.brokers, settings.kafka.errors_topic, settings.kafka.group),
        same_strapi=(old.strapi.url, old.strapi.products) == (settings.strapi.url, settings.strapi.products),
    )
    return before.journal


async def _at_once(act: Callable[[], None]) -> None:
    act()
