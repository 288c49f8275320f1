"""What is known of each server at one moment. Pure.

Every record says when it was read, by this machine's clock in seconds since the epoch. What a server does not tell this
user is a phrase beside what it does tell, so that a missing right hides no more than what it is for.
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
        number: which.
        end: the offset behind its last record; None where that is not known.
        committed: where the group goes on reading; None where it has committed nothing there, or that is not known.
        leader: the id of the broker that leads it, below 0 while none does.
        replicas: the ids of the brokers that are to have it.
        in_sync: those of them that have all of it.
    """

    number: int
    end: int | None = None
    committed: int | None = None
    leader: int = -1
    replicas: tuple[int, ...] = ()
    in_sync: tuple[int, ...] = ()

    @property
    def lag(self) -> int | None:
        """How many offsets the group has before it; None where one of the two is not known."""
        return None if self.end is None or self.committed is None else max(0, self.end - self.committed)


class TopicFacts(NamedTuple):
    """One topic of the routes, or the errors topic.

    Attributes:
        name: the topic's.
        partitions: in the order of their numbers.
        is_read: whether the group reads it.
        trouble: why nothing is known of it; empty where it is.
    """

    name: str
    partitions: tuple[PartitionFacts, ...] = ()
    is_read: bool = True
    trouble: str = ""

    @property
    def lag(self) -> int | None:
        """The lag of its partitions together; None where that of any is not known."""
        lags = [partition.lag for partition in self.partitions]
        return None if None in lags or not lags else sum(lag for lag in lags if lag is not None)


class KafkaFacts(NamedTuple):
    """Kafka.

    Attributes:
        at: when it was read.
        brokers: by their ids where each says that it is.
        controller: the id of the broker that this one names as the controller; below 0 where it names none.
        topics: the routes', then the errors topic.
        group: who reads; None where that is not known.
        group_name: the group's name.
        group_trouble: why not.
        offsets_trouble: why it is not known where the group stands.
        ends_trouble: why it is not known where the partitions end.
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
    """A message that the broker keeps for whoever subscribes.

    Attributes:
        topic: where.
        size: of its payload, in bytes.
    """

    topic: str
    size: int


class MqttFacts(NamedTuple):
    """The MQTT broker.

    Attributes:
        at: when it was read.
        told: what it says of itself, by the topic below `$SYS/broker/`.
        told_trouble: why it says nothing.
        retained: the retained messages that this user gets on the routes' topics and below `mqtt.presence`, by topic.
        refused: filters of them to which the broker lets this user not subscribe.
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
        kind: how it takes movements; None where nothing tells.
        findings: what `opsci-bridge check` finds: the token, the ledger, and each right that the routes need.
        kind_trouble: why the kind is not known, where Strapi does not tell this token.
    """

    at: float
    kind: ApiKind | None
    findings: tuple[Finding, ...]
    kind_trouble: str = ""


Facts: TypeAlias = KafkaFacts | MqttFacts | StrapiFacts


def not_allowed(user: str, what: Phrase) -> Phrase:
    """Say that a server does not tell something to this user.

    Args:
        user: who asked; empty for nobody in particular.
        what: the right that is missing.
    """
    if user:
        return Phrase("not allowed for user {user!r}: {what}", user=user, what=what)
    return Phrase("not allowed without a user: {what}", what=what)
