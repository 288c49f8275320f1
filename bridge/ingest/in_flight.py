"""Messages received over MQTT and not yet acknowledged, and recognition of their redelivery.

After a broken connection the broker redelivers, with DUP and under the same packet ids, everything unacknowledged (MQTT
5 section 4.4). A message that is still in flight here must not be written to Kafka twice, and its acknowledgement must
go to the new connection (section 4.6).
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
    """A message in flight to Kafka.

    Attributes:
        session: the connection on which to acknowledge it.
        packet_id: what to acknowledge, 0 at QoS 0.
        journey: the message; None where Kafka has it already and only the acknowledgement is due.
    """

    session: Session
    packet_id: int
    journey: Journey | None


class InFlight:
    """The unacknowledged messages of one kept session, and its recent acknowledgements.

    A broker that was killed resumes the session as last saved: it redelivers what was acknowledged since, and assigns
    the packet ids that it had used since to other messages.

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
        """Forget everything: the broker kept no session, so its packet ids start over with other messages."""
        self._waiting.clear()
        self._acknowledged.clear()
        self._newest = 0
        self._begun = None

    def recall(self, deliveries: Deliveries) -> None:
        """Add what Kafka has from earlier engines, or from another engine that had this session meanwhile."""
        self._acknowledged.note_earlier(deliveries)
        self._newest = self._newest or deliveries.newest

    def redelivered(self, session: Session, message: Inbound) -> Arrival | bool | None:
        """Recognise a redelivery.

        Args:
            session: the connection on which the message was received.
            message: the received message.

        Returns:
            False where the message is new. None where it is in flight to Kafka; it will then be acknowledged on this
            connection. An arrival without a journey where Kafka has it and only the acknowledgement is due.
        """
        if not message.redelivered or not message.packet_id:
            return False
        waiting = self._waiting.get(message.packet_id)
        if waiting is not None and waiting.journey is not None and _same(waiting.journey, message):
            waiting.session = session
            return None
        what = fingerprint(message.topic, message.payload)
        if self._acknowledged.get(message.packet_id) == what:
            # The id was not reused, and all other ids come before it is.
            self._acknowledged.note({message.packet_id: what})
            return Arrival(session, message.packet_id, None)
        return False

    def admit(self, arrivals: Sequence[Arrival]) -> None:
        """Add messages of one connection, to be acknowledged once Kafka has them."""
        for arrival in arrivals:
            if arrival.packet_id:
                self._waiting[arrival.packet_id] = arrival
        for one in arrivals:
            if not one.packet_id or one.journey is None:
                continue
            if not one.journey.redelivered:
                break
            # A broker may have had more in flight than we asked for, all of which comes before anything new.
            if self._newest and (one.packet_id - self._newest) % PACKET_IDS < self._near:
                self._newest = one.packet_id
        fresh = (one for one in reversed(arrivals) if one.journey is not None and not one.journey.redelivered)
        self._newest = next((one.packet_id for one in fresh if one.packet_id), self._newest)

    def begins(self, session: Session, messages: Sequence[Inbound]) -> int:
        """Find the first new message of a connection; call this before its messages are admitted.

        A broker sends all redeliveries before anything new (MQTT 5 section 4.4). If the first new message has a packet
        id that was assigned before, the broker returned to an older state, and the ids from there on are forgotten.

        Args:
            session: the connection.
            messages: those received on it that were not recognised.

        Returns:
            The packet id of the first new message, if the broker's numbering does not continue from the last one or
            that is not known; 0 if it does, if none is new, or if an earlier call found the first one.
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
        """Acknowledge messages that Kafka has, in the order of receipt, each on its own connection."""
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
