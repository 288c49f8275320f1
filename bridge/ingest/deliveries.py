"""Which of the broker's redeliveries Kafka has already, by what stands at the end of the topics. Pure.

Only what came last can come again, and partitions are read apart. Within a run of the engine the sequence tells what
came after what. Which run was after which, the offsets of each partition tell in which both wrote. No clock is asked:
clocks are set.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.ingest.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bridge.journal import Journey

__all__ = ["Delivered", "Deliveries"]

_OVERLAPPING: Final = 8
"""How many runs back in its partition a record may belong that came late: its engine was killed meanwhile."""


class Delivered(NamedTuple):
    """A message that Kafka has.

    Attributes:
        movement_id: the identity under which it stands there.
        delivery: by which it is recognised; None where its publisher gave it its identity.
        payload: its bytes.
        topic: where it stands.
        partition: where it stands.
        offset: where it stands.
    """

    movement_id: str
    delivery: Delivery | None
    payload: bytes
    topic: str
    partition: int
    offset: int


class Deliveries:
    """The latest deliveries, to recognise a redelivery by.

    A publisher's identity is no other message's, however old. A packet id is given to another message after a while,
    and that may have the same payload: so of those only the latest count.

    Args:
        delivered: what the end of the topics holds, in any order.
        most: a delivery counts where fewer than so many others surely came after it.
    """

    def __init__(self, delivered: Iterable[Delivered] = (), most: int = 30_000) -> None:
        self._known: dict[tuple[str, bytes], Delivered] = {}
        nameless: list[tuple[Delivered, Delivery]] = []
        for one in delivered:
            if one.delivery is None:
                self._known[one.movement_id, one.payload] = one
            else:
                nameless.append((one, one.delivery))
        for one, delivery in _latest(nameless, most):
            self._known[delivery.key, one.payload] = one

    def __len__(self) -> int:
        return len(self._known)

    def find(self, journey: Journey) -> Delivered | None:
        """What Kafka has of a redelivered message, or None where it has nothing."""
        if not journey.redelivered:
            return None
        delivery = Delivery.of(journey.delivery)
        return self._known.get((delivery.key if delivery else journey.movement_id, journey.payload))


def _latest(nameless: list[tuple[Delivered, Delivery]], most: int) -> Iterator[tuple[Delivered, Delivery]]:
    runs: dict[str, list[tuple[Delivered, Delivery]]] = {}
    for pair in sorted(nameless, key=lambda pair: pair[1].sequence):
        runs.setdefault(pair[1].run, []).append(pair)
    followers = _followers(nameless)
    after = {run: _reached(run, followers) for run in runs}
    for run, members in runs.items():
        # Two that are each after the other took the session from each other, and neither is surely later.
        surely = sum(len(runs[other]) for other in after[run] if run not in after[other])
        yield from members[-(most - surely) :] if surely < most else ()


def _followers(nameless: list[tuple[Delivered, Delivery]]) -> dict[str, set[str]]:
    """By run, those that began directly after it in some partition."""
    partitions: dict[tuple[str, int], list[str]] = {}
    for one, delivery in sorted(nameless, key=lambda pair: pair[0].offset):
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
