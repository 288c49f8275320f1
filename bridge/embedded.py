"""The chain on a separate thread with its own event loop, for a program that has a loop already: the screen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from bridge.errors import ChainStoppedError, OpsciError, PublishError
from bridge.journal import EARLIER, WATCHES, Journal
from bridge.phrase import Phrase
from bridge.runtime import loop_factory
from bridge.simulator import SimulatorStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bridge.apply.product_history import ProductHistory
    from bridge.chain import Chain
    from bridge.infrastructure.facts import Facts
    from bridge.journal import DeadLetter, Journey, Product, Server
    from bridge.server_start import ServerStart
    from bridge.settings import Settings

__all__ = ["EmbeddedChain", "Role"]

Result = TypeVar("Result")


Role: TypeAlias = Literal["carry", "watch", "auto"]
"""Whether a program carries a chain, only watches it, or watches it if another engine carries it already."""

_LOOKS: Final = "looks"
"""The key of the journal's note that this program changes nothing, and can't."""

_PROGRAM: Final = "opsci-tui"
"""The name under which this program is seen at the broker."""

_WATCHERS: Final = (WATCHES, _LOOKS, "watch-nobody", "watch-ledger")

_SURE: Final = 5.0
"""Seconds beyond Kafka's session timeout after which a member of the group is certainly alive."""

_LOOK: Final = 1.0

_SWAP: Final = 0.02


