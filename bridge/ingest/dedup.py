"""How a message that the broker sends again is recognised: by its packet id and the order of receipt.

A broker counts packet ids up and begins again after 65,535, so a packet id and what was said under it mean one message
as long as fewer deliveries came after it. A broker that was killed goes back to what it wrote down last: it sends
again what was in flight then, with DUP, and gives the ids that it had given out since to other messages.

Partitions are read apart. Within a run of an engine the sequence tells what came after what. Which run was after
which, the offsets of each partition tell in which both wrote. Of two that wrote into none together neither makes the
other's ids mean something else. No clock is asked: clocks are set.

What was acknowledged of late is kept by packet id in two fixed arrays: dictionaries of it took nine megabytes. Pure.
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
"""How many packet ids there are (MQTT 5 section 2.2.1)."""

_COMPARED: Final = 4096
"""How many bytes of a payload are compared: as many stand in a dead letter, however large the message was."""

_DIGITS: Final = 18

_OVERLAPPING: Final = 8
"""How many runs back in its partition a record may belong that came late: its engine was killed meanwhile."""


def fingerprint(topic: str, payload: bytes, size: int | None = None) -> int:
    """Tell messages apart by a number, which is the same within one process only.

    Args:
        topic: the MQTT topic.
        payload: its bytes, or at least the first 4,096 of them.
        size: how many it has, where `payload` is cut.
    """
    return hash((topic, payload[:_COMPARED], len(payload) if size is None else size))


class Delivery(NamedTuple):
    """One delivery, as the header `mqtt-delivery` has it: `client-id/packet-id/run/sequence`.

    Attributes:
        client_id: whose session it came on.
        packet_id: under which the broker sends the message again.
        run: an engine's stretch of the broker's numbering: random digits, and behind a hyphen the packet id with which
            it begins. The latter is missing while an engine has received nothing but redeliveries.
        sequence: the number of the delivery within its run, from 1; no clock is asked, as clocks are set.
    """

    client_id: str
    packet_id: int
    run: str
    sequence: int

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Read a header, None where it is not one of ours."""
        # A client id may have any characters, but the three parts behind it have not.
        parts = text.rsplit("/", 3)
        if len(parts) != 4:
            return None
        client_id, packet_id, run, sequence = parts
        if not _is_number(packet_id) or not _is_number(sequence) or not 1 <= int(packet_id) <= PACKET_IDS:
            return None
        return cls(client_id, int(packet_id), run, int(sequence))


def begins_at(run: str) -> int | None:
    """The packet id with which a run's numbering begins, None where the run's name does not say it."""
    first = run.partition("-")[2]
    return int(first) if _is_number(first) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


class Deliverer:
    """Names the deliveries that one engine receives.

    Args:
        client_id: whose session they come on.
    """

    __slots__ = ("_before", "_behind", "_sequence", "run")

    def __init__(self, client_id: str) -> None:
        self._before = f"{client_id}/"
        self._start(os.urandom(6).hex())

    def begin(self, first: int) -> None:
        """Begin another run: the broker's numbering goes on from the packet id `first`, and not from what was last."""
        self._start(f"{os.urandom(6).hex()}-{first}")

    def name(self, packet_id: int) -> str:
        """Name the next delivery."""
        return f"{self._before}{packet_id}{self._behind}{next(self._sequence)}"

    def _start(self, run: str) -> None:
        self.run = run
        self._behind = f"/{run}/"
        self._sequence = count(1)


class RecentAcks:
    """Remembers of the latest acknowledged messages what they said, as a hash.

    Args:
        keep: how many acknowledgements are remembered; fewer than there are packet ids, which a broker gives out in
            turn, so that a remembered one has not been given to another message meanwhile.
    """

    __slots__ = ("_hashes", "_keep", "_number", "_numbers")

    def __init__(self, keep: int) -> None:
        self._keep = keep
        # So that what was acknowledged before this has numbers above 0 as well.
        self._number = PACKET_IDS
        self._numbers = _zeros()
        """By packet id the number of its acknowledgement; 0 where there is none."""
        self._hashes = _zeros()

    def note(self, messages: Mapping[int, int]) -> None:
        """Remember messages that were acknowledged, in that order: by packet id, 1 to 65,535, the hash of each."""
        number, numbers, hashes = self._number, self._numbers, self._hashes
        for packet_id, message in messages.items():
            number += 1
            numbers[packet_id] = number
            hashes[packet_id] = message
        self._number = number

    def note_earlier(self, messages: Iterable[tuple[int, int, int]]) -> None:
        """Remember what was acknowledged elsewhere, unless something later is remembered under the same packet id.

        Args:
            messages: of each the packet id, the hash, and how many were acknowledged after it: less than `keep`.
        """
        for packet_id, message, after in messages:
            number = self._number - after
            if number > self._numbers[packet_id]:
                self._numbers[packet_id] = number
                self._hashes[packet_id] = message

    def get(self, packet_id: int) -> int | None:
        """The hash of what was acknowledged last under a packet id, or None where that is not known (any more)."""
        number = self._numbers[packet_id]
        return self._hashes[packet_id] if number and self._number - number < self._keep else None

    def discard(self, packet_ids: Iterable[int]) -> None:
        """Forget some packet ids, remembered or not."""
        for packet_id in packet_ids:
            self._numbers[packet_id] = 0

    def clear(self) -> None:
        self._numbers = _zeros()


