"""Where the consumer starts in a partition, and what is lost by it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bridge.kafka.fetching import Place

__all__ = ["Start", "start_of"]


class Start(NamedTuple):
    """Where reading a partition starts, or goes on after its records were not there any more.

    Attributes:
        topic: the topic.
        partition: the partition.
        offset: of the first record that is read.
        first: of the first record that Kafka has.
        position: where the group, or this consumer, stood before; None where the group has no position.
        stood: where this engine stood by its own account; None where it has none.
        skipped: how many offsets behind where we stood Kafka deleted before they were read.
        anew: whether we stood behind Kafka's end, or Kafka dropped the position with its topic: the topic was made
            again, or cut.
        lost: whether Kafka has no position of the group any more, and this engine knows where it stood.
        passed_over: how many offsets another program's position is past where this engine stood.
        set_back: how many offsets it is before that.
        left_out: how many records Kafka has that a first start leaves out, as it is one at the end.
    """

    topic: str
    partition: int
    offset: int
    first: int
    position: int | None
    stood: int | None = None
    skipped: int = 0
    anew: bool = False
    lost: bool = False
    passed_over: int = 0
    set_back: int = 0
    left_out: int = 0

    @property
    def moved(self) -> bool:
        """Whether the group is to be told: it is another position than it had, or one that is not by an engine."""
        return self.offset != self.position or bool(self.passed_over or self.set_back)


def start_of(
    place: Place,
    position: int | None,
    first: int,
    end: int,
    otherwise: int | None,
    *,
    stable: int | None = None,
    stood: int | None = None,
    again: bool = False,
    ours: bool = True,
) -> Start:
    """Decide where to start.

    Args:
        place: the partition.
        position: where the group, or this consumer, stands; None where the group has none.
        first: the offset of the first record that Kafka has.
        end: the one behind the last.
        otherwise: where to start without a position, as near as Kafka's records allow; None is the end.
        stable: the end that a first start takes, where records behind it are of open transactions.
        stood: where this engine stood by its own account; None where it has none of this topic.
        again: whether the topic was made again since.
        ours: whether the group's position is by an engine.
    """
    start = Start(place.topic, place.partition, first, first, position, stood)
    if position is None:
        if stood is None:
            if otherwise is None:
                offset = end if stable is None else stable
                return start._replace(offset=offset, left_out=offset - first)
            return start._replace(offset=min(max(first, otherwise), end))
        if again or stood > end:
            return start._replace(anew=True, lost=True)
        offset = max(first, stood)
        return start._replace(offset=offset, skipped=offset - stood, lost=True)
    if position > end:
        return start._replace(anew=True)
    offset = max(first, position)
    start = start._replace(offset=offset, skipped=offset - position)
    if ours or stood is None:
        return start
    return start._replace(passed_over=max(0, position - stood), set_back=max(0, stood - position))
