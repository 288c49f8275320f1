"""The outbox's file: its content, taking over other files, and who may read it."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from bridge.errors import PublishError
from bridge.journal import Journal, Journey
from bridge.movement import Movement, encode_movement
from bridge.mqtt.publisher import Publisher
from bridge.outbox import MOST, Kept, Outbox, Store, outbox_folder, pause_before
from bridge.settings import MqttSettings, Settings, StrapiSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOVEMENT = Movement("12", 5, "IN")


def kept(name: str, at: float = 0.0) -> Kept:
    return Kept(name, "topic", b'{"id":12,"amount":5,"type":"IN"}\xff', (("simulated-by", "object-1"),), at)


def abandoned(folder: Path, *movements: Kept) -> None:
    """Leave a file behind as a killed program does."""
    store = Store(folder)
    store.open()
    for movement in movements:
        store.add(movement)
    store.close()


def names(found: list[Kept]) -> list[str]:
    return [movement.movement_id for movement in found]


def test_the_next_program_has_what_a_killed_one_kept_and_not_what_was_taken_out(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "outbox"
    before = Store(folder)
    before.add(kept("early", 1))
    assert before.open() == []
    for movement in (kept("c", 3), kept("b", 2), kept("gone", 4)):
        before.add(movement)
    before.remove(["gone", "unknown"])
    before.close()
    after = Store(folder)
    found = after.open()
    assert found == [kept("early", 1), kept("b", 2), kept("c", 3)]
    assert len([*folder.iterdir()]) == 1
    assert after.open() == []
    after.remove(names(found))
    after.close()
    assert [*folder.iterdir()] == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir(mode=0o755)
    abandoned(folder, kept("a"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_a_program_that_runs_keeps_its_file(tmp_path: Path) -> None:
    running = Store(tmp_path)
    running.open()
    running.add(kept("a"))
    other = Store(tmp_path)
    assert other.open() == []
    running.close()
    third = Store(tmp_path)
    assert names(third.open()) == ["a"]
    other.close()
    third.close()


def test_a_line_that_broke_costs_itself_alone(tmp_path: Path) -> None:
    abandoned(tmp_path, kept("a"), kept("b"))
    [file] = tmp_path.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2]) + b"\x00\xff nothing\n" + lines[2] + lines[1][:20])
    store = Store(tmp_path)
    assert names(store.open()) == ["a", "b"]
    store.close()


def test_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    store.add(kept("stays"))
    for number in range(25_000):
        store.add(kept(f"{number}"))
        store.remove([f"{number}"])
    [file] = tmp_path.iterdir()
    assert file.stat().st_size < 8_000_000
    store.close()
    after = Store(tmp_path)
    assert names(after.open()) == ["stays"]
    after.close()


def test_each_chain_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one = outbox_folder(Settings())
    other = outbox_folder(Settings(strapi=StrapiSettings(url="http://elsewhere:1337")))
    assert one != other
    assert one.is_relative_to(tmp_path)
    assert outbox_folder(Settings(mqtt=MqttSettings(outbox="/somewhere"))).as_posix() == "/somewhere"


def outbox(folder: Path, journal: Journal | None = None, **settings: MqttSettings | StrapiSettings) -> Outbox:
    chosen = msgspec.structs.replace(Settings(mqtt=MqttSettings(outbox=str(folder))), **settings)
    return Outbox(chosen, journal or Journal(), Publisher(chosen.mqtt))


def test_only_what_the_ledger_will_know_is_kept(tmp_path: Path) -> None:
    assert outbox(tmp_path).takes("topic", MOVEMENT)
    assert not outbox(tmp_path).takes("product", MOVEMENT)
    assert not outbox(tmp_path).takes("elsewhere", MOVEMENT)
    assert not outbox(tmp_path).takes("topic", "what is no movement is rejected")
    assert not outbox(tmp_path, strapi=StrapiSettings(mode="rest5")).takes("topic", MOVEMENT)
    assert not outbox(tmp_path, mqtt=MqttSettings(version="3.1.1")).takes("topic", MOVEMENT)


def test_it_is_bounded_and_lets_go_of_what_kafka_keeps(tmp_path: Path) -> None:
    journal = Journal()
    full = outbox(tmp_path, journal)
    payload = encode_movement(MOVEMENT)
    for number in range(MOST):
        full.add(f"m{number}", "topic", payload)
    with pytest.raises(PublishError, match="10,000 movements sent from here are not known to be in Kafka"):
        full.add("more", "topic", payload)
    there = Journey("m7", payload, received_at=time.time(), acknowledged_at=time.time())
    journal.arrived([there])
    full.add("more", "topic", payload)
    assert len(full.waiting) == MOST
    assert "m7" not in full.waiting
    full.drop("more")
    with pytest.raises(PublishError):
        full.add("large", "topic", b" " * 16_000_000)


def test_pauses_grow_to_ten_minutes() -> None:
    assert [pause_before(tries) for tries in range(7)] == [15, 30, 60, 120, 300, 600, 600]


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: bytes(len(content)), lambda content: content[: len(content) * 2 // 3]],
    ids=["empty", "NUL bytes", "cut short"],
)
def test_a_damaged_file_is_kept_beside_the_others_and_what_is_whole_in_it_goes_on(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    abandoned(tmp_path, kept("a", 1), kept("b", 2))
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    after = Store(tmp_path)
    assert set(names(after.open())) <= {"a"}
    (aside,) = after.damaged
    assert aside.read_bytes() == content
    assert aside.name.startswith(f"{path.name}.damaged-")
    after.close()
    later = Store(tmp_path)
    later.open()
    assert later.damaged == []
