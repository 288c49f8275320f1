"""Where the consumer starts in a partition, and what is lost by it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bridge.kafka.fetching import Partition

__all__ = ["Start", "start_of"]


class Start(NamedTuple):
    """Where reading a partition starts, or continues after the next records were deleted.

    Attributes:
        topic: the topic.
        partition: the partition.
        offset: of the first record to read.
        first: of the first record that Kafka has.
        position: the offset of the group, or of this consumer; None if the group has none.
        kept: this engine's own record of its offset; None if it has none.
        skipped: how many offsets after ours Kafka deleted before they were read.
        recreated: whether the topic was recreated or truncated: our offset is beyond Kafka's end, or Kafka dropped it
            with the topic.
        lost: whether Kafka lost the group's offset and this engine still knows it.
        passed_over: by how many offsets another program set the group's offset ahead of this engine's own.
        set_back: by how many offsets it set it back.
        left_out: how many of Kafka's records a first start at the end leaves out.
    """

    topic: str
    partition: int
    offset: int
    first: int
    position: int | None
    kept: int | None = None
    skipped: int = 0
    recreated: bool = False
    lost: bool = False
    passed_over: int = 0
    set_back: int = 0
    left_out: int = 0

    @property
    def moved(self) -> bool:
        """Whether to commit this offset: the group's differs, or was not committed by an engine."""
        return self.offset != self.position or bool(self.passed_over or self.set_back)


def start_of(
    partition: Partition,
    position: int | None,
    first: int,
    end: int,
    otherwise: int | None,
    *,
    stable: int | None = None,
    kept: int | None = None,
    again: bool = False,
    ours: bool = True,
) -> Start:
    """Decide where to start.

    Args:
        partition: the partition.
        position: the offset of the group, or of this consumer; None if the group has none.
        first: the offset of Kafka's first record.
        end: the offset after the last one.
        otherwise: where to start without an offset, as near as Kafka's records allow; None is the end.
        stable: the end for a first start, where the records after it belong to open transactions.
        kept: this engine's own record of its offset; None if it has none in this topic.
        again: whether the topic was recreated since.
        ours: whether an engine committed the group's offset.
    """
    start = Start(partition.topic, partition.partition, first, first, position, kept)
    if position is None:
        if kept is None:
            if otherwise is None:
                offset = end if stable is None else stable
                return start._replace(offset=offset, left_out=offset - first)
            return start._replace(offset=min(max(first, otherwise), end))
        if again or kept > end:
            return start._replace(recreated=True, lost=True)
        offset = max(first, kept)
        return start._replace(offset=offset, skipped=offset - kept, lost=True)
    if position > end:
        return start._replace(recreated=True)
    offset = max(first, position)
    start = start._replace(offset=offset, skipped=offset - position)
    if ours or kept is None:
        return start
    return start._replace(passed_over=max(0, position - kept), set_back=max(0, kept - position))
