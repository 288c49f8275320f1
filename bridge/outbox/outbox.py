"""Published movements are kept until they are in the stock, and are published again if they were lost.

A broker sends its PUBACK before it saves the message: a broker that is killed forgets what it received since its last
save. So until Kafka has a movement, its publisher keeps it. Its result is known from the journal, if this engine wrote
or applied it, and from the ledger. It is published again, under its `movement-id`, only just after the ledger has
answered that it does not know it: the ledger counts it once however often it arrives. A Strapi without the ledger would
count it twice, so there nothing is published again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.apply.verdicts import judge
from bridge.backoff import Backoff, pause_before
from bridge.errors import PublishError, RefusedError, UnconfirmedError, UnreachableError
from bridge.journal import Elsewhere, Journey, Server, State
from bridge.movement import Movement, read_movement
from bridge.outbox.store import Kept, Store, outbox_folder
from bridge.phrase import Phrase
from bridge.route import carries_movements
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.ledger import MOST_RECORDED, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.journal import Journal
    from bridge.mqtt.publisher import Publisher
    from bridge.settings import Settings
    from bridge.strapi.ledger import Decision

__all__ = ["LONGEST", "MOST", "Outbox"]

_log = logging.getLogger(__name__)

MOST: Final = 10_000
"""The most movements that are kept."""

MOST_BYTES: Final = 16_000_000
"""The most bytes of payloads that are kept."""

LONGEST: Final = 86_400.0
"""Seconds after which a movement that is not in the stock counts as unknown and is dropped."""

_LOOK: Final = 0.5
_SETTLES: Final = 3.0
"""Seconds after the engine's session was restored until messages that it did not deliver count as lost."""

_GAP: Final = 5.0
"""The shortest time in seconds between two publications of one movement, however often connections break."""

_ASKED: Final = 4 * MOST_RECORDED
_AT_ONCE: Final = 50
_NOTE: Final = "outbox"


class _Entry(msgspec.Struct, gc=False):
    """A kept movement.

    Attributes:
        kept: what was published.
        tried_at: when it was last published or looked up, in seconds since the epoch.
        tries: how often that was, after the first publication.
        sends: how often this program published it.
        found: whether an earlier program published it.
    """

    kept: Kept
    tried_at: float
    tries: int = 0
    sends: int = 1
    found: bool = False


