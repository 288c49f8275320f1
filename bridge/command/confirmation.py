"""Confirmation of the movements published by `send`: wait until they are in the stock, and resend lost ones."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.backoff import Backoff
from bridge.errors import PublishError, RefusedError, UnreachableError
from bridge.outbox import pause_before
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.ledger import MOST_RECORDED, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.publisher import Publisher
    from bridge.settings import StrapiSettings

__all__ = ["Confirmation", "Published", "wait_for_stock"]


_LOOK: Final = 0.5
_SETTLES: Final = 3.0
"""Seconds after the connection to the broker broke until movements that are not in the stock count as lost."""

_GAP: Final = 5.0
_AHEAD: Final = 5
"""After this many requests in a row without news, the rest waits for the next round: it is queued behind them."""


class Published(NamedTuple):
    """A movement that the broker acknowledged.

    Attributes:
        line: its line in the file.
        movement_id: its identity.
        payload: what was published.
        at: when, in seconds since the epoch.
    """

    line: int
    movement_id: str
    payload: bytes
    at: float


class Confirmation(NamedTuple):
    """The ledger's answers.

    Attributes:
        verdicts: how many movements ended with each verdict of the ledger.
        unknown: the lines of those that it does not know, in order.
        again: how often a movement was resent.
        problem: why it could not be asked, empty if it could.
        has_ledger: whether this Strapi has the ledger; without it nothing is asked or resent.
    """

    verdicts: Counter[str]
    unknown: list[int]
    again: int = 0
    problem: str = ""
    has_ledger: bool = True


class _Waiting:
    def __init__(self, published: Published) -> None:
        self.published = published
        self.tried_at = published.at
        self.tries = 0

    def due(self, lost_at: float) -> float:
        """When to resend it, in seconds since the epoch."""
        at = self.tried_at + pause_before(self.tries)
        return min(at, max(lost_at + _SETTLES, self.tried_at + _GAP)) if lost_at > self.tried_at else at


async def wait_for_stock(
    settings: StrapiSettings,
    publisher: Publisher,
    topic: str,
    sent: list[Published],
    *,
    patience: float,
    say: Callable[[str], None],
) -> Confirmation:
    """Wait until the ledger has a verdict on each movement, and resend missing ones under their identities.

    Args:
        settings: Strapi's.
        publisher: resends.
        topic: the MQTT topic.
        sent: what was published, in order.
        patience: seconds without any news after which to give up.
        say: called with a line of progress.
    """
    waiting = {one.movement_id: _Waiting(one) for one in sent}
    verdicts: Counter[str] = Counter()
    backoff, again, problem = Backoff(first=_LOOK, longest=5.0), 0, ""
    news_at = time.monotonic()
    async with StrapiClient(settings) as client:
        while waiting and time.monotonic() - news_at < patience:
            try:
                asked = await _ask(client, waiting, verdicts)
            except StrapiRejectedError as error:
                return Confirmation(verdicts, _lines(waiting), again, error.what, has_ledger=False)
            except RefusedError as error:
                return Confirmation(verdicts, _lines(waiting), again, error.text)
            except UnreachableError as error:
                if not problem:
                    say(f"waiting: {error}")
                problem = error.what
                await asyncio.sleep(backoff.pause())
                continue
            backoff.reset()
            if asked.news or problem:
                news_at, problem = time.monotonic(), ""
            now = time.time()
            due = [one for one in asked.missing if now >= one.due(publisher.lost_at)]
            if due:
                counted = await asyncio.gather(*(_again(publisher, topic, one) for one in due))
                again += sum(counted)
                say(f"{sum(counted):,} movements that the stock does not show were sent again")
            await asyncio.sleep(_LOOK)
    return Confirmation(verdicts, _lines(waiting), again, problem)


class _Asked(NamedTuple):
    news: bool
    missing: list[_Waiting]


async def _ask(client: StrapiClient, waiting: dict[str, _Waiting], verdicts: Counter[str]) -> _Asked:
    """Ask for the waiting movements, the oldest first; move those that the ledger has to `verdicts`."""
    names, news, silent = [*waiting], False, 0
    missing: list[_Waiting] = []
    for start in range(0, len(names), MOST_RECORDED):
        chunk = names[start : start + MOST_RECORDED]
        known = await recorded(client, chunk)
        for name in chunk:
            if name in known:
                verdicts[known[name].outcome] += 1
                del waiting[name]
            else:
                missing.append(waiting[name])
        news = news or bool(known)
        silent = 0 if known else silent + 1
        if silent >= _AHEAD:
            break
    return _Asked(news, missing)


async def _again(publisher: Publisher, topic: str, one: _Waiting) -> bool:
    one.tries += 1
    one.tried_at = time.time()
    try:
        heard = await publisher.publish(topic, one.published.payload, one.published.movement_id)
    except PublishError:
        heard = False
    if not heard:
        # The broker is away, or no engine has subscribed yet: try again soon.
        one.tries -= 1
        one.tried_at += _GAP - pause_before(one.tries)
    return heard


def _lines(waiting: dict[str, _Waiting]) -> list[int]:
    return sorted(one.published.line for one in waiting.values())
