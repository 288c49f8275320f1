"""Verdicts on records that other engines apply, from the ledger, the dead letters and the group's offsets.

With a ledger, the row of a movement is the verdict of the record that it names; a later record with the same identity
is a duplicate once the group's offset is past it. Without a ledger, a record that the group committed and that has no
dead letter was applied, as an engine commits only after the dead letter is in Kafka; its stocks are then unknown.
"""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from bridge.apply.verdicts import judge
from bridge.backoff import Backoff
from bridge.bounded import Recent
from bridge.errors import RefusedError, ServerError
from bridge.journal import Elsewhere, Verdict
from bridge.phrase import Phrase
from bridge.route import RouteKind
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.ledger import Decision, Outcome, recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.journal import DeadLetter, Journal, Journey
    from bridge.settings import Settings
    from bridge.watch.records import GroupProgress, TopicPartition

__all__ = ["Verdicts"]

_log = logging.getLogger(__name__)

_ASKED: Final = 200
"""The most movements requested from the ledger in one round."""

_SOON: Final = 0.15
"""Seconds before a round while movements arrive singly; many are collected, as a round costs Strapi work."""

_MANY: Final = 20
_LATER: Final = 0.4
_LONGEST: Final = 1.0

_MOST_OPEN: Final = 20_000
"""How many records of a partition are followed at once."""

_AGAIN: Final = 60.0
"""Seconds after which a Strapi without a ledger is checked again."""

_NO_LEDGER: Final = "watch-ledger"
_NOBODY: Final = "watch-nobody"


