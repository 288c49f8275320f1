"""Recognition of redelivered messages by packet id and order of receipt. Pure.

A broker counts packet ids up and starts over after 65,535, so a packet id together with the content identifies a
message as long as fewer deliveries followed it. A broker that was killed returns to its last saved state: it
redelivers, with DUP, what was in flight then, and assigns the packet ids that it had used since to other messages.

A *run* is a stretch of the broker's numbering as one engine received it. Within a run the sequence number gives the
order. The order of two runs is known from the offsets in each partition to which both wrote. Two runs that share no
partition are unordered, and neither invalidates the packet ids of the other. Clocks are not used, as they can be set.

Recent acknowledgements are stored by packet id in two fixed arrays: dictionaries took nine megabytes.
"""

from __future__ import annotations

import os
from array import array
from itertools import count, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.journal import Journey

__all__ = [
    "PACKET_IDS",
    "Delivered",
    "Deliverer",
    "Deliveries",
    "Delivery",
    "RecentAcks",
    "begins_at",
    "fingerprint",
    "near",
]


PACKET_IDS: Final = 65_535
"""The number of packet ids (MQTT 5 section 2.2.1)."""

_COMPARED: Final = 4096
"""How many bytes of a payload are compared: a dead letter stores that many, however large the message was."""

_DIGITS: Final = 18

_OVERLAPPING: Final = 8
"""How many runs back in its partition a late record may belong, as one of an engine that was killed."""


def fingerprint(topic: str, payload: bytes, size: int | None = None) -> int:
    """Hash a message to compare it with others; the number is valid within one process only.

    Args:
        topic: the MQTT topic.
        payload: its bytes, or at least the first 4,096 of them.
        size: the full size in bytes, where `payload` is truncated.
    """
    return hash((topic, payload[:_COMPARED], len(payload) if size is None else size))


class Delivery(NamedTuple):
    """One delivery, as in the header `mqtt-delivery`: `client-id/packet-id/run/sequence`.

    Attributes:
        client_id: of the session on which it was received.
        packet_id: under which the broker would redeliver the message.
        run: random digits, then a hyphen and the packet id with which the run begins. The second part is missing while
            an engine has received nothing but redeliveries.
        sequence: the number of the delivery within its run, from 1.
    """

    client_id: str
    packet_id: int
    run: str
    sequence: int

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Parse a header; None where it is not one of ours."""
        # A client id may contain slashes, the other three parts may not.
        parts = text.rsplit("/", 3)
        if len(parts) != 4:
            return None
        client_id, packet_id, run, sequence = parts
        if not _is_number(packet_id) or not _is_number(sequence) or not 1 <= int(packet_id) <= PACKET_IDS:
            return None
        return cls(client_id, int(packet_id), run, int(sequence))


def begins_at(run: str) -> int | None:
    """The packet id with which a run begins, None where its name does not contain one."""
    first = run.partition("-")[2]
    return int(first) if _is_number(first) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


class Deliverer:
    """Names the deliveries that one engine receives.

    Args:
        client_id: of the session on which they are received.
    """

    __slots__ = ("_before", "_behind", "_sequence", "run")

    def __init__(self, client_id: str) -> None:
        self._before = f"{client_id}/"
        self._start(os.urandom(6).hex())

    def begin(self, first: int) -> None:
        """Begin a new run: the broker's numbering continues from the packet id `first`."""
        self._start(f"{os.urandom(6).hex()}-{first}")

    def name(self, packet_id: int) -> str:
        """Name the next delivery."""
        return f"{self._before}{packet_id}{self._behind}{next(self._sequence)}"

    def _start(self, run: str) -> None:
        self.run = run
        self._behind = f"/{run}/"
        self._sequence = count(1)


