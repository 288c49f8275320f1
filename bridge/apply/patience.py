"""Waiting for Strapi: the same request again until it is answered, told to the journal, and cut short when it must."""

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

__all__ = ["DroppedError", "Patience"]

_log = logging.getLogger(__name__)

_REFUSED: Final = 30.0
"""Seconds between two tries where Strapi lets us not in."""

_LOOK: Final = 1.0
"""Seconds between two looks whether a pause may end early."""

Answer = TypeVar("Answer")


class DroppedError(OpsciError):
    """The work in hand is to be dropped: its records are not settled and come again, to us or to another engine."""


class Patience:
    """Asks Strapi until it answers.

    Args:
        settings: how long to pause.
        journal: where the state of the connection is noted.
        gone: whether the work in hand is to be dropped, looked at before each try.
        mended: whether what a person had to mend may be mended, looked at while refused.
    """

    def __init__(
        self, settings: ApplySettings, journal: Journal, gone: Callable[[], bool], mended: Callable[[], bool]
    ) -> None:
        self._journal = journal
        self._backoff = Backoff(settings.first_pause, settings.longest_pause)
        self._gone = gone
        self._mended = mended
        self._running = asyncio.Event()
        self._running.set()
        self._wake = asyncio.Event()

    @property
    def paused(self) -> bool:
        """Whether a person paused it."""
        return not self._running.is_set()

    def pause(self) -> None:
        """Ask nothing more for now."""
        self._running.clear()
        self._journal.connection(Server.STRAPI, State.PAUSED, Phrase("paused here"), Phrase("Kafka keeps what comes"))

    def resume(self) -> None:
        """Ask again, at once where it waits."""
        if self.paused:
            self._running.set()
            self._journal.connection(Server.STRAPI, State.CONNECTING)
        self.wake()

    def wake(self) -> None:
        """Look again, at once, whether to go on, to try or to drop."""
        self._wake.set()

    async def running(self) -> None:
        """Wait while paused.

        Raises:
            DroppedError: what is in hand is to be dropped.
        """
        while not self._running.is_set():
            await self._sleep(3600)

    async def ask(self, request: Callable[[], Awaitable[Answer]], what: str) -> Answer:
        """Make a request until it is answered.

        Args:
            request: what makes it, once a call.
            what: what waits meanwhile, for the status line.

        Returns:
            Its answer.

        Raises:
            RejectedError: Strapi will never carry it out.
            DroppedError: what is in hand is to be dropped; nothing is under way then.
        """
        while True:
            await self.running()
            try:
                answer = await request()
            except RefusedError as error:
                self._note(State.REFUSED, error, what)
                await self._sleep(_REFUSED, self._mended)
            except UnreachableError as error:
                self._note(State.DOWN, error, what)
                after = error.after if isinstance(error, BusyError) else 0.0
                await self._sleep(max(after, self._backoff.pause()))
            else:
                self._backoff.reset()
                self._journal.notes.pop("apply", None)
                if not self.paused:
                    self._journal.connection(Server.STRAPI, State.UP)
                return answer

    async def _sleep(self, seconds: float, early: Callable[[], bool] = lambda: False) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._wake.clear()
        while not self._gone() and (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.wait_for(self._wake.wait(), min(left, _LOOK))
            except TimeoutError:
                if early():
                    return
            else:
                break
        if self._gone():
            raise DroppedError

    def _note(self, state: State, error: ServerError, what: str) -> None:
        if self._journal.connections[Server.STRAPI].state is not state:
            _log.warning("strapi: %s", error)
        self._journal.notes["apply"] = what
        if not self.paused:
            self._journal.connection(Server.STRAPI, state, error.what, error.advice)
