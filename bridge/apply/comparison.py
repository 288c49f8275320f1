"""Comparison of Strapi's ledger with the group's offsets, to find what was lost or is repeated, and reset offsets.

A Strapi restored from a backup lacks what was applied since. The comparison runs at each start, after each rebalance
and periodically, as a backup can be restored at any time. It costs one small request: the ledger keeps the offset
ranges in a few rows, updated in the transactions of the batches.
"""

from __future__ import annotations

import logging
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.backoff import pause
from bridge.errors import RefusedError, ServerError
from bridge.journal import Server, State
from bridge.phrase import Phrase, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.apply.settle import Settled
    from bridge.journal import Journal
    from bridge.kafka.consumer import Consumer
    from bridge.kafka.start_offset import Start
    from bridge.strapi.gateway import StockGateway
    from bridge.strapi.ledger import Seen

__all__ = ["Comparison", "Missing", "Reset", "missing_of", "note_starts"]

_LOOK: Final = 1.0

_EVERY: Final = 15.0
"""Seconds between two routine comparisons."""

_SOON: Final = 3.0
"""Seconds between two comparisons while something is missing: it is reported until a replay has applied it."""

_SLACK: Final = 2.0
"""Seconds allowed for the drift between two clocks and for the delay of an answer."""

_log = logging.getLogger(__name__)


class Reset(StrEnum):
    """Why reading a partition did not continue where it had ended."""

    DELETED = "deleted"
    """Kafka deleted records before they were read."""
    LOST = "lost"
    """Kafka no longer had an offset of the group."""
    SET_LATER = "set-later"
    """Another program set the offset past records that this engine had not read."""
    SET_BACK = "set-back"
    """Another program set the offset back."""
    MADE_AGAIN = "made-again"
    """The topic was deleted and recreated, or truncated."""
    LEFT_OUT = "left-out"
    """A first start at the end, as `kafka.beginning` is false."""


def note_starts(journal: Journal, starts: Sequence[Start], group: str) -> None:
    """Note in the journal what the starts of partitions skip or repeat.

    Args:
        journal: gets the counts, the notes, and the resets by reason.
        starts: where reading started.
        group: the consumer group.
    """
    for start in starts:
        place = start.topic, start.partition
        if start.skipped:
            journal.skipped[place] = journal.skipped.get(place, 0) + start.skipped
        if passed := start.passed_over + start.left_out:
            journal.passed_over[place] = journal.passed_over.get(place, 0) + passed
    if _counted(journal, Reset.DELETED, starts, lambda start: start.skipped):
        journal.notes["skipped"] = Phrase(
            "Kafka deleted {count} records before they were applied ({places}): they are lost; was the engine away "
            "for longer than the topic's retention?",
            count=sum(journal.skipped.values()),
            places=listed(f"{topic}:{partition} {count}" for (topic, partition), count in journal.skipped.items()),
        )
    if recreated := _counted(journal, Reset.MADE_AGAIN, starts, lambda start: start.recreated):
        journal.notes["made-again"] = Phrase(
            "the topic was made again, or cut, behind our position ({places}): it is read from its first record; "
            "how many records of the old one were not applied is not known",
            places=listed(
                f"{start.topic}:{start.partition}" + (f" at {start.kept}" if start.kept is not None else "")
                for start in recreated
            ),
        )
    if lost := _counted(journal, Reset.LOST, starts, lambda start: start.lost and not start.recreated):
        journal.notes["lost"] = Phrase(
            "Kafka has no position of the group {group!r} any more: it expired while the engine was away, or the group "
            "was deleted; reading continues where this engine was ({places})",
            group=group,
            places=listed(f"{start.topic}:{start.partition} at {start.offset}" for start in lost),
        )
    if later := _counted(journal, Reset.SET_LATER, starts, lambda start: start.passed_over):
        journal.notes["set-later"] = Phrase(
            "another program, or a tool, set the position of the group {group!r} past {count} records that this engine "
            "has not applied ({places}): opsci-bridge replay applies what the ledger has not seen; without a ledger "
            "stop the engine and set the position back (kafka-consumer-groups.sh --reset-offsets)",
            group=group,
            count=sum(start.passed_over for start in later),
            places=listed(
                f"{start.topic}:{start.partition}:{start.offset - start.passed_over}-{start.offset - 1}"
                for start in later
            ),
        )
    if back := _counted(journal, Reset.SET_BACK, starts, lambda start: start.set_back):
        journal.notes["set-back"] = Phrase(
            "another program, or a tool, set the position of the group {group!r} back by {count} records ({places}): "
            "they are read again; with the ledger each counts once, by plain REST they may count again",
            group=group,
            count=sum(start.set_back for start in back),
            places=listed(f"{start.topic}:{start.partition} to {start.offset}" for start in back),
        )
    if left_out := _counted(journal, Reset.LEFT_OUT, starts, lambda start: start.left_out):
        journal.notes["left-out"] = Phrase(
            "kafka.beginning is false, and the group {group!r} had no position: {count} records that were in Kafka "
            "before are not applied ({places})",
            group=group,
            count=sum(start.left_out for start in left_out),
            places=listed(f"{start.topic}:{start.partition} {start.left_out}" for start in left_out),
        )