class Verdicts:
    """Finds the verdict of each record.

    Args:
        settings: the Strapi whose ledger is asked, and the routes.
        journal: where the verdicts are noted.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._does = {route.kafka: route.does for route in settings.routes}
        self._open: dict[TopicPartition, dict[int, Journey]] = {}
        self._past: list[Journey] = []
        """Settled journeys for which the ledger is to be asked."""
        self._letters: Recent[tuple[str, int, int], DeadLetter] = Recent(2_000)
        """Dead letters whose records have not been received."""
        self._decided: dict[TopicPartition, set[int]] = {}
        """By partition, the decided records at or after the group's offset."""
        self._positions: dict[TopicPartition, int] = {}
        self._begun: dict[TopicPartition, int] = {}
        self._has_ledger: bool | None = None if settings.strapi.mode in {"auto", "ledger"} else False
        self._asked_at = 0.0
        self._work = asyncio.Event()

    def follow(self, journeys: Iterable[Journey]) -> None:
        """Follow records in Kafka until they have a verdict; those of `carry` routes get none."""
        early: list[Journey] = []
        for journey in journeys:
            if self._does.get(journey.kafka_topic, RouteKind.CARRY) is RouteKind.CARRY:
                continue
            open_ones = self._open.setdefault((journey.kafka_topic, journey.partition), {})
            open_ones[journey.offset] = journey
            if len(open_ones) > _MOST_OPEN:
                # Its verdict remains unknown here; the count of what waits comes from Kafka.
                del open_ones[next(iter(open_ones))]
            letter = self._letters.get((journey.kafka_topic, journey.partition, journey.offset))
            if letter is not None:
                _reject(journey, letter)
                early.append(journey)
        self._settle(early)
        self._ask_why(early)
        self._work.set()

    def ask_for(self, journeys: Sequence[Journey]) -> None:
        """Request the verdicts of settled records from the ledger."""
        self._past = [*self._past, *journeys][-_MOST_OPEN:]
        self._work.set()

    def refused(self, partition: TopicPartition, offset: int, letter: DeadLetter) -> Journey | None:
        """Process the dead letter of a record.

        Returns:
            The record's journey; None if the record was not received, or is from before the start.
        """
        journey = self._open.get(partition, {}).get(offset)
        if journey is None:
            self._letters[(*partition, offset)] = letter
            return None
        _reject(journey, letter)
        self._settle([journey])
        self._ask_why([journey])
        return journey

    def _ask_why(self, refused: Sequence[Journey]) -> None:
        """Have the ledger asked at which stock it refused, and for its reason, which can be translated."""
        if self._has_ledger is not False and (known := [one for one in refused if one.movement is not None]):
            self.ask_for(known)

    def take_progress(self, progress: GroupProgress, begun: Mapping[TopicPartition, int]) -> None:
        """Process the group's state: settle what its offsets decide, and count what waits."""
        self._positions = dict(progress.positions)
        found: list[Journey] = []
        now = time.time()
        for partition, open_ones in self._open.items():
            position = self._positions.get(partition, 0)
            for offset, journey in open_ones.items():
                if offset >= position:
                    continue
                if journey.rejection is not None and journey.movement is None:
                    journey.verdict, journey.decided_at = Verdict.REJECTED, now
                elif self._does[partition[0]] is not RouteKind.MOVEMENT:
                    journey.verdict, journey.decided_at = Verdict.CARRIED, now
                elif self._has_ledger is False:
                    journey.verdict, journey.decided_at = Verdict.APPLIED, now
                else:
                    continue
                found.append(journey)
        self._settle(found)
        self._count_waiting(progress, begun)
        self._note_members(progress)
        self._work.set()

    async def run(self) -> None:
        """Ask the ledger until cancelled."""
        if self._has_ledger is False:
            self._told_no_ledger(Phrase("strapi.mode is {mode}", mode=self._settings.strapi.mode))
        async with StrapiClient(self._settings.strapi) as client:
            away, idle = Backoff(first=1.0, longest=15.0), Backoff(first=_SOON, longest=_LONGEST)
            while True:
                await self._work.wait()
                self._work.clear()
                pause = _SOON
                while self._asks():
                    await asyncio.sleep(pause)
                    try:
                        found = await self._round(client)
                    except ServerError as error:
                        _log.debug("the ledger does not answer: %s", error)
                        pause = away.pause()
                        continue
                    away.reset()
                    if found is None:
                        break
                    if found:
                        idle.reset()
                    pause = idle.pause() if not found else _LATER if found > _MANY else _SOON

    def _asks(self) -> bool:
        if self._settings.strapi.mode not in {"auto", "ledger"}:
            return False
        return self._has_ledger is not False or time.monotonic() >= self._asked_at + _AGAIN

    async def _round(self, client: StrapiClient) -> int | None:
        """Make one request to the ledger.

        Returns:
            How many got a verdict; None if there was nothing to ask for.

        Raises:
            ServerError: Strapi does not answer.
        """
        # The offsets from before the request: the ledger's answer includes everything before them.
        positions = self._positions
        asked = self._due()
        past, self._past = self._past[:_ASKED], self._past[_ASKED:]
        if not asked and not past and self._has_ledger is not None:
            return None
        names = list(dict.fromkeys(one.movement_id for one in [*asked, *past] if one.movement is not None))
        self._asked_at = time.monotonic()
        try:
            known = await recorded(client, names)
        except (StrapiRejectedError, RefusedError) as error:
            self._told_no_ledger(error.what)
            return None
        except ServerError:
            self._past = past + self._past
            raise
        self._has_ledger = True
        self._journal.notes.pop(_NO_LEDGER, None)
        for journey in past:
            if decision := known.get(journey.movement_id):
                self._recall(journey, decision)
        found = [one for one in asked if self._judged(one, known.get(one.movement_id), positions)]
        self._settle(found)
        if past:
            self._journal.news.ring()
        return len(found) + len(past)

    def _due(self) -> list[Journey]:
        """The first open movements of each partition: engines settle them in this order."""
        each = max(5, _ASKED // max(1, len(self._open)))
        return [
            journey
            for (topic, _), open_ones in self._open.items()
            if self._does[topic] is RouteKind.MOVEMENT
            for journey in islice(open_ones.values(), each)
            if journey.movement is not None
        ]

    def _judged(self, journey: Journey, decision: Decision | None, positions: Mapping[TopicPartition, int]) -> bool:
        """Store the ledger's verdict in a journey; return whether there is one."""
        if journey.verdict is not None:
            # Its dead letter was received meanwhile.
            return False
        now = time.time()
        behind = journey.offset < positions.get((journey.kafka_topic, journey.partition), 0)
        here = f"{journey.kafka_topic}/{journey.partition}@{journey.offset}"
        if decision is None:
            if behind:
                journey.elsewhere, journey.decided_at = Elsewhere.UNKNOWN, now
            return behind
        if decision.source in {"", here}:
            journey.verdict = judge(journey, decision)
            earliest = journey.acknowledged_at or now
            journey.decided_at = decision.decided_at if earliest <= decision.decided_at <= now else now
            return True
        if behind:
            again = Decision(Outcome.DUPLICATE, decision.product, first=decision.outcome)
            journey.verdict, journey.decided_at = judge(journey, again), now
        return behind

    def _recall(self, journey: Journey, decision: Decision) -> None:
        here = f"{journey.kafka_topic}/{journey.partition}@{journey.offset}"
        if decision.source in {"", here}:
            journey.verdict = judge(journey, decision)
            self._show_last_change(journey)

    def _show_last_change(self, journey: Journey) -> None:
        product, after = journey.product_id, journey.stock_after
        if journey.earlier and journey.verdict is Verdict.APPLIED and product is not None and after is not None:
            self._journal.stock.recall(product, after, journey.delta)

    def _settle(self, journeys: Sequence[Journey]) -> None:
        if not journeys:
            return
        for journey in journeys:
            partition = journey.kafka_topic, journey.partition
            open_ones = self._open.get(partition, {})
            open_ones.pop(journey.offset, None)
            if not open_ones:
                self._open.pop(partition, None)
            if journey.offset >= self._positions.get(partition, 0):
                self._decided.setdefault(partition, set()).add(journey.offset)
            journey.shorten()
        # What is from before the start is not counted.
        if counted := [journey for journey in journeys if not journey.earlier and journey.verdict is not None]:
            self._journal.settled(counted, seen=True)
        for journey in journeys:
            if journey.earlier:
                self._show_last_change(journey)
        self._journal.news.ring()

    def _count_waiting(self, progress: GroupProgress, begun: Mapping[TopicPartition, int]) -> None:
        waiting = dict.fromkeys(RouteKind, 0)
        kafka = self._settings.kafka
        for partition, end in progress.ends.items():
            does = self._does.get(partition[0], RouteKind.CARRY)
            if does is RouteKind.CARRY:
                continue
            position = progress.positions.get(partition, 0 if kafka.beginning else begun.get(partition, end))
            decided = {offset for offset in self._decided.get(partition, ()) if offset >= position}
            self._decided[partition] = decided
            waiting[does] += max(0, end - position - sum(offset < end for offset in decided))
        self._journal.lag = waiting.pop(RouteKind.MOVEMENT)
        self._journal.lag_of_others = sum(waiting.values())
        self._journal.news.ring()

    def _note_members(self, progress: GroupProgress) -> None:
        group = progress.group
        if group is None or group.is_hidden or group.members:
            self._journal.notes.pop(_NOBODY, None)
        else:
            self._journal.notes[_NOBODY] = Phrase(
                "no engine applies at the moment: consumer group {group!r} has no member, so movements wait in Kafka",
                group=self._settings.kafka.group,
            )

    def _told_no_ledger(self, why: str) -> None:
        self._has_ledger = False
        self._past.clear()
        self._journal.notes[_NO_LEDGER] = Phrase(
            "no ledger to read verdicts from ({why}): applied is what consumer group {group!r} committed and has no "
            "dead letter, without its stocks",
            why=why,
            group=self._settings.kafka.group,
        )


def _reject(journey: Journey, letter: DeadLetter) -> None:
    journey.rejection = letter.journey.rejection
    journey.verdict, journey.decided_at = Verdict.REJECTED, letter.at