class EmbeddedChain:
    """Runs a chain beside the caller, who reads `journal`, and makes calls that return futures.

    Args:
        settings: the engine's.
        role: what it does beside other engines.
        read_only: whether to refuse everything that changes something, including publishing.
        before: a stopped chain with other settings, which this one replaces: it continues with its journal, its pauses
            and its simulated objects.
        starting: the start of the servers, which the chain waits for before it connects; calls wait too. None if they
            run already.

    Attributes:
        journal: what the chain noted.
        chain: the chain itself, None until it is created; it belongs to its thread.
        watches: whether it only watches, as far as that is decided yet.
    """

    def __init__(
        self,
        settings: Settings,
        before: EmbeddedChain | None = None,
        *,
        role: Role = "carry",
        read_only: bool = False,
        starting: ServerStart | None = None,
    ) -> None:
        self.settings = settings
        self._starting = starting
        self.read_only = read_only
        self._role: Role = role
        self.watches = role == "watch"
        self.journal = Journal(settings.screen.keep, EARLIER) if before is None else _continued(before, settings)
        # A replaced chain has read the records from before the start already.
        self._earlier = before is None
        self._took_over = 0.0
        """When the user told this program to take over, in seconds since the epoch."""
        self._ends = False
        """Whether it was told to stop."""
        self._takes_over = False
        """Whether the watching chain is being replaced by one that carries."""
        self._paused: set[str] = set() if before is None else before._paused
        """The paused parts."""
        self._simulated: tuple[int, float, float] | None = None if before is None else before._simulated
        """How many objects were simulated when it was stopped, their rate and share of errors; None if none were."""
        if starting is not None:
            starting.begin(self.journal)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.chain: Chain | None = None
        self._made = asyncio.Event()
        # A daemon: a server that accepts a connection and never answers must not keep the program from exiting.
        self._thread = threading.Thread(target=self._main, name="opsci-chain", daemon=True)

    def start(self) -> None:
        """Start without waiting; connecting happens in the background."""
        if self._starting is not None:
            self._starting.shown()
        self._loop = loop_factory(self.settings)()
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the chain's thread is alive."""
        return self._thread.is_alive()

    def stop(self, deadline: float | None = None) -> None:
        """Stop and wait for the end, even if a server does not answer.

        Args:
            deadline: the most seconds to wait; None uses the setting `drain` plus two.
        """
        self._ends = True
        if self.running:
            status = self.simulation
            self._simulated = (status.objects, status.rate, status.errors) if status.running else None
            if self._starting is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(self._starting.give_up)
            self._call(lambda chain: _at_once(chain.stop))
            self._thread.join(self.settings.drain + 2 if deadline is None else deadline)

    def publish(self, payload: bytes, topic: str | None = None) -> Future[Journey]:
        """Publish over MQTT; see `Chain.publish`. Errors are raised by the future."""
        return self._change(lambda chain: chain.publish(payload, topic))

    def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey]:
        """Send a dead letter again; see `Chain.replay`. Errors are raised by the future."""
        return self._change(lambda chain: chain.replay(letter, payload))

    def letters(self) -> Future[list[DeadLetter]]:
        """Read the dead letters in Kafka; see `Chain.letters`."""
        return self._call(lambda chain: chain.letters())

    def movements_of(self, product: Product, after: int = 0) -> Future[ProductHistory]:
        """Read a product's movements from the ledger; see `Chain.movements_of`. Errors are raised by the future."""
        return self._call(lambda chain: chain.movements_of(product, after))

    def read_facts(self, server: Server) -> Future[Facts]:
        """Ask a server what is known of it; see `bridge.infrastructure.read`. Errors come with the future."""
        return self._call(lambda _: self._read_facts(server))

    async def _read_facts(self, server: Server) -> Facts:
        from bridge.infrastructure.read import read_facts  # noqa: PLC0415 - few open that window

        return await read_facts(self.settings, server)

    @property
    def simulation(self) -> SimulatorStatus:
        """The state of the simulation."""
        return SimulatorStatus() if self.chain is None else self.chain.simulation.status

    def start_simulator(self, objects: int, rate: float, errors: float = 0.0) -> Future[None]:
        """Start simulated objects; see `Simulation.start`. Errors are raised by the future."""
        return self._change(lambda chain: _at_once(lambda: chain.simulation.start(objects, rate, errors)))

    def stop_simulator(self) -> Future[None]:
        """Stop the simulated objects."""
        return self._call(lambda chain: chain.simulation.stop())

    def pause_ingest(self) -> Future[None]:
        """Stop receiving messages from the broker, which queues them."""
        self._paused.add("ingest")
        return self._change(lambda chain: chain.ingest.pause())

    def resume_ingest(self) -> Future[None]:
        self._paused.discard("ingest")
        return self._change(lambda chain: chain.ingest.resume())

    def take_over(self) -> Future[None]:
        """Carry the chain instead of watching it; do nothing if it carries it already."""
        return self._change(self._take_over_first)

    def apply_missing(self) -> Future[tuple[int, int, int]]:
        """Apply what Strapi's ledger lacks; see `Chain.apply_missing`. Errors are raised by the future."""
        return self._change(lambda chain: chain.apply_missing())

    def reset_counters(self) -> Future[None]:
        """Set what the journal counts to nothing."""
        return self._change(lambda _: _at_once(self.journal.reset_counters))

    def pause_apply(self) -> Future[None]:
        """Stop applying; Kafka keeps the records."""
        self._paused.add("apply")
        return self._change(lambda chain: _at_once(chain.apply.pause))

    def resume_apply(self) -> Future[None]:
        self._paused.discard("apply")
        return self._change(lambda chain: _at_once(chain.apply.resume))

    def _change(self, ask: Callable[[Chain], Coroutine[None, None, Result]]) -> Future[Result]:
        if not self.read_only:
            return self._call(ask)
        refused: Future[Result] = Future()
        refused.set_exception(PublishError(Phrase("this screen is for looking only: it changes nothing")))
        return refused

    def _call(self, ask: Callable[[Chain], Coroutine[None, None, Result]]) -> Future[Result]:
        if self._loop is None or not self.running:
            refused: Future[Result] = Future()
            refused.set_exception(ChainStoppedError(Phrase("the chain is not running")))
            return refused
        return asyncio.run_coroutine_threadsafe(self._ask(ask), self._loop)

    async def _ask(self, ask: Callable[[Chain], Coroutine[None, None, Result]]) -> Result:
        while True:
            await self._made.wait()
            chain = self.chain
            if chain is None:
                msg = Phrase("the chain is not running")
                raise ChainStoppedError(msg)
            try:
                return await ask(chain)
            except ChainStoppedError:
                # Another chain is about to replace it.
                if self._ends or not (self._takes_over or chain.superseded):
                    raise
            while self.chain is chain:  # noqa: ASYNC110 - it is a matter of moments
                await asyncio.sleep(_SWAP)

    def _main(self) -> None:
        loop = self._loop
        assert loop is not None, "start() makes it"  # noqa: S101 - for the type checker
        try:
            loop.run_until_complete(self._run())
        finally:
            # Not `asyncio.run`, which would wait for a connection attempt in the executor.
            loop.close()

    async def _run(self) -> None:
        # Here, on the chain's own thread: importing the client libraries takes a good part of a second, during which
        # the screen paints its first frame.
        from bridge.chain import Chain  # noqa: PLC0415

        try:
            if self._starting is not None and (self._ends or not await self._starting.wait(self.journal)):
                await self._refuse_calls()
                return
            sure = await self._choose()
            while True:
                self.chain = chain = Chain(
                    self.settings,
                    self.journal,
                    keep=True,
                    earlier=self._earlier,
                    watch=self.watches,
                    program="" if self.watches else _PROGRAM,
                    took_over=self._took_over,
                )
                if not self.watches:
                    await self._restore(chain)
                self._made.set()
                confirming = asyncio.create_task(self._confirm()) if self.watches and not sure else None
                await chain.run()
                if confirming is not None:
                    confirming.cancel()
                if not self._is_replaced(chain):
                    return
                sure = True
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            # A transport that was just closed ends in the loop's next iteration.
            await asyncio.sleep(0)

    async def _refuse_calls(self) -> None:
        """Answer the calls that wait for a chain: there will be none."""
        self._made.set()
        if waiting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(waiting)

    def _is_replaced(self, ended: Chain) -> bool:
        """Whether another chain replaces one that ended; sets which kind."""
        if self._ends:
            return False
        if self.watches and self._takes_over:
            self.watches = self._takes_over = False
        elif ended.superseded:
            self.watches, self._took_over = True, 0.0
        else:
            return False
        self._made.clear()
        self._earlier = False
        self.journal.go_on(self.settings.screen.keep)
        for note in _WATCHERS:
            self.journal.notes.pop(note, None)
        if ended.superseded:
            self.journal.notes[WATCHES] = Phrase("watching: {who} took over this chain", who=ended.superseded)
        return True

    async def _choose(self) -> bool:
        """Decide whether to watch, and set the note.

        Returns:
            Whether that is certain: a member of the group may be an engine that was just killed.
        """
        sure = True
        if self._role == "auto":
            from bridge.watch.running_engines import engines_at_broker, engines_in_group  # noqa: PLC0415

            there, members = await asyncio.gather(engines_at_broker(self.settings), engines_in_group(self.settings))
            sure = bool(there)
            found = there or members
            self.watches = bool(found)
            if found:
                self.journal.notes[WATCHES] = Phrase("watching: another engine carries this chain ({who})", who=found)
        elif self.read_only:
            self.journal.notes[_LOOKS] = Phrase("watching: this screen is for looking only")
        elif self.watches:
            self.journal.notes[WATCHES] = Phrase("watching: this program carries nothing")
        return sure

    async def _confirm(self) -> None:
        """Carry the chain after all if the engine that was seen turns out to be gone."""
        from bridge.watch.running_engines import engines_in_group  # noqa: PLC0415

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.kafka.session_timeout + _SURE):
                while await engines_in_group(self.settings) != "":  # noqa: ASYNC110 - Kafka calls nobody
                    await asyncio.sleep(_LOOK)
            if self.chain is not None:
                await self._take_over_chain(self.chain)

    async def _take_over_chain(self, chain: Chain) -> None:
        if self.watches and not self._takes_over:
            self._takes_over = True
            chain.stop()

    async def _take_over_first(self, chain: Chain) -> None:
        self._took_over = time.time()
        await self._take_over_chain(chain)

    async def _restore(self, chain: Chain) -> None:
        """Restore the pauses and the simulation of the chain before."""
        if "apply" in self._paused:
            chain.apply.pause()
        if "ingest" in self._paused:
            await chain.ingest.pause()
        if self._simulated is not None:
            with contextlib.suppress(OpsciError):
                chain.simulation.start(*self._simulated)


def _continued(before: EmbeddedChain, settings: Settings) -> Journal:
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