class RecentAcks:
    """The hashes of the messages that were acknowledged last, by packet id.

    Args:
        keep: how many acknowledgements are kept; fewer than there are packet ids, so that the broker has not assigned a
            kept one to another message since.
    """

    __slots__ = ("_hashes", "_keep", "_number", "_numbers")

    def __init__(self, keep: int) -> None:
        self._keep = keep
        # Acknowledgements from before this start get numbers above 0 too.
        self._number = PACKET_IDS
        self._numbers = _zeros()
        """By packet id, the number of its acknowledgement; 0 where there is none."""
        self._hashes = _zeros()

    def note(self, messages: Mapping[int, int]) -> None:
        """Add messages in the order of their acknowledgement: by packet id, 1 to 65,535, the hash of each."""
        number, numbers, hashes = self._number, self._numbers, self._hashes
        for packet_id, message in messages.items():
            number += 1
            numbers[packet_id] = number
            hashes[packet_id] = message
        self._number = number

    def note_earlier(self, messages: Iterable[tuple[int, int, int]]) -> None:
        """Add what was acknowledged elsewhere, unless a later message is known under the same packet id.

        Args:
            messages: for each, the packet id, the hash, and how many were acknowledged after it: less than `keep`.
        """
        for packet_id, message, after in messages:
            number = self._number - after
            if number > self._numbers[packet_id]:
                self._numbers[packet_id] = number
                self._hashes[packet_id] = message

    def get(self, packet_id: int) -> int | None:
        """The hash of what was last acknowledged under a packet id, None where it is not known (any more)."""
        number = self._numbers[packet_id]
        return self._hashes[packet_id] if number and self._number - number < self._keep else None

    def discard(self, packet_ids: Iterable[int]) -> None:
        """Remove packet ids, known or not."""
        for packet_id in packet_ids:
            self._numbers[packet_id] = 0

    def clear(self) -> None:
        self._numbers = _zeros()


def _zeros() -> array[int]:
    return array("q", bytes(8 * (PACKET_IDS + 1)))


class Delivered(NamedTuple):
    """A message that Kafka already has.

    Attributes:
        movement_id: the identity in its record.
        delivery: identifies the delivery; None where an earlier version wrote the record without it.
        message: the fingerprint of its content.
        topic: the Kafka topic of its record.
        partition: the partition of its record.
        offset: the offset of its record.
    """

    movement_id: str
    delivery: Delivery | None
    message: int
    topic: str
    partition: int
    offset: int


