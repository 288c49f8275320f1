"""A watcher: fills a journal from a chain whose engines run elsewhere.

MQTT messages (`messages`) and Kafka records (`records`) are matched (`pairing`); the verdict on a record comes from the
ledger, or from the group's offsets (`verdicts`). A watcher is in no group, has no session, and writes nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Final

from bridge.apply.settle import journey_of
from bridge.history import History
from bridge.ingest.mapping import Mapper
from bridge.journal import DeadLetter, Verdict
from bridge.kafka.dead_letter_reader import letter_of
from bridge.kafka.record import MQTT_DELIVERY, PART_OF, received_at
from bridge.mqtt.presence import Presence
from bridge.watch.engine_counts import EngineCounts
from bridge.watch.messages import Messages
from bridge.watch.pairing import Pairing
from bridge.watch.records import Records
from bridge.watch.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journal, Journey
    from bridge.kafka.record import ConsumedRecord
    from bridge.mqtt.frames import Inbound
    from bridge.settings import Settings
    from bridge.watch.records import GroupProgress

__all__ = ["Watch"]

_FROM_KAFKA: Final = re.compile(r"kafka ([A-Za-z0-9._-]{1,249})/(\d{1,9})@(\d{1,18})")

_EVERY: Final = 1.5
"""Seconds between two comparisons with the engines' counts: longer than they take to publish new ones."""


class Watch:
    """Watches until cancelled, through the outage of any server.

    A message counts as received when it is seen on MQTT or as a record that an engine made of it, whichever is first;
    so messages that QoS 0 lost on the way here are counted too.

    Args:
        settings: which servers, routes and group.
        journal: where everything is noted; of the same kind that an engine fills.
        earlier: whether the journal gets records from before the start.
    """

    def __init__(self, settings: Settings, journal: Journal, *, earlier: bool = False) -> None:
        self._settings = settings
        self._journal = journal
        self._earlier = earlier
        self._errors = settings.kafka.errors_topic
        self._does = {route.kafka: route.does for route in settings.routes}
        self._mapper = Mapper(settings.routes, "")
        self._pairing = Pairing()
        self._verdicts = Verdicts(settings, journal)
        self._presence = Presence(settings)
        self._engine_counts = EngineCounts(journal)
        self._messages = Messages(settings, journal, self._came_by_mqtt)
        self._records = Records(
            settings.kafka,
            [*self._does, self._errors],
            journal,
            take=self._came_into_kafka,
            take_progress=self._take_progress,
        )

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._records.run())
            tasks.create_task(self._verdicts.run())
            tasks.create_task(self._presence.run())
            tasks.create_task(self._take_engine_counts())
            # Only then, so that the record of each received message is received too.
            await self._records.placed.wait()
            tasks.create_task(self._messages.run())
            if self._earlier:
                history = History(
                    self._settings,
                    self._journal,
                    self._verdicts.ask_for,
                    waiting=self._verdicts.follow,
                    before=self._records.begun,
                )
                tasks.create_task(history.run())

    async def _take_engine_counts(self) -> None:
        await self._presence.heard.wait()
        while True:
            carrying = sorted((one for one in self._presence.others if one.carries), key=lambda one: one.engine)
            self._engine_counts.take([one.account for one in carrying])
            await asyncio.sleep(_EVERY)

    def _came_by_mqtt(self, chunk: Sequence[Inbound]) -> None:
        now = time.monotonic()
        journeys = self._mapper.journeys(chunk, time.time())
        news: list[Journey] = []
        for journey in journeys:
            if self._pairing.message(journey, now) is None:
                news.append(journey)
                journey.weigh()
        if news:
            self._journal.arrived(news)

    def _came_into_kafka(self, records: Sequence[ConsumedRecord]) -> None:
        if records[0].topic == self._errors:
            self._came_as_letters(records)
            return
        now = time.monotonic()
        produced: list[Journey] = []
        foreign: list[Journey] = []
        late: list[Journey] = []
        renamed: list[Journey] = []
        for record in records:
            came = journey_of(record, self._does[record.topic], lambda _: ())
            came.timestamp = 0
            received = received_at(record)
            if received is None or came.mqtt_topic is None:
                foreign.append(came)
                continue
            came.received_at = received
            came.qos = int(any(name == MQTT_DELIVERY for name, _ in record.headers))
            journey = self._pairing.record(came, now)
            if journey is None:
                late.append(came)
                produced.append(came)
                continue
            if journey.movement_id != came.movement_id:
                renamed.append(journey)
            _take_over(journey, came)
            produced.append(journey)
        if late:
            self._journal.arrived(late)
        if renamed:
            self._journal.named(renamed)
        if foreign:
            self._journal.consumed(foreign)
        if produced:
            self._journal.acknowledged(produced)
        self._verdicts.follow([*produced, *foreign])
        for journey in (*produced, *foreign):
            journey.shorten()

    def _came_as_letters(self, records: Sequence[ConsumedRecord]) -> None:
        now = time.monotonic()
        letters: list[DeadLetter] = []
        for record in records:
            if any(name == PART_OF for name, _ in record.headers):
                continue
            letter = letter_of(record)
            journey: Journey | None = None
            if found := _FROM_KAFKA.fullmatch(letter.origin):
                journey = self._verdicts.refused((found[1], int(found[2])), int(found[3]), letter)
            elif letter.origin.startswith("mqtt "):
                journey = self._never_in_kafka(letter, received_at(record), now)
            letters.append(
                letter
                if journey is None
                else DeadLetter(journey, letter.origin, letter.at, letter.partition, letter.offset)
            )
            letters[-1].journey.shorten()
        if letters:
            self._journal.dead_lettered(letters)

    def _never_in_kafka(self, letter: DeadLetter, received_at: float | None, now: float) -> Journey:
        """Settle the MQTT message of a dead letter."""
        came = letter.journey
        journey = self._pairing.record(came, now)
        if journey is None:
            journey = came
            journey.received_at = received_at or letter.at
            self._journal.arrived([journey])
        elif journey.movement_id != came.movement_id:
            journey.movement_id = came.movement_id
            self._journal.named([journey])
        journey.rejection, journey.verdict, journey.decided_at = came.rejection, Verdict.REJECTED, letter.at
        self._journal.settled([journey], seen=True)
        return journey

    def _take_progress(self, progress: GroupProgress) -> None:
        self._verdicts.take_progress(progress, self._records.begun)


def _take_over(journey: Journey, came: Journey) -> None:
    """Copy a record's data into its message's journey."""
    journey.movement_id, journey.payload, journey.cut = came.movement_id, came.payload, 0
    journey.kafka_topic, journey.key = came.kafka_topic, came.key
    journey.partition, journey.offset = came.partition, came.offset
    journey.acknowledged_at, journey.received_at, journey.qos = came.acknowledged_at, came.received_at, came.qos
    journey.movement, journey.rejection = came.movement, came.rejection
