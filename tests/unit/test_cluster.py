"""Every client of the engine distinguishes one Kafka cluster from another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaConnectionError

import bridge
from bridge.errors import ForeignServerError
from bridge.kafka.cluster import Cluster
from bridge.settings import KafkaSettings

if TYPE_CHECKING:
    from pathlib import Path


def settings(tmp_path: Path, **changes: Any) -> KafkaSettings:
    return KafkaSettings(**{"brokers": ["kafka:9092"], "known_file": str(tmp_path / "known"), **changes})


def test_every_client_of_the_engine_is_guarded() -> None:
    from pathlib import Path

    folder = Path(bridge.__file__).parent
    makes = re.compile(r"\b(?:AIOKafka(?:Consumer|Producer|AdminClient)|(?<!def )new_consumer)\(")
    for file in folder.rglob("*.py"):
        text = file.read_text()
        if made := len(makes.findall(text)):
            started = len(re.findall(r"luster(?:\([^()]*\))?\.start\(", text))
            # The one that is made in connect.py is started by whoever asks for it.
            assert started >= made or file.name == "cluster.py" or (file.name, made) == ("connect.py", 1), file


def test_the_first_cluster_is_taken_and_another_one_is_refused_in_words(tmp_path: Path) -> None:
    first = Cluster(settings(tmp_path))
    assert first._admits("A")
    first.check()
    other = Cluster(settings(tmp_path, brokers=["other:9092", "kafka:9092"]))
    assert not other._admits("B")
    with pytest.raises(ForeignServerError, match="another Kafka cluster answers at other:9092, kafka:9092: B"):
        other.check()
    # It is back.
    assert other._admits("A")
    other.check()


def test_a_broker_that_names_no_cluster_is_let_in(tmp_path: Path) -> None:
    cluster = Cluster(settings(tmp_path))
    assert cluster._admits(None)
    assert not (tmp_path / "known").exists()


def test_looking_takes_note_of_nothing(tmp_path: Path) -> None:
    assert Cluster(settings(tmp_path), remember=False)._admits("A")
    assert not (tmp_path / "known").exists()


def test_a_move_is_for_the_start_alone(tmp_path: Path) -> None:
    Cluster(settings(tmp_path, brokers=["moved:9092"]))._admits("A")
    moving = settings(tmp_path, brokers=["moved:9092"], accept_new=True)
    assert Cluster(moving)._admits("B")
    assert not Cluster(moving)._admits("C")
    assert not Cluster(settings(tmp_path, brokers=["moved:9092"]))._admits("A")


class Unknown:
    """A client of an aiokafka with other private names."""

    async def start(self) -> None:
        raise KafkaConnectionError


async def test_where_no_connection_can_be_asked_the_cluster_is_asked_for_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.kafka import cluster as module

    class Admin(Unknown):
        def __init__(self, **_: object) -> None: ...

        async def start(self) -> None: ...

        async def close(self) -> None: ...

        async def describe_cluster(self) -> dict[str, str]:
            return {"cluster_id": "B"}

    monkeypatch.setattr(module, "AIOKafkaAdminClient", Admin)
    Cluster(settings(tmp_path))._admits("A")
    with pytest.raises(ForeignServerError):
        await Cluster(settings(tmp_path)).start(Unknown())
