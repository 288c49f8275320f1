"""Who is in the consumer group: engines, told by a mark, and other programs.

A group hands each partition to one member. Another program in it takes movements that this engine then never sees; one
with other assignors keeps every engine out, as all members of a group must have an assignor in common (Kafka protocol,
JoinGroup, INCONSISTENT_GROUP_PROTOCOL). Kafka tells whoever may describe the group of all its members.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    for_code,
)

from bridge.backoff import Backoff
from bridge.errors import TakenError
from bridge.phrase import Phrase, listed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from aiokafka.admin import AIOKafkaAdminClient

__all__ = ["PASSING", "EngineAssignor", "Group", "Member", "ask_coordinator", "named", "read_group"]


PASSING: Final = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
"""So a cluster answers to its first group, until it has made that topic, and just after its start."""

_AGAIN: Final = 0.25

Answer = TypeVar("Answer")

_MARK: Final = b"opsci"

_TRIES: Final = 10

_CONSUMERS: Final = "consumer"

_NONE: Final = "Dead"
"""How Kafka describes a group that it does not have, or that is none of the older protocol."""


async def ask_coordinator(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until there is a coordinator; for how long, the caller's timeout says.

    Raises:
        KafkaError: what `ask` raises and does not pass.
    """
    while True:
        try:
            return await ask()
        except PASSING:
            await asyncio.sleep(_AGAIN)


class EngineAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Round robin as aiokafka has it; what a member tells the group of itself has the mark of an engine."""

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member tells the group."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), _MARK)


class Member(NamedTuple):
    """A member of the group.

    Attributes:
        client_id: how it calls itself.
        host: where it is, as Kafka sees it.
        topics: what it reads; empty while the group hands its partitions out.
        partitions: how many of the partitions that were asked for it has.
        is_engine: whether it has the mark; None while the group hands its partitions out.
    """

    client_id: str
    host: str
    topics: frozenset[str] = frozenset()
    partitions: int = 0
    is_engine: bool | None = None


class Group(NamedTuple):
    """The group at one moment.

    Attributes:
        name: the group's.
        state: as Kafka names it, `Stable` or `Empty`; empty where Kafka has no such group.
        kind: `consumer`, or another kind of members (`connect`); empty where it has none.
        assignor: how partitions are handed out; empty while they are.
        members: who is in it.
        is_hidden: whether Kafka has the group and tells nothing of it: it is one of Kafka's newer protocol (KIP-848),
            in which engines can be as well.
    """

    name: str
    state: str
    kind: str
    assignor: str
    members: tuple[Member, ...] = ()
    is_hidden: bool = False

    @property
    def is_changing(self) -> bool:
        """Whether it hands its partitions out at the moment, so that Kafka says no more of anyone."""
        return any(member.is_engine is None for member in self.members)

    @property
    def foreign(self) -> list[Member]:
        """The members of which it is known that they are no engines."""
        return [member for member in self.members if member.is_engine is False]

    @property
    def refusal(self) -> TakenError | None:
        """Why no engine is let in; None where one would be, or where that can't be said yet."""
        if not self.members or not (self.assignor or self.kind != _CONSUMERS):
            return None
        if self.kind == _CONSUMERS and self.assignor == EngineAssignor.name:
            return None
        return self.taken()

    def taken(self) -> TakenError:
        """What to say where Kafka refuses an engine: the members have no assignor in common with it."""
        return TakenError(
            "kafka",
            Phrase(
                "the consumer group {group!r} is another program's: {members}; Kafka lets no engine in beside it",
                group=self.name,
                members=named(self.members),
            ),
            Phrase(
                "stop that program, as it does this engine's work, or set kafka.group of this engine to a group of "
                "its own: then both apply each movement"
            ),
        )


def named(members: Collection[Member]) -> str:
    """Name members by client id and host."""
    return listed(f"{member.client_id!r} at {member.host}" for member in members)


async def read_group(admin: AIOKafkaAdminClient, name: str, topics: Collection[str]) -> Group:
    """Ask who is in a group.

    Args:
        admin: a started client.
        name: the group's.
        topics: whose partitions are counted.

    Raises:
        KafkaError: the cluster does not say, or not to this user; also OSError and TimeoutError.
    """
    backoff = Backoff(first=0.2, longest=1.0)
    for left in reversed(range(_TRIES)):
        try:
            (answer,) = await admin.describe_consumer_groups([name])
            code, _, state, kind, assignor, members, *_ = answer.groups[0]
            if code:
                raise for_code(code)(name)
            if state != _NONE:
                return Group(name, state, kind, assignor, _read(members, topics))
            known = {found for found, *_ in await admin.list_consumer_groups()}
            return Group(name, "", "", "", is_hidden=name in known)
        except PASSING:
            # A cluster that just started makes the groups' topic when it is asked for the first time.
            if not left:
                raise
            await asyncio.sleep(backoff.pause())
    raise AssertionError


def _read(members: Iterable[Any], topics: Collection[str]) -> tuple[Member, ...]:
    found = []
    for _, client_id, host, metadata, assignment in members:
        subscribed: frozenset[str] = frozenset()
        partitions, is_engine = 0, None
        if metadata:
            try:
                told = ConsumerProtocolMemberMetadata.decode(metadata)
                subscribed, is_engine = frozenset(told.subscription), told.user_data == _MARK
                if assignment:
                    taken = ConsumerProtocolMemberAssignment.decode(assignment)
                    partitions = sum(place.topic in topics for place in taken.partitions())
            except (ValueError, TypeError, IndexError):
                # A member of another kind has a format of its own.
                is_engine = False
        found.append(Member(client_id, host.removeprefix("/"), subscribed, partitions, is_engine))
    return tuple(found)
