"""The members of the consumer group, from Kafka's description of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError

from bridge.apply.foreign_members import told_of
from bridge.kafka.group import EngineAssignor, Group, read_group

HERE = "/10.0.0.7"


class Answer(NamedTuple):
    groups: list[tuple[Any, ...]]


class Admin:
    """A fake of aiokafka's admin client that returns prepared answers in order."""

    def __init__(self, *answers: tuple[Any, ...]) -> None:
        self._answers = list(answers)

    async def list_consumer_groups(self) -> list[tuple[str, str]]:
        return [("new", "consumer")]

    async def describe_consumer_groups(self, _names: list[str]) -> list[Answer]:
        return [Answer([self._answers.pop(0)])]


def answer(*members: tuple[Any, ...], kind: str = "consumer", assignor: str = "roundrobin", code: int = 0) -> Any:
    return (code, "g", "Stable", kind, assignor, list(members), -1)


def engine(client_id: str = "opsci") -> tuple[Any, ...]:
    assignment = ConsumerProtocolMemberAssignment(0, [("stock", [0, 1]), ("other", [0])], b"")
    return ("id", client_id, HERE, EngineAssignor.metadata(["stock"]).encode(), assignment.encode())


def stranger(*topics: str) -> tuple[Any, ...]:
    assignment = ConsumerProtocolMemberAssignment(0, [(topic, [2]) for topic in topics], b"")
    return ("id", "x", HERE, RoundRobinPartitionAssignor.metadata(topics).encode(), assignment.encode())


async def read(*answers: tuple[Any, ...]) -> Group:
    return await read_group(Admin(*answers), "g", {"stock"})


async def test_an_engine_is_told_by_its_mark_whatever_its_client_id_is() -> None:
    group = await read(answer(engine(), engine("another")))
    assert [(member.is_engine, member.partitions) for member in group.members] == [(True, 2), (True, 2)]
    assert group.foreign == []
    assert group.refusal is None


async def test_another_program_with_the_engines_assignor_is_foreign_and_lets_an_engine_in() -> None:
    group = await read(answer(engine(), stranger("stock", "other")))
    assert [member.client_id for member in group.foreign] == ["x"]
    assert group.refusal is None
    what, _ = told_of(group, {"stock"})
    assert "'x' at 10.0.0.7; it has 1 of the partitions" in what
    what, _ = told_of(await read(answer(engine(), stranger("other"))), {"stock"})
    assert "it reads other, and each time" in what


@pytest.mark.parametrize(("kind", "assignor"), [("consumer", "RoundRobinAssigner"), ("connect", "sessioned")])
async def test_a_group_of_other_members_is_named_as_such(kind: str, assignor: str) -> None:
    member = ("id", "x", HERE, b"\xff\xff\xff", b"\x01")
    group = await read(answer(member, kind=kind, assignor=assignor))
    assert group.refusal is not None
    assert "'x' at 10.0.0.7" in group.refusal.what


async def test_members_that_are_handed_partitions_are_not_judged_yet() -> None:
    group = await read(answer(("id", "x", HERE, b"", b""), assignor=""))
    assert group.foreign == []
    assert group.refusal is None
    assert "'x' at 10.0.0.7" in group.taken().what


async def test_a_group_that_kafka_has_and_does_not_describe_is_one_of_the_newer_protocol() -> None:
    dead: Any = (0, "", "Dead", "", "", [], -1)
    groups = [await read_group(Admin(dead), name, {"stock"}) for name in ("new", "none")]
    assert [(group.is_hidden, group.refusal) for group in groups] == [(True, None), (False, None)]


async def test_a_cluster_that_just_started_is_asked_again_and_a_refusal_is_raised() -> None:
    assert (await read(answer(code=GroupCoordinatorNotAvailableError.errno), answer())).members == ()
    with pytest.raises(GroupAuthorizationFailedError):
        await read(answer(code=GroupAuthorizationFailedError.errno))