def _counted(journal: Journal, reset: Reset, starts: Sequence[Start], is_so: Callable[[Start], object]) -> list[Start]:
    found = [start for start in starts if is_so(start)]
    if found:
        journal.resets[reset] = journal.resets.get(reset, 0) + len(found)
    return found


class Missing(NamedTuple):
    """Records that count as applied in Kafka but are not in the ledger.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the offset of the first missing record.
        next: the offset after the last one.
        since: when the ledger got the record before them, in seconds since the epoch; 0 if it has none.
    """

    topic: str
    partition: int
    first: int
    next: int
    since: float = 0.0

    @property
    def records(self) -> int:
        """The number of offsets in this range."""
        return self.next - self.first


def missing_of(partition: tuple[str, int], position: int, seen: Sequence[Seen]) -> list[Missing]:
    """Find what the ledger lacks of one partition.

    Args:
        partition: the topic and the partition.
        position: the offset of the first record that is not settled.
        seen: what the ledger has of the partition, by offset; one or more ranges.
    """
    gaps = []
    for one, after in zip(seen, [*(other.first for other in seen[1:]), position], strict=True):
        if one.next < min(after, position):
            gaps.append(
                Missing(
                    *partition, one.next, min(after, position), one.updated_at / 1000 if one.first < one.next else 0.0
                )
            )
    return gaps


