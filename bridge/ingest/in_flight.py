"""What came over MQTT and is not acknowledged yet, and how a redelivery of it is recognised.

After a broken connection the broker sends again, with DUP and under the same packet id, what it has no
acknowledgement for (MQTT 5 section 4.4). Such a message is already here: it must not enter Kafka once more, and its
acknowledgement belongs to the new connection (section 4.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.ingest.dedup import PACKET_IDS, RecentAcks, fingerprint, near
from bridge.journal import Journey
from bridge.mqtt.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.ingest.dedup import Deliveries
    from bridge.mqtt.frames import Inbound

__all__ = ["Arrival", "InFlight"]


class Arrival(msgspec.Struct, eq=False, gc=False):
    """A message on its way to Kafka.

    Attributes:
        session: the connection to acknowledge it on.
        packet_id: what to acknowledge, 0 at QoS 0.
        journey: what it says; None where Kafka has it and only the acknowledgement is owed.
    """

    session: Session
    packet_id: int
    journey: Journey | None


class InFlight:
    """The unacknowledged messages of one kept session, and what was acknowledged of late.

    A broker that was killed takes up its session as it last wrote it down: it sends again what was acknowledged since
    then, and gives the packet ids that it had given out since to other messages.

    Args:
        most: how many acknowledged messages are recognised; see `bridge.ingest.delivery_reader.recognised`.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._waiting: dict[int, Arrival] = {}
        self._acknowledged = RecentAcks(most)
        self._near = near(most)
        self._newest = 0
        self._begun: Session | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def forget(self) -> None:
        """The broker kept no session: its packet ids start again and mean other messages."""
        self._waiting.clear()
        self._acknowledged.clear()
        self._newest = 0
        self._begun = None

    def recall(self, deliveries: Deliveries) -> None:
        """Take in what Kafka has of earlier engines, or of another one that had this session meanwhile."""
        self._acknowledged.note_earlier(deliveries)
        self._newest = self._newest or deliveries.newest

    def redelivered(self, session: Session, message: Inbound) -> Arrival | bool | None:
        """Recognise a redelivery.

        Args:
            session: the connection that the message came on.
            message: what came.

        Returns:
            False where the message is new; None where it is on its way to Kafka, and is from now on acknowledged on
            this connection; an arrival without journey where Kafka has it and only the acknowledgement is owed.
        """
        if not message.redelivered or not message.packet_id:
            return False
        waiting = self._waiting.get(message.packet_id)
        if waiting is not None and waiting.journey is not None and _same(waiting.journey, message):
            waiting.session = session
            return None
        what = fingerprint(message.topic, message.payload)
        if self._acknowledged.get(message.packet_id) == what:
            # It has not been given to another message, and all ids come before it is.
            self._acknowledged.note({message.packet_id: what})
            return Arrival(session, message.packet_id, None)
        return False

    def admit(self, arrivals: Sequence[Arrival]) -> None:
        """Take in messages of one connection that are to be acknowledged once Kafka has them."""
        for arrival in arrivals:
            if arrival.packet_id:
                self._waiting[arrival.packet_id] = arrival
        for one in arrivals:
            if not one.packet_id or one.journey is None:
                continue
            if not one.journey.redelivered:
                break
            # A broker may have had more on the way than we asked for, and all of it comes before anything new.
            if self._newest and (one.packet_id - self._newest) % PACKET_IDS < self._near:
                self._newest = one.packet_id
        fresh = (one for one in reversed(arrivals) if one.journey is not None and not one.journey.redelivered)
        self._newest = next((one.packet_id for one in fresh if one.packet_id), self._newest)

    def begins(self, session: Session, messages: Sequence[Inbound]) -> int:
        """Look at messages of a connection, before they are admitted, for the first that it did not redeliver.

        A broker sends again what it sends again before anything new (MQTT 5 section 4.4). Where the first new message
        has a packet id that was given out before, the broker has gone back, and the ids from there on are forgotten.

        Args:
            session: the connection.
            messages: what came on it and is not recognised.

        Returns:
            The packet id of the first new one where the broker's numbering does not go on from what came last, as far
            as that is known; 0 where it does, and where nothing new is among them or was new before.
        """
        if session is self._begun:
            return 0
        first = next((one.packet_id for one in messages if one.packet_id and not one.redelivered), 0)
        if not first:
            return 0
        unknown, self._begun = self._begun is None, session
        if not self._newest or (first - self._newest - 1) % PACKET_IDS < self._near:
            return first if unknown else 0
        back = (self._newest - first) % PACKET_IDS
        self._acknowledged.discard((first - 1 + step) % PACKET_IDS + 1 for step in range(back + 1))
        return first

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        """Kafka has these: acknowledge them, in the order in which they came and each on its own connection."""
        owed: dict[Session, list[int]] = {}
        acknowledged: dict[int, int] = {}
        for arrival in arrivals:
            packet_id = arrival.packet_id
            if not packet_id:
                continue
            owed.setdefault(arrival.session, []).append(packet_id)
            if arrival.journey is not None:
                if self._waiting.get(packet_id) is arrival:
                    del self._waiting[packet_id]
                acknowledged[packet_id] = fingerprint(arrival.journey.mqtt_topic or "", arrival.journey.payload)
        self._acknowledged.note(acknowledged)
        for session, packet_ids in owed.items():
            session.acknowledge(packet_ids)


def _same(journey: Journey, message: Inbound) -> bool:
    return journey.mqtt_topic == message.topic and journey.payload == message.payload