class Outbox:
    """Keeps the publications of one engine's form and simulator. Called on the engine's loop.

    Args:
        settings: the engine's.
        journal: what this engine saw of each movement; gets the ledger's verdicts for the others.
        publisher: publishes again.

    Attributes:
        ledger: whether Strapi has the ledger, None while that is not known.
    """

    def __init__(self, settings: Settings, journal: Journal, publisher: Publisher) -> None:
        self.ledger: bool | None = None
        self._settings = settings
        self._journal = journal
        self._publisher = publisher
        self._possible = settings.mqtt.version == "5" and settings.strapi.mode in {"auto", "ledger"}
        self._store = Store(outbox_folder(settings))
        self._entries: dict[str, _Entry] = {}
        self._bytes = 0
        self._backoff = Backoff(first=1.0, longest=15.0)
        self._ask_at = 0.0
        self._unknown = 0
        self._trouble = ""

    @property
    def waiting(self) -> list[str]:
        """The identities of the kept movements, the oldest first."""
        return [*self._entries]

    def takes(self, topic: str, movement: object) -> bool:
        """Whether a movement would be kept.

        Args:
            topic: where it is published.
            movement: its parsed payload; anything but a movement is rejected, and never in the ledger.
        """
        return (
            self._possible
            and self.ledger is not False
            and isinstance(movement, Movement)
            and carries_movements(self._settings.routes, topic)
        )

    def add(self, movement_id: str, topic: str, payload: bytes, properties: tuple[tuple[str, str], ...] = ()) -> None:
        """Keep a movement; call this before it is published.

        Raises:
            PublishError: the outbox is full, and none of its movements is known to be in Kafka.
        """
        if len(self._entries) >= MOST or self._bytes + len(payload) > MOST_BYTES:
            self._make_room()
        now = time.time()
        kept = Kept(movement_id, topic, payload, properties, now)
        self._enter(_Entry(kept, now))
        self._writing(lambda: self._store.add(kept))

    def drop(self, movement_id: str) -> None:
        """Drop a movement that was not sent: the broker refused it, or was not reached."""
        self._leave([movement_id])

    def unheard(self, movement_id: str) -> None:
        """Note that the broker discarded a movement because nobody subscribes yet: it is sent again soon."""
        if (entry := self._entries.get(movement_id)) is not None:
            entry.tried_at = time.time() - pause_before(entry.tries) + _GAP

    async def run(self) -> None:
        """Check and resend kept movements until cancelled."""
        self._take_over()
        async with StrapiClient(self._settings.strapi) as client:
            while True:
                await self._round(client)
                await asyncio.sleep(_LOOK)

    def close(self) -> None:
        """Close the file; the next program continues with its content."""
        self._store.close()
        self._journal.notes.pop(_NOTE, None)

    def _take_over(self) -> None:
        found: list[Kept] = []
        self._writing(lambda: found.extend(self._store.open()))
        for aside in self._store.damaged:
            self._journal.notes[f"{_NOTE}-{aside.name}"] = Phrase(
                "a file of what was sent from here was damaged and is kept as {aside}: unknown how many movements "
                "are no longer looked after, the others are",
                aside=str(aside),
            )
        now = time.time()
        for kept in found:
            # Due at once, in case the earlier program was killed together with its broker.
            self._enter(_Entry(kept, now - pause_before(0) + _SETTLES, found=True))
            movement = read_movement(kept.payload)
            self._journal.published(
                Journey(
                    kept.movement_id,
                    kept.payload,
                    mqtt_topic=kept.topic,
                    movement=movement if isinstance(movement, Movement) else None,
                    qos=1,
                    published_at=kept.at,
                )
            )
        if found:
            _log.info("%d movements that were published before are not known to be in the stock", len(found))

    async def _round(self, client: StrapiClient) -> None:
        now = time.time()
        self._leave([name for name in self._entries if self._is_decided(name)])
        self._give_up([entry for entry in self._entries.values() if now - entry.kept.at > LONGEST])
        due = [entry for entry in self._entries.values() if now >= self._due(entry)][:_ASKED]
        if (due or (self.ledger is None and self._possible)) and time.monotonic() >= self._ask_at:
            known = await self._ask(client, [entry.kept.movement_id for entry in due])
            if known is not None:
                self._settle(known)
                await self._look_after([entry for entry in due if entry.kept.movement_id not in known])
        self._tell()

    def _is_decided(self, movement_id: str) -> bool:
        return any(journey.verdict is not None for journey in self._journal.journeys(movement_id))

    def _is_in_kafka(self, movement_id: str) -> bool:
        return any(journey.acknowledged_at is not None for journey in self._journal.journeys(movement_id))

    def _due(self, entry: _Entry) -> float:
        """When to look up a movement again, in seconds since the epoch."""
        pause = pause_before(entry.tries)
        if self._is_in_kafka(entry.kept.movement_id):
            return entry.tried_at + pause
        if not self._settings.ingest.enabled:
            # Another engine's session is not visible here, but this publisher's own connection is.
            lost_at = self._publisher.lost_at
            return (
                max(lost_at + _SETTLES, entry.tried_at + _GAP) if lost_at > entry.tried_at else entry.tried_at + pause
            )
        mqtt, kafka = self._journal.connections[Server.MQTT], self._journal.connections[Server.KAFKA]
        if mqtt.state is not State.UP or kafka.state is not State.UP:
            # Nothing reaches Kafka now, so sending again would not help.
            return float("inf")
        if mqtt.since > entry.tried_at:
            # The connection broke since: the session first delivers what the broker still has.
            return max(mqtt.since + _SETTLES, entry.tried_at + _GAP)
        if any(journey.received_at is not None for journey in self._journal.journeys(entry.kept.movement_id)):
            # It was received here, and only waits for Kafka's acknowledgement.
            return float("inf")
        return max(entry.tried_at, kafka.since) + pause

    async def _ask(self, client: StrapiClient, names: Sequence[str]) -> dict[str, Decision] | None:
        """What the ledger has of some movements; None if it does not answer."""
        known: dict[str, Decision] = {}
        try:
            for start in range(0, max(1, len(names)), MOST_RECORDED):
                known |= await recorded(client, names[start : start + MOST_RECORDED])
        except UnreachableError:
            self._ask_at = time.monotonic() + self._backoff.pause()
            return None
        except (StrapiRejectedError, RefusedError) as error:
            # No such route, or no right to ask: without the ledger nothing is published again.
            if isinstance(error, StrapiRejectedError):
                self.ledger = False
            self._trouble = error.what
            self._ask_at = time.monotonic() + self._backoff.pause()
            return None
        self.ledger, self._trouble = True, ""
        self._backoff.reset()
        return known

    def _settle(self, known: dict[str, Decision]) -> None:
        now = time.time()
        for movement_id, decision in known.items():
            journey = self._journal.journey(movement_id)
            if journey is not None and journey.verdict is None and journey.movement is not None:
                # Another engine applied it.
                verdict = judge(journey, decision)
                journey.decided_at, journey.verdict, journey.elsewhere = now, verdict, Elsewhere.SETTLED
                self._journal.news.ring()
        self._leave(known)

    async def _look_after(self, entries: Sequence[_Entry]) -> None:
        """Publish again what the ledger does not have and, as far as this engine saw, Kafka does not have either."""
        now = time.time()
        again = []
        for entry in entries:
            if entry.kept.movement_id not in self._entries or self._is_decided(entry.kept.movement_id):
                continue
            if self._is_in_kafka(entry.kept.movement_id):
                entry.tries, entry.tried_at = entry.tries + 1, now
            else:
                again.append(entry)
        for start in range(0, len(again), _AT_ONCE):
            await asyncio.gather(*(self._again(entry) for entry in again[start : start + _AT_ONCE]))
        self._journal.news.ring()

    async def _again(self, entry: _Entry) -> None:
        kept = entry.kept
        # Before it arrives here again, as the new journey copies this.
        journey = self._journal.journey(kept.movement_id) or Journey(kept.movement_id, kept.payload)
        before, tried_at = journey.resent, entry.tried_at
        entry.sends, entry.tries, entry.tried_at = entry.sends + 1, entry.tries + 1, time.time()
        journey.resent = Phrase(
            "the stock did not show it: sent again by itself, {sends} times in all", sends=entry.sends
        )
        try:
            if not await self._publisher.publish(kept.topic, kept.payload, kept.movement_id, kept.properties):
                self.unheard(kept.movement_id)
        except UnconfirmedError as error:
            _log.info("published again without the broker's word: %s", error)
        except PublishError as error:
            # Nothing was sent, or the broker refused it: the next round acts as if this had not been.
            journey.resent, entry.sends = before, entry.sends - 1
            entry.tries, entry.tried_at = entry.tries - 1, tried_at
            self._ask_at = time.monotonic() + self._backoff.pause()
            _log.info("not published again: %s", error)
        else:
            _log.info("published again, as the stock does not show it: %s", kept.movement_id)

    def _give_up(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            _log.warning("not in the stock after a day, and let go: %s", entry.kept.movement_id)
            journey = self._journal.journey(entry.kept.movement_id)
            if journey is not None:
                journey.given_up = True
        if entries:
            self._unknown += len(entries)
            self._journal.news.ring()
        self._leave([entry.kept.movement_id for entry in entries])

    def _make_room(self) -> None:
        """Drop the older half of the movements that Kafka has, which keeps them from then on."""
        there = [name for name in self._entries if self._is_in_kafka(name)]
        if not there:
            raise PublishError(
                Phrase(
                    "{count:,} movements sent from here are not known to be in Kafka yet, and no more can be kept",
                    count=len(self._entries),
                )
            )
        self._leave(there[: (len(there) + 1) // 2])

    def _enter(self, entry: _Entry) -> None:
        self._entries[entry.kept.movement_id] = entry
        self._bytes += len(entry.kept.payload)

    def _leave(self, names: Iterable[str]) -> None:
        gone = [entry for name in [*names] if (entry := self._entries.pop(name, None)) is not None]
        if gone:
            self._bytes -= sum(len(entry.kept.payload) for entry in gone)
            self._writing(lambda: self._store.remove([entry.kept.movement_id for entry in gone]))

    def _writing(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if "outbox-file" not in self._journal.notes:
                _log.warning("the outbox is kept in memory alone: %s", error)
            self._journal.notes["outbox-file"] = Phrase(
                "what is sent from here is kept in memory alone, as its file can't be written: {why}", why=str(error)
            )

    def _tell(self) -> None:
        late = [entry for entry in self._entries.values() if entry.tries or entry.found]
        notes = self._journal.notes
        if late and self._trouble:
            notes[_NOTE] = Phrase(
                "{count:,} movements sent from here are not known to be in the stock, and are not sent again by "
                "themselves: {why}",
                count=len(late),
                why=self._trouble,
            )
        elif late and "apply" not in notes:
            # While Strapi is away, the count of everything that waits for it is shown already.
            notes[_NOTE] = Phrase(
                "{count:,} movements sent from here are not in the stock yet; what got lost is sent again by itself",
                count=len(late),
            )
        elif self._unknown:
            notes[_NOTE] = Phrase(
                "{count:,} movements sent from here did not come into the stock within a day, and are no longer kept",
                count=self._unknown,
            )
        else:
            notes.pop(_NOTE, None)