class Comparison:
    """Notes in the journal what is missing or was skipped, while it is.

    Args:
        journal: where.
        stock: whose ledger is asked.
        settled: the offsets up to which partitions are settled.
        answered: called when Strapi answers after having been away or refusing, so that others can retry at once.
        group: the consumer group, for messages.
    """

    def __init__(
        self, journal: Journal, stock: StockGateway, settled: Settled, answered: Callable[[], None], group: str
    ) -> None:
        self._group = group
        self._journal = journal
        self._stock = stock
        self._settled = settled
        self._answered = answered
        self._due = 0.0
        self._again: dict[tuple[str, int], int] = {}
        self._unplaced: set[tuple[str, int]] = set()
        self._started_at = 0.0
        self._refused = False

    def started(self, starts: Sequence[Start]) -> None:
        """Report what the starts of partitions skip, and compare soon."""
        self._due = 0.0
        ours = self._settled.begin(starts)
        self._started_at = time.monotonic()
        self._unplaced |= {
            (start.topic, start.partition) for start in ours if start.position is None and not start.lost
        }
        note_starts(self._journal, starts, self._group)

    async def run(self, consumer: Consumer) -> None:
        """Compare until cancelled."""
        while True:
            await pause(_LOOK)
            if time.monotonic() >= self._due or self._stock.gaps:
                self._due = time.monotonic() + _EVERY
                try:
                    await self._compare(consumer)
                    self._refused = False
                    if self._journal.connections[Server.STRAPI].state in {State.DOWN, State.REFUSED}:
                        self._answered()
                except RefusedError as error:
                    if not self._refused:
                        _log.warning("what the ledger lacks can't be told: %s", error)
                    self._refused = True
                except ServerError:
                    # Whoever applies reports this; compare as soon as Strapi is back.
                    self._due = time.monotonic() + _SOON

    async def recall(self) -> dict[tuple[str, int], int]:
        """Return by topic and partition the first offset that the ledger accounts for.

        Raises:
            UnreachableError: Strapi does not answer.
            RefusedError: the token lacks the right.
        """
        first: dict[tuple[str, int], int] = {}
        for seen in await self._stock.seen() or ():
            first.setdefault((seen.topic, seen.partition), seen.first)
        return first

    async def _compare(self, consumer: Consumer) -> None:
        await self._tell_ledger()
        # Taken before the ledger is asked, so that its answer covers everything settled by now.
        positions = self._settled.among(consumer.assigned)
        self._stock.forget_gaps()
        answer = await self._stock.seen()
        seen: dict[tuple[str, int], list[Seen]] = {}
        for one in answer or ():
            if (partition := (one.topic, one.partition)) in positions:
                seen.setdefault(partition, []).append(one)
        bounds = await consumer.bounds(seen.keys()) if seen else {}
        for partition in [
            partition
            for partition, found in seen.items()
            if found[-1].next > max(bounds[partition][1], positions[partition])
        ]:
            self._tell_made_again(partition, seen.pop(partition)[-1].next)
            self._settled.start_anew(partition, bounds[partition][0])
            await self._tell_ledger()
        self._tell_again(positions, seen)
        self._tell(
            [gap for partition, found in seen.items() for gap in missing_of(partition, positions[partition], found)],
            bounds,
        )

    async def _tell_ledger(self) -> None:
        """Store in the ledger where partitions started, before the first batch does."""
        if new := self._settled.new:
            await self._stock.settle(new)
            self._settled.note(new)

    def _tell_made_again(self, partition: tuple[str, int], offset: int) -> None:
        self._journal.resets[Reset.MADE_AGAIN] = self._journal.resets.get(Reset.MADE_AGAIN, 0) + 1
        self._journal.notes["made-again"] = Phrase(
            "the topic was made again, or cut: the ledger has seen {place} up to {offset}, and Kafka ends before; how "
            "many records of the old one were not applied is not known",
            place=f"{partition[0]}:{partition[1]}",
            offset=offset,
        )

    def _tell_again(self, positions: Mapping[tuple[str, int], int], seen: Mapping[tuple[str, int], list[Seen]]) -> None:
        """Report, until it is over, that records are read again where the ledger has offsets and Kafka has none."""
        told = set(self._again)
        self._again = {place: end for place, end in self._again.items() if positions.get(place, end) < end}
        # Anything younger than our start was stored in the ledger by us.
        since = time.monotonic() - self._started_at + _SLACK
        for place in self._unplaced & seen.keys():
            if seen[place][0].age / 1_000 > since:
                self._again[place] = seen[place][-1].next
        self._unplaced = set()
        if self._again:
            self._journal.resets[Reset.LOST] = self._journal.resets.get(Reset.LOST, 0) + len(self._again.keys() - told)
            self._journal.notes["position"] = Phrase(
                "Kafka has no position of this group, and the ledger has seen records there before ({places}): they "
                "are read again, and count once",
                places=listed(f"{topic}:{partition} up to {end}" for (topic, partition), end in self._again.items()),
            )
            self._due = min(self._due, time.monotonic() + _SOON)
        else:
            self._journal.notes.pop("position", None)

    def _tell(self, found: Sequence[Missing], bounds: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        missing: dict[tuple[str, int], int] = {}
        for gap in found:
            partition = gap.topic, gap.partition
            missing[partition] = missing.get(partition, 0) + gap.records
        self._journal.missing = missing
        if not found:
            self._journal.notes.pop("ledger", None)
            return
        self._due = min(self._due, time.monotonic() + _SOON)
        gone = sum(max(0, min(gap.next, bounds[gap.topic, gap.partition][0]) - gap.first) for gap in found)
        since = max(gap.since for gap in found)
        count = sum(missing.values())
        partitions = listed(f"{gap.topic}:{gap.partition}:{gap.first}-{gap.next - 1}" for gap in found)
        what = Phrase(
            "Strapi's ledger has not seen {count} records that count as applied ({places})",
            count=count,
            places=partitions,
        )
        if since:
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
            what = Phrase("{what}; its last one is of {time}", what=what, time=at)
        if gone:
            what = Phrase("{what}; {gone} of them are no longer in Kafka", what=what, gone=gone)
        self._journal.notes["ledger"] = Phrase(
            "{what}: was Strapi restored from a backup? `opsci-bridge replay --missing` applies them, each once",
            what=what,
        )
