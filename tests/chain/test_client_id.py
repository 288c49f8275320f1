"""The engine's client id: unguessable, kept in a file, and the migration from the former fixed one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer
from msgspec.structs import replace

from bridge.journal import Server, State
from bridge.mqtt import handover
from bridge.mqtt._private import ChunkClient
from bridge.mqtt.client_id import FORMER, KeptId, shown
from bridge.mqtt.handover import end_session, move_subscriptions
from bridge.mqtt.publisher import Publisher
from bridge.mqtt.session import Session
from tests.chain.lane import until
from tests.chain.programs import run_bridge, write_settings
from tests.chain.test_ingest import connected, ingesting
from tests.chain.test_kill import start_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings
    from tests.chain.lane import Lane

_MOVEMENT = b'{"id":1,"amount":1,"type":"IN","number":%d}'


async def leave_session(settings: MqttSettings, filters: Sequence[str]) -> None:
    async with Session(settings, filters, lambda *_: None):
        pass


async def is_kept(settings: MqttSettings) -> bool:
    async with Session(settings, (), lambda *_: None) as session:
        return session.kept


@contextlib.asynccontextmanager
async def publishing(settings: MqttSettings, topic: str) -> AsyncIterator[list[int]]:
    """Keep publishing numbered movements without id; yields those that the broker accepted."""
    taken: list[int] = []
    ending = asyncio.Event()

    async def publish(publisher: Publisher, first: int) -> None:
        number = first
        while not ending.is_set():
            await publisher.publish(topic, _MOVEMENT % number)
            taken.append(number)
            number += 4
            await asyncio.sleep(0.002)

    async with Publisher(settings) as publisher:
        tasks = [asyncio.create_task(publish(publisher, first)) for first in range(4)]
        try:
            yield taken
        finally:
            ending.set()
            await asyncio.gather(*tasks)


async def drained(settings: MqttSettings) -> list[bytes]:
    """Everything at QoS 1 that waits in a session."""
    found: list[bytes] = []

    def take(session: Session, chunk: list[Inbound]) -> None:
        found.extend(message.payload for message in chunk if message.qos)
        session.acknowledge([message.packet_id for message in chunk if message.qos])

    async with Session(settings, (), take) as session:
        count = -1
        while count != len(found):
            count = len(found)
            assert await session.answered(["nothing"])
    return found


@pytest.mark.parametrize("broken_at", range(7))
async def test_no_message_is_lost_or_doubled_by_a_move_that_is_interrupted(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, broken_at: int
) -> None:
    base = lane.settings().mqtt
    former, own = (replace(base, client_id=f"{lane.name}-{which}") for which in ("former", "own"))
    filters = [lane.mqtt_topic, f"$share/{lane.name}/{lane.name}/product"]
    await leave_session(former, filters)
    moved: list[bool] = []
    calls = 0

    class Breaking(ChunkClient):
        async def subscribe(self, *arguments: Any, **options: Any) -> Any:
            self._count()
            return await super().subscribe(*arguments, **options)

        async def unsubscribe(self, *arguments: Any, **options: Any) -> Any:
            self._count()
            return await super().unsubscribe(*arguments, **options)

        def _count(self) -> None:
            nonlocal calls
            calls += 1
            if calls == broken_at:
                raise KeyboardInterrupt

    def note() -> None:
        moved.append(True)
        if broken_at == 6:
            raise KeyboardInterrupt

    async with publishing(base, lane.mqtt_topic) as taken:
        await until(lambda: len(taken) > 20)
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(handover, "ChunkClient", Breaking)
            await move_subscriptions(former, own, filters, moved=False, note_moved=note)
        so_far = len(taken)
        await until(lambda: len(taken) > so_far + 20)
        assert await move_subscriptions(former, own, filters, moved=bool(moved), note_moved=note_nothing)
        so_far = len(taken)
        await until(lambda: len(taken) > so_far + 20)
    waiting = [await drained(settings) for settings in (former, own)]
    assert all(waiting)
    assert Counter(waiting[0] + waiting[1]) == Counter(_MOVEMENT % number for number in taken)
    for settings in (former, own):
        await end_session(settings)


def note_nothing() -> None:
    pass


async def test_what_waits_under_the_earlier_name_is_taken_in_once_though_the_engine_is_killed(
    lane: Lane, tmp_path: Path
) -> None:
    kept = KeptId(tmp_path / "mqtt-client-id")
    settings = lane.settings(
        mqtt={"client_id": "", "client_id_file": str(tmp_path / "mqtt-client-id")},
        apply={"enabled": False},
        watch={"enabled": False},
    )
    former = replace(settings.mqtt, client_id=FORMER)
    await leave_session(former, [lane.mqtt_topic])
    file = write_settings(settings, tmp_path)
    async with publishing(settings.mqtt, lane.mqtt_topic) as taken:
        await until(lambda: len(taken) > 2000)
        async with AIOKafkaConsumer(
            lane.stock, bootstrap_servers=lane.stack.addresses.kafka, auto_offset_reset="earliest"
        ) as consumer:
            for _ in range(3):
                # What the engine before brought is read, so that this one is killed at its first record.
                while await consumer.getmany(timeout_ms=300):
                    pass
                engine = await start_engine(file)
                try:
                    async with asyncio.timeout(60):
                        while not await consumer.getmany(timeout_ms=50):
                            pass
                finally:
                    engine.send_signal(signal.SIGKILL)
                    await engine.wait()
    async with ingesting(settings) as journal:
        await connected(journal)
        await until(lambda: kept.former_ended_at(settings.mqtt.url))
        # What comes again comes before the last one.
        last = max(taken) + 1
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT % last)
        await lane.reaches(lane.stock, _MOVEMENT % last)
    records = await lane.all_records(lane.stock)
    assert Counter(record.value for record in records) == Counter(_MOVEMENT % number for number in [*taken, last])
    assert not await is_kept(former)
    await end_session(former)


@pytest.mark.parametrize("moved", [False, True])
async def test_copies_at_qos_0_that_an_interrupted_move_left_in_a_broker_that_keeps_them_count_for_nothing(
    lane: Lane, tmp_path: Path, *, moved: bool
) -> None:
    kept = KeptId(tmp_path / "mqtt-client-id")
    settings = lane.settings(mqtt={"client_id": "", "client_id_file": str(tmp_path / "mqtt-client-id")})
    former, own = (replace(settings.mqtt, client_id=one) for one in (FORMER, kept.read_or_make()))
    shared = f"$share/{shown(own.client_id)}/{lane.mqtt_topic}"
    await leave_session(former, [] if moved else [lane.mqtt_topic])
    # After the first step the former session has both, or after the fourth the new one has.
    async with handover._connected(own if moved else former) as client:
        plain = [lane.mqtt_topic]
        await handover._subscribe(client, qos_0=[shared] if moved else plain, qos_1=plain if moved else [shared])
    if moved:
        kept.note_former(settings.mqtt.url, "moved")
        kept.note_opened(settings.mqtt.url)
    async with Publisher(settings.mqtt) as publisher:
        for number in range(50):
            await publisher.publish(lane.mqtt_topic, _MOVEMENT % number)
    async with ingesting(settings) as journal:
        await until(lambda: kept.former_ended_at(settings.mqtt.url))
        await connected(journal)
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT % 50)
        await until(lambda: journal.produced.total >= 51)
        # Its subscriptions outlast the emptying: what is published later arrives too.
        async with Publisher(settings.mqtt) as publisher:
            for number in range(51, 60):
                await publisher.publish(lane.mqtt_topic, _MOVEMENT % number)
                await asyncio.sleep(0.1)
        await until(lambda: journal.produced.total >= 60)
    records = await lane.all_records(lane.stock)
    assert sorted(record.value for record in records) == sorted(_MOVEMENT % number for number in range(60))


async def test_a_session_that_was_taken_away_is_said(lane: Lane, tmp_path: Path) -> None:
    file = tmp_path / "mqtt-client-id"
    settings = lane.settings(mqtt={"client_id": "", "client_id_file": str(file)})
    async with ingesting(settings) as journal:
        await connected(journal)
        assert file.stat().st_mode & 0o777 == 0o600
        assert journal.notes == {}
        await end_session(replace(settings.mqtt, client_id=file.read_text().strip()))
        await until(lambda: "no longer had this engine's session" in journal.notes.get("session", ""))
    # It is known across a restart as well.
    await end_session(replace(settings.mqtt, client_id=file.read_text().strip()))
    async with ingesting(settings) as journal:
        await until(lambda: "no longer had this engine's session" in journal.notes.get("session", ""))


async def test_the_client_id_stands_in_no_record_and_no_text(lane: Lane, tmp_path: Path) -> None:
    file = tmp_path / "mqtt-client-id"
    settings = lane.settings(mqtt={"client_id": "", "client_id_file": str(file)})
    async with ingesting(settings) as first, Publisher(settings.mqtt) as publisher:
        await connected(first)
        await publisher.publish(lane.mqtt_topic, _MOVEMENT % 1)
        await publisher.publish(lane.mqtt_topic, b"no movement")
        records = await lane.records(lane.stock, 1) + await lane.records(lane.errors, 1)
        client_id = file.read_text().strip()
        assert len(records) == 2
        assert not any(client_id.encode() in value for record in records for _, value in record.headers)
        assert any(shown(client_id).encode() in value for record in records for _, value in record.headers)
        async with ingesting(settings) as second:
            both = (first, second)
            await until(lambda: any(one.connections[Server.MQTT].state is State.REFUSED for one in both))
            assert not any(client_id in one.connections[Server.MQTT].detail for one in both)


async def test_a_folder_that_cannot_be_written_is_said(lane: Lane, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = lane.settings(mqtt={"client_id": "", "client_id_file": str(tmp_path / "file" / "id")})
    async with ingesting(settings) as journal:
        await until(lambda: journal.connections[Server.MQTT].state is State.REFUSED)
        assert "mqtt.client_id_file" in journal.connections[Server.MQTT].detail
        assert "folder" in journal.connections[Server.MQTT].advice
        # An end while it connects to Kafka leaves the connection to the collector.
        await until(lambda: journal.connections[Server.KAFKA].state is State.UP)


async def test_check_warns_of_a_name_that_others_can_guess(lane: Lane) -> None:
    said = await run_bridge(lane.settings(), "check")
    assert f"others can guess '{lane.name}'" in said
    said = await run_bridge(lane.settings(mqtt={"client_id": f"ours-{'1f' * 16}"}), "check")
    assert "guess" not in said