class Deliveries:
    """The latest deliveries of one session, by which a redelivery is recognised.

    Args:
        delivered: what the end of the topics holds, in any order.
        most: a delivery counts if fewer than this many others certainly followed it, 1 to 65,534.
        run: of the engine that asks; it is the latest, even if Kafka has nothing of it yet.
    """

    def __init__(self, delivered: Iterable[Delivered] = (), most: int = 30_000, run: str = "") -> None:
        self._most = most
        self._near = near(most)
        self._ends: dict[str, int] = {}
        """By run, its last sequence plus how many deliveries certainly followed the run."""
        self._known: dict[int, tuple[tuple[Delivered, Delivery], ...]] = {}
        """By packet id, the message it stands for; one for each run where the order of the runs is not known."""
        self._named: dict[tuple[str, int], Delivered] = {}
        self.newest = 0
        """The packet id that the broker assigned last, 0 where it is not known."""
        runs: dict[str, list[tuple[Delivered, Delivery]]] = {}
        for one in delivered:
            if one.delivery is None:
                self._named[one.movement_id, one.message] = one
            else:
                runs.setdefault(one.delivery.run, []).append((one, one.delivery))
        for members in runs.values():
            members.sort(key=lambda pair: pair[1].sequence)
        self._learn(runs, run)

    def __len__(self) -> int:
        return sum(map(len, self._known.values())) + len(self._named)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """For each delivery the packet id, the fingerprint, and how many followed it."""
        for known in self._known.values():
            for one, delivery in known:
                yield delivery.packet_id, one.message, self.age(delivery)

    def age(self, delivery: Delivery) -> int:
        """How many deliveries certainly followed this one, which must be among those given."""
        return self._ends[delivery.run] - delivery.sequence

    def find(self, journey: Journey) -> Delivered | None:
        """Find what Kafka has of a redelivered message; None where it has nothing."""
        if not journey.redelivered:
            return None
        message = fingerprint(journey.mqtt_topic or "", journey.payload)
        delivery = Delivery.of(journey.delivery)
        for there, _ in self._known.get(delivery.packet_id, ()) if delivery else ():
            if there.message == message:
                return there
        return self._named.get((journey.movement_id, message))

    def _learn(self, runs: Mapping[str, list[tuple[Delivered, Delivery]]], last: str) -> None:
        followers = _followers(runs)
        after = {run: _reached(run, followers) for run in runs}
        newest: dict[str, int] = {}
        # Each run comes before those that certainly followed it.
        for run in sorted(runs, key=lambda run: (run == last, -len(after[run]))):
            members = runs[run]
            # Two runs that each follow the other took the session from each other; neither is certainly later.
            surely = sum(runs[other][-1][1].sequence for other in after[run] if run not in after[other])
            self._ends[run] = surely + members[-1][1].sequence
            # Runs that share no partition may have come in any order.
            before = [other for other in newest if run == last or (run in after[other] and other not in after[run])]
            self._go_on(run, before, self._last_given({other: newest[other] for other in before}, after))
            for pair in members:
                if self.age(pair[1]) < self._most:
                    known = self._known.get(pair[1].packet_id, ())
                    self._known[pair[1].packet_id] = (*(one for one in known if one[1].run not in before), pair)
            newest[run] = self._newest_in([delivery for _, delivery in members])
        self.newest = self._last_given(newest, after)
        if last not in runs:
            self._go_on(last, [*runs], self.newest)

    def _go_on(self, run: str, before: list[str], newest: int) -> None:
        """Drop packet ids of the `before` runs that the broker assigns again in this run."""
        first = begins_at(run)
        if first is None or not newest or (first - newest - 1) % PACKET_IDS < self._near:
            return
        given = (newest - first) % PACKET_IDS
        for packet_id in [one for one in self._known if (one - first) % PACKET_IDS <= given]:
            left = tuple(one for one in self._known[packet_id] if one[1].run not in before)
            if left:
                self._known[packet_id] = left
            else:
                del self._known[packet_id]

    def _newest_in(self, members: list[Delivery]) -> int:
        """The packet id that the broker assigned last within a run."""
        last = members[-1]
        # A run may end with redeliveries, whose ids are lower than those of new messages.
        recent = ((one.packet_id - last.packet_id) % PACKET_IDS for one in members[-self._near :])
        return (last.packet_id - 1 + max(ahead for ahead in recent if ahead < self._near)) % PACKET_IDS + 1

    def _last_given(self, newest: Mapping[str, int], after: Mapping[str, set[str]]) -> int:
        """The packet id assigned last among several runs, 0 where there are none.

        Among runs whose order is not known, it is the one that is further ahead.
        """
        found, of = 0, ""
        for run, one in newest.items():
            behind = (found - one) % PACKET_IDS
            if not found:
                later = True
            elif run in after[of]:
                # A run of redeliveries alone repeats ids that were assigned before.
                later = begins_at(run) is not None or behind >= self._near
            else:
                later = behind > PACKET_IDS // 2
            if later:
                found, of = one, run
        return found


def near(most: int) -> int:
    """How far a packet id may be ahead of the last one and still count as newly assigned.

    The ids between belong to messages that the broker dropped, or that were not received. An id beyond that was
    assigned before, by a broker that returned to an older state.

    Args:
        most: how many deliveries are recognised.
    """
    return (PACKET_IDS - most) // 2


def _followers(runs: Mapping[str, list[tuple[Delivered, Delivery]]]) -> dict[str, set[str]]:
    """By run, the runs that began directly after it in some partition."""
    partitions: dict[tuple[str, int], list[str]] = {}
    everything = [pair for members in runs.values() for pair in members]
    for one, delivery in sorted(everything, key=lambda pair: pair[0].offset):
        begun = partitions.setdefault((one.topic, one.partition), [])
        if delivery.run not in begun[-_OVERLAPPING:]:
            begun.append(delivery.run)
    followers: dict[str, set[str]] = {}
    for begun in partitions.values():
        for earlier, later in pairwise(begun):
            followers.setdefault(earlier, set()).add(later)
    return followers


def _reached(run: str, followers: Mapping[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [run]
    while ahead:
        fresh = followers.get(ahead.pop(), set()) - reached
        reached |= fresh
        ahead += fresh
    return reached
