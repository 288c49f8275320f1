"""Retries of requests to Strapi: repeat until answered, report the state to the journal, and stop early on demand."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.backoff import Backoff
from bridge.errors import OpsciError, RefusedError, ServerError, UnreachableError
from bridge.journal import Server, State
from bridge.phrase import Phrase
from bridge.strapi.client import BusyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.journal import Journal
    from bridge.settings import ApplySettings

__all__ = ["DroppedError", "Retry"]

_log = logging.getLogger(__name__)

_REFUSED: Final = 30.0
"""Seconds between two attempts where Strapi refuses us."""

_LOOK: Final = 1.0
"""Seconds between two checks whether a pause may end early."""

Answer = TypeVar("Answer")


class DroppedError(OpsciError):
    """The work in flight must be dropped: its records are not settled, and some engine will get them again."""


class Retry:
    """Repeats requests until Strapi answers; several may run at once, but during an outage only one retries.

    Args:
        settings: how long to pause.
        journal: where the state of the connection is noted.
        repaired: returns whether the cause of a refusal may have been fixed; checked during pauses after refusals.
        away: called when waiting begins, to update the journal's lag before it is reported.
    """

    def __init__(
        self,
        settings: ApplySettings,
        journal: Journal,
        repaired: Callable[[], bool],
        away: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._backoff = Backoff(settings.first_pause, settings.longest_pause)
        self._repaired = repaired
        self._away = away
        self._running = asyncio.Event()
        self._running.set()
        self._sleepers: set[asyncio.Event] = set()
        self._alone = asyncio.Lock()
        self._answers = 0

    @property
    def paused(self) -> bool:
        """Whether the user paused it."""
        return not self._running.is_set()

    def pause(self) -> None:
        """Make no more requests for now."""
        self._running.clear()
        self._journal.connection(Server.STRAPI, State.PAUSED, Phrase("paused here"), Phrase("Kafka keeps what comes"))

    def resume(self) -> None:
        """Make requests again; retry at once where one waits."""
        if self.paused:
            self._running.set()
            self._journal.connection(Server.STRAPI, State.CONNECTING)
        self.wake()

    def wake(self) -> None:
        """Check at once whether to continue, retry or drop."""
        for sleeper in self._sleepers:
            sleeper.set()

    async def running(self, gone: Callable[[], bool]) -> None:
        """Wait while paused.

        Args:
            gone: returns whether the work in flight must be dropped; checked after each wake.

        Raises:
            DroppedError: it must.
        """
        while not self._running.is_set():
            await self._sleep(3600, gone)

    async def ask(self, request: Callable[[], Awaitable[Answer]], gone: Callable[[], bool]) -> Answer:
        """Repeat a request until it is answered.

        Args:
            request: makes the request once.
            gone: returns whether the work in flight must be dropped; checked before each retry.

        Returns:
            The answer.

        Raises:
            RejectedError: Strapi will never carry it out.
            DroppedError: the work must be dropped; no request is in flight then.
        """
        async with self._alone:
            await self.running(gone)
        answers = self._answers
        try:
            return await self._try(request)
        except (RefusedError, UnreachableError) as error:
            failure = error
        async with self._alone:
            while True:
                if answers == self._answers:
                    await self._wait(failure, gone)
                await self.running(gone)
                answers = self._answers
                try:
                    return await self._try(request)
                except (RefusedError, UnreachableError) as error:
                    failure = error

    async def _try(self, request: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await request()
        self._answers += 1
        self._backoff.reset()
        self._journal.notes.pop("apply", None)
        if not self.paused:
            self._journal.connection(Server.STRAPI, State.UP)
        return answer

    async def _wait(self, failure: RefusedError | UnreachableError, gone: Callable[[], bool]) -> None:
        if isinstance(failure, RefusedError):
            self._note(State.REFUSED, failure)
            await self._sleep(_REFUSED, gone, self._repaired)
        else:
            self._note(State.DOWN, failure)
            after = failure.after if isinstance(failure, BusyError) else 0.0
            await self._sleep(max(after, self._backoff.pause()), gone)

    async def _sleep(self, seconds: float, gone: Callable[[], bool], early: Callable[[], bool] = lambda: False) -> None:
        until = asyncio.get_running_loop().time() + seconds
        wake = asyncio.Event()
        self._sleepers.add(wake)
        try:
            while not gone() and (left := until - asyncio.get_running_loop().time()) > 0:
                try:
                    await asyncio.wait_for(wake.wait(), min(left, _LOOK))
                except TimeoutError:
                    if early():
                        return
                else:
                    break
        finally:
            self._sleepers.discard(wake)
        if gone():
            raise DroppedError

    def tell_waiting(self) -> None:
        """Update the note of how much waits for Strapi, if there is one, from the last measurement."""
        if "apply" in self._journal.notes:
            self._journal.notes["apply"] = _waiting(self._journal.lag, self._journal.lag_of_others)

    def _note(self, state: State, error: ServerError) -> None:
        if self._journal.connections[Server.STRAPI].state is not state:
            _log.warning("strapi: %s", error)
        if "apply" not in self._journal.notes:
            self._away()
            self._journal.notes["apply"] = _waiting(self._journal.lag, self._journal.lag_of_others)
        if not self.paused:
            self._journal.connection(Server.STRAPI, state, error.what, error.advice)


def _waiting(movements: int, others: int) -> Phrase:
    """Describe what waits for Strapi; a count of -1 is not known."""
    if movements == 1:
        return Phrase("1 movement waits for Strapi")
    if movements > 0:
        return Phrase("{count:,} movements wait for Strapi", count=movements)
    if movements == 0 and others > 0:
        return Phrase("{count:,} records of other routes wait for Strapi", count=others)
    return Phrase("what comes waits for Strapi")
