"""Detection of other programs in the consumer group: partitions assigned to them are not read by any engine."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.backoff import pause
from bridge.errors import ServerError
from bridge.kafka.group import named
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.journal import Journal
    from bridge.kafka.consumer import Consumer
    from bridge.kafka.group import Group

__all__ = ["ForeignMembers", "told_of"]

_log = logging.getLogger(__name__)

_LOOK: Final = 0.5
_EVERY: Final = 10.0
"""Seconds between two requests to Kafka; after a rebalance it is asked at once."""


class ForeignMembers:
    """Finds members of the group that are not engines, and notes them in the journal.

    Args:
        journal: where.
        topics: those that this engine reads.
    """

    def __init__(self, journal: Journal, topics: Collection[str]) -> None:
        self._journal = journal
        self._topics = frozenset(topics)

    async def run(self, consumer: Consumer) -> None:
        """Check until cancelled."""
        seen, due = -1, 0.0
        while True:
            await pause(_LOOK)
            if not consumer.is_in or (consumer.generation == seen and time.monotonic() < due):
                continue
            seen, due = consumer.generation, time.monotonic() + _EVERY
            try:
                self._tell(await consumer.group())
            except ServerError as error:
                # Whoever reads or writes reports an unreachable Kafka.
                _log.debug("who is in the group is not known now: %s", error)

    def _tell(self, group: Group) -> None:
        if group.is_changing:
            return
        # If Kafka does not describe the group, at least one member is not an engine.
        self._journal.foreign_members = len(group.foreign) or group.is_hidden
        if group.foreign or group.is_hidden:
            what, advice = told_of(group, self._topics)
            self._journal.notes["group"] = Phrase("{what} ({advice})", what=what, advice=advice)
        else:
            self._journal.notes.pop("group", None)


def told_of(group: Group, topics: Collection[str]) -> tuple[Phrase, Phrase]:
    """Describe a group with members that are not engines, and give advice on what to do."""
    if group.is_hidden:
        return (
            Phrase(
                "another program is in the consumer group {group!r}, by Kafka's newer group protocol; it may have "
                "partitions of this engine's topics, and what comes there is not applied here: how many is told when "
                "they come back",
                group=group.name,
            ),
            Phrase(
                "kafka-consumer-groups.sh --describe --members --group {group} names it: stop it, or give it a group "
                "of its own, or this engine (kafka.group)",
                group=group.name,
            ),
        )
    foreign = group.foreign
    taken = sum(member.partitions for member in foreign)
    advice = Phrase("stop that program, or give it a group of its own, or this engine (kafka.group)")
    if taken or any(member.topics & frozenset(topics) for member in foreign):
        return (
            Phrase(
                "another program is in the consumer group {group!r}: {members}; it has {count} of the partitions "
                "of this engine's topics, and what comes there is not applied here: how many is told when they come "
                "back",
                group=group.name,
                members=named(foreign),
                count=taken,
            ),
            advice,
        )
    others = ", ".join(sorted({topic for member in foreign for topic in member.topics}))
    return (
        Phrase(
            "another program is in the consumer group {group!r}: {members}; it reads {topics}, and each time that it "
            "comes or goes this engine has to stop",
            group=group.name,
            members=named(foreign),
            topics=others,
        ),
        advice,
    )
