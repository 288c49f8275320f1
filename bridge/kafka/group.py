"""The members of the consumer group: engines, recognised by a mark, and other programs.

A group assigns each partition to one member. Another program in it takes movements that no engine then sees; one with
other assignors keeps every engine out, as all members must have an assignor in common (Kafka protocol, JoinGroup,
INCONSISTENT_GROUP_PROTOCOL). Kafka lists all members to whoever may describe the group.
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
"""A cluster's answers until it has created the topic of the groups, and just after its start."""

_AGAIN: Final = 0.25

Answer = TypeVar("Answer")

_MARK: Final = b"opsci"

_TRIES: Final = 10

_CONSUMERS: Final = "consumer"

_NONE: Final = "Dead"
"""How Kafka describes a group that it does not have, or that uses the newer protocol."""


async def ask_coordinator(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat a request until there is a coordinator; the caller sets the timeout.

    Raises:
        KafkaError: what `ask` raises, except for those in `PASSING`.
    """
    while True:
        try:
            return await ask()
        except PASSING:
            await asyncio.sleep(_AGAIN)


class EngineAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """aiokafka's round robin, with an engine's mark in the member's metadata."""

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The metadata that this member sends to the group."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), _MARK)


class Member(NamedTuple):
    """A member of the group.

    Attributes:
        client_id: the name it gives itself.
        host: its address, as Kafka sees it.
        topics: those it reads; empty during a rebalance.
        partitions: how many partitions of the requested topics it has.
        is_engine: whether it has the mark; None during a rebalance.
        places: topic and partition of each that it has, of all topics, in order; empty during a rebalance.
    """

    client_id: str
    host: str
    topics: frozenset[str] = frozenset()
    partitions: int = 0
    is_engine: bool | None = None
    places: tuple[tuple[str, int], ...] = ()


class Group(NamedTuple):
    """The group at one moment.

    Attributes:
        name: the group's.
        state: as Kafka names it, `Stable` or `Empty`; empty if Kafka has no such group.
        kind: `consumer`, or another kind of members (`connect`); empty if it has none.
        assignor: how partitions are assigned; empty during a rebalance.
        members: the members.
        is_hidden: whether Kafka has the group but does not describe it: it uses the newer protocol (KIP-848), and may
            contain engines too.
    """

    name: str
    state: str
    kind: str
    assignor: str
    members: tuple[Member, ...] = ()
    is_hidden: bool = False

    @property
    def is_changing(self) -> bool:
        """Whether it is rebalancing, so that Kafka does not describe its members."""
        return any(member.is_engine is None for member in self.members)

    @property
    def foreign(self) -> list[Member]:
        """The members that are known not to be engines."""
        return [member for member in self.members if member.is_engine is False]

    @property
    def refusal(self) -> TakenError | None:
        """Why no engine can join; None where one can, or where that is not known yet."""
        if not self.members or not (self.assignor or self.kind != _CONSUMERS):
            return None
        if self.kind == _CONSUMERS and self.assignor == EngineAssignor.name:
            return None
        return self.taken()

    def taken(self) -> TakenError:
        """The error where Kafka refuses an engine: it has no assignor in common with the members."""
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
    """List members by client id and host."""
    return listed(f"{member.client_id!r} at {member.host}" for member in members)


async def read_group(admin: AIOKafkaAdminClient, name: str, topics: Collection[str]) -> Group:
    """Request the members of a group.

    Args:
        admin: a started client.
        name: the group's.
        topics: those whose partitions are counted.

    Raises:
        KafkaError: the cluster does not answer, or not to this user; also OSError and TimeoutError.
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
            # A cluster that just started creates the topic of the groups at the first request.
            if not left:
                raise
            await asyncio.sleep(backoff.pause())
    raise AssertionError


def _read(members: Iterable[Any], topics: Collection[str]) -> tuple[Member, ...]:
    found = []
    for _, client_id, host, metadata, assignment in members:
        subscribed: frozenset[str] = frozenset()
        places: list[tuple[str, int]] = []
        is_engine = None
        if metadata:
            try:
                told = ConsumerProtocolMemberMetadata.decode(metadata)
                subscribed, is_engine = frozenset(told.subscription), told.user_data == _MARK
                if assignment:
                    taken = ConsumerProtocolMemberAssignment.decode(assignment)
                    places = sorted((place.topic, place.partition) for place in taken.partitions())
            except (ValueError, TypeError, IndexError):
                # A member of another kind has a format of its own.
                is_engine = False
        partitions = sum(topic in topics for topic, _ in places)
        found.append(Member(client_id, host.removeprefix("/"), subscribed, partitions, is_engine, tuple(places)))
    return tuple(found)
