"""The facts known about each server at one time. Pure.

Every record has the time of its reading, by this machine's clock in seconds since the epoch. What a server refuses to
tell this user is a phrase beside what it does tell, so that a missing right hides only what it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.command.check import Finding
    from bridge.kafka.group import Group
    from bridge.strapi.gateway import ApiKind

__all__ = ["Facts", "KafkaFacts", "MqttFacts", "PartitionFacts", "RetainedMessage", "StrapiFacts", "TopicFacts"]


class PartitionFacts(NamedTuple):
    """One partition.

    Attributes:
        number: its number.
        end: the offset after its last record; None if unknown.
        committed: the group's committed offset; None if there is none, or if unknown.
        leader: the id of the broker that leads it, negative while none does.
        replicas: the ids of the brokers assigned to it.
        in_sync: those of them that are in sync.
    """

    number: int
    end: int | None = None
    committed: int | None = None
    leader: int = -1
    replicas: tuple[int, ...] = ()
    in_sync: tuple[int, ...] = ()

    @property
    def lag(self) -> int | None:
        """Number of offsets that the group still has to read; None if an offset is unknown."""
        return None if self.end is None or self.committed is None else max(0, self.end - self.committed)


class TopicFacts(NamedTuple):
    """One topic of the routes, or the errors topic.

    Attributes:
        name: the topic's name.
        partitions: in order of their numbers.
        is_read: whether the group reads it.
        trouble: why nothing is known of it; empty otherwise.
    """

    name: str
    partitions: tuple[PartitionFacts, ...] = ()
    is_read: bool = True
    trouble: str = ""

    @property
    def lag(self) -> int | None:
        """The sum of its partitions' lags; None if any of them is unknown."""
        lags = [partition.lag for partition in self.partitions]
        return None if None in lags or not lags else sum(lag for lag in lags if lag is not None)


class KafkaFacts(NamedTuple):
    """Kafka.

    Attributes:
        at: when it was read.
        brokers: the brokers' advertised addresses by id.
        controller: the id of the broker reported as the controller; negative if none is.
        topics: the routes', then the errors topic.
        group: the group's members; None if unknown.
        group_name: the group's name.
        group_trouble: why the group is unknown.
        offsets_trouble: why the group's offsets are unknown.
        ends_trouble: why the partitions' end offsets are unknown.
    """

    at: float
    brokers: Mapping[int, str]
    controller: int
    topics: tuple[TopicFacts, ...]
    group_name: str
    group: Group | None = None
    group_trouble: str = ""
    offsets_trouble: str = ""
    ends_trouble: str = ""


class RetainedMessage(NamedTuple):
    """A message that the broker retains for new subscribers.

    Attributes:
        topic: its topic.
        size: of its payload, in bytes.
    """

    topic: str
    size: int


class MqttFacts(NamedTuple):
    """The MQTT broker.

    Attributes:
        at: when it was read.
        told: what it reports about itself, by the topic below `$SYS/broker/`.
        told_trouble: why it reports nothing.
        retained: the retained messages that this user can read on the routes' topics and below `mqtt.presence`, by
            topic.
        refused: the filters among them to which the broker does not let this user subscribe.
    """

    at: float
    told: Mapping[str, str]
    told_trouble: str = ""
    retained: tuple[RetainedMessage, ...] = ()
    refused: tuple[str, ...] = ()


class StrapiFacts(NamedTuple):
    """Strapi.

    Attributes:
        at: when it was read.
        kind: how it takes movements; None if unknown.
        findings: those of `opsci-bridge check`: the token, the ledger, and each right that the routes need.
        kind_trouble: why the kind is unknown, if Strapi does not tell it to this token.
    """

    at: float
    kind: ApiKind | None
    findings: tuple[Finding, ...]
    kind_trouble: str = ""


Facts: TypeAlias = KafkaFacts | MqttFacts | StrapiFacts


def not_allowed(user: str, what: Phrase) -> Phrase:
    """Say that a server refuses to tell something to this user.

    Args:
        user: the user; empty for none.
        what: the missing right.
    """
    if user:
        return Phrase("not allowed for user {user!r}: {what}", user=user, what=what)
    return Phrase("not allowed without a user: {what}", what=what)
