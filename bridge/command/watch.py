"""`opsci-bridge watch`: print a line for each movement of a chain, whichever engine carries it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.chain import Chain
from bridge.command.run import account
from bridge.journal import Journal, Server, State
from bridge.watch.lines import Passed, json_line, text_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.journal import Journey, Ring
    from bridge.settings import Settings

__all__ = ["Watching", "watch"]

_KEPT: Final = 10_000
_LOOK: Final = 0.05


class Watching(NamedTuple):
    """What to print, and until when.

    Attributes:
        as_json: whether each line is a JSON object.
        hops: whether to print lines for MQTT and Kafka too, before the verdict's.
        most: the number of verdicts after which to end; None for no limit.
        seconds: the seconds after which to end; None for no limit.
    """

    as_json: bool = False
    hops: bool = False
    most: int | None = None
    seconds: float | None = None


def watch(settings: Settings, watching: Watching) -> int:
    """Print until Ctrl-C, SIGTERM, or a limit is reached; the account goes to standard error.

    Args:
        settings: which servers, routes and group.
        watching: what to print, and until when.

    Returns:
        The exit code: 0, or 1 if fewer verdicts came in time than requested.
    """
    return asyncio.run(_Printing(settings, watching).run())


class _Printing:
    def __init__(self, settings: Settings, watching: Watching) -> None:
        self._watching = watching
        self._journal = Journal(_KEPT)
        self._chain = Chain(settings, self._journal, watch=True)
        self._line: Callable[[Journey, Passed], str] = json_line if watching.as_json else text_line
        self._seen = dict.fromkeys(Passed, 0)
        self._states: dict[Server, State] = {}
        self._noted: dict[str, str] = {}
        self._ended = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        task = asyncio.create_task(self._chain.run())
        began = time.monotonic()
        try:
            while not self._ended.is_set() and not self._is_enough(time.monotonic() - began):
                await asyncio.sleep(_LOOK)
                self._tell()
        finally:
            self._chain.stop()
            await task
        print(f"opsci-bridge: {account(self._journal)}", file=sys.stderr)
        wanted = self._watching.most
        return 1 if wanted is not None and self._seen[Passed.DECIDED] < wanted else 0

    def _is_enough(self, seconds: float) -> bool:
        most, longest = self._watching.most, self._watching.seconds
        return (most is not None and self._seen[Passed.DECIDED] >= most) or (longest is not None and seconds >= longest)

    def _tell(self) -> None:
        journal = self._journal
        for server, connection in journal.connections.items():
            if self._states.get(server) is not connection.state and connection.state is not State.CONNECTING:
                self._states[server] = connection.state
                why = "".join(f"; {text}" for text in (connection.detail, connection.advice) if text)
                self._say(f"{server}: {connection.state} at {connection.address}{why}")
        for name, text in journal.notes.copy().items():
            if self._noted.get(name) != str(text):
                self._noted[name] = str(text)
                self._say(str(text))
        for name in self._noted.keys() - journal.notes.keys():
            del self._noted[name]
        if self._watching.hops:
            self._print(journal.mqtt, Passed.RECEIVED)
            self._print(journal.kafka, Passed.IN_KAFKA)
        self._print(journal.strapi, Passed.DECIDED)
        sys.stdout.flush()

    def _print(self, ring: Ring[Journey], hop: Passed) -> None:
        seen, upto = self._seen[hop], ring.next
        if hop is Passed.DECIDED and self._watching.most is not None:
            upto = min(upto, self._watching.most)
        if lost := max(0, min(ring.first, upto) - seen):
            self._say(f"{lost:,} {hop.value} came too fast to be printed")
        for journey in ring.slice(seen, upto):
            if not journey.product_name and journey.product_id is not None:
                known = self._journal.stock.get(journey.product_id)
                journey.product_name = known.name if known is not None else ""
            print(self._line(journey, hop))
        self._seen[hop] = upto

    def _say(self, text: str) -> None:
        print(f"opsci-bridge: {text}", file=sys.stderr)