def _zeros() -> array[int]:
    return array("q", bytes(8 * (PACKET_IDS + 1)))


class Delivered(NamedTuple):
    """A message that Kafka has.

    Attributes:
        movement_id: the identity under which it stands there.
        delivery: by which it is recognised; None where an earlier version wrote it down without.
        message: the fingerprint of what it says.
        topic: the Kafka topic in which it stands.
        partition: where it stands.
        offset: where it stands.
    """

    movement_id: str
    delivery: Delivery | None
    message: int
    topic: str
    partition: int
    offset: int


class Deliveries:
    """The latest deliveries of one session, to recognise a redelivery by.

    Args:
        delivered: what the end of the topics holds, in any order.
        most: a delivery counts where fewer than so many others surely came after it, 1 to 65,534.
        run: of the engine that asks; it is the last, also where Kafka has nothing of it yet.
    """

    def __init__(self, delivered: Iterable[Delivered] = (), most: int = 30_000, run: str = "") -> None:
        self._most = most
        self._near = near(most)
        self._ends: dict[str, int] = {}
        """By run, its last sequence and how many surely came after it."""
        self._known: dict[int, tuple[tuple[Delivered, Delivery], ...]] = {}
        """By packet id what it means: of runs whose order is not known, what it means in each."""
        self._named: dict[tuple[str, int], Delivered] = {}
        self.newest = 0
        """The packet id that the broker gave out last, 0 where that is not known."""
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
        """Of each delivery the packet id, the fingerprint, and how many came after it."""
        for known in self._known.values():
            for one, delivery in known:
                yield delivery.packet_id, one.message, self.age(delivery)

    def age(self, delivery: Delivery) -> int:
        """How many others surely came after a delivery that was among those given."""
        return self._ends[delivery.run] - delivery.sequence

    def find(self, journey: Journey) -> Delivered | None:
        """What Kafka has of a redelivered message, or None where it has nothing."""
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
        # Each run before those that are surely after it.
        for run in sorted(runs, key=lambda run: (run == last, -len(after[run]))):
            members = runs[run]
            # Two that are each after the other took the session from each other, and neither is surely later.
            surely = sum(runs[other][-1][1].sequence for other in after[run] if run not in after[other])
            self._ends[run] = surely + members[-1][1].sequence
            # Runs that wrote into no partition together may have come in any order.
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
        """Forget what ids meant in the runs before that the broker gives out once more in a run."""
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
        """The packet id of a run that the broker gave out last."""
        last = members[-1]
        # Redeliveries may be the last of a run, with ids behind those that were new.
        recent = ((one.packet_id - last.packet_id) % PACKET_IDS for one in members[-self._near :])
        return (last.packet_id - 1 + max(ahead for ahead in recent if ahead < self._near)) % PACKET_IDS + 1

    def _last_given(self, newest: Mapping[str, int], after: Mapping[str, set[str]]) -> int:
        """Which packet id was given out last in all of some runs, 0 where there are none.

        Of runs whose order is not known it is the one that is further ahead.
        """
        found, of = 0, ""
        for run, one in newest.items():
            behind = (found - one) % PACKET_IDS
            if not found:
                later = True
            elif run in after[of]:
                # A run of redeliveries alone repeats ids that were given out before.
                later = begins_at(run) is not None or behind >= self._near
            else:
                later = behind > PACKET_IDS // 2
            if later:
                found, of = one, run
        return found


def near(most: int) -> int:
    """How far a packet id may lie before the last one and still be the next that the broker gave out.

    Those between were given to messages that the broker dropped, or that did not come. One further on was given out
    before, by a broker that has gone back.

    Args:
        most: how many deliveries are recognised.
    """
    return (PACKET_IDS - most) // 2


def _followers(runs: Mapping[str, list[tuple[Delivered, Delivery]]]) -> dict[str, set[str]]:
    """By run, those that began directly after it in some partition."""
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
