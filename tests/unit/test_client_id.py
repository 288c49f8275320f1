from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bridge.errors import SettingsError
from bridge.mqtt.client_id import KeptId, is_guessable, shown
from bridge.settings import MqttSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_an_id_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    kept = KeptId(tmp_path / "new" / "id")
    made = kept.read_or_make()
    assert made == kept.read_or_make()
    assert made != KeptId(tmp_path / "other").read_or_make()
    assert not is_guessable(made)
    assert (tmp_path / "new" / "id").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(tmp_path / "new")) == [".id.copy", "id"]  # noqa: PTH208 - names alone
    assert (tmp_path / "new" / ".id.copy").stat().st_mode & 0o777 == 0o600


def test_what_is_shown_of_a_made_id_tells_nothing_of_it(tmp_path: Path) -> None:
    made = KeptId(tmp_path / "id").read_or_make()
    assert shown(made) == shown(made)
    assert made[6:] not in shown(made)
    assert shown("opsci-bridge") == "opsci-bridge"
    assert shown("a/b") == "a/b"


@pytest.mark.parametrize("name", ["opsci-bridge", "", "x" * 128, "opsci-" + "g" * 32, "bridge-2026-11-27-of-the-shop"])
def test_a_name_is_guessable(name: str) -> None:
    assert is_guessable(name)


def test_a_uuid_is_not_guessable() -> None:
    assert not is_guessable("our-0190C7B8-7C2E-7D11-A8D4-2F6B1C0A9E55")


def test_the_settings_say_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert KeptId.of(MqttSettings(client_id="mine", client_id_file=str(tmp_path / "id"))) is None
    named = KeptId.of(MqttSettings(client_id_file=str(tmp_path / "id")))
    assert named is not None
    assert named.read_or_make() == (tmp_path / "id").read_text().strip()
    usual = KeptId.of(MqttSettings())
    assert usual is not None
    assert usual.read_or_make() == (tmp_path / "state" / "opsci" / "mqtt-client-id").read_text().strip()


def test_a_file_that_holds_too_long_an_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("x" * 129)
    with pytest.raises(SettingsError, match=r"mqtt\.client_id_file"):
        KeptId(tmp_path / "id").read_or_make()


def test_how_far_the_move_is_is_remembered_for_each_broker(tmp_path: Path) -> None:
    kept = KeptId(tmp_path / "id")
    assert not kept.moved_at("a")
    kept.note_former("a", "moved")
    # The same broker may have got another port meanwhile.
    assert kept.moved_at("a")
    assert kept.moved_at("b")
    assert not kept.former_ended_at("a")
    kept.note_former("a", "ended")
    assert kept.former_ended_at("a")
    assert kept.moved_at("a")
    assert not kept.moved_at("b")
    assert not kept.former_ended_at("b")
    kept.note_opened("a")
    assert kept.opened_at("a")
    assert not kept.opened_at("b")
    assert kept.former_ended_at("a")


def test_damaged_notes_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "id.json").write_text("{")
    kept = KeptId(tmp_path / "id")
    assert not kept.moved_at("a")
    kept.note_former("a", "ended")
    assert kept.former_ended_at("a")


_DAMAGES = {"empty": b"", "NUL bytes": bytes(39), "cut short": b"opsci-0123456789abc"}


@pytest.mark.parametrize("content", _DAMAGES.values(), ids=_DAMAGES)
def test_a_damaged_id_is_restored_and_the_damaged_file_stays(tmp_path: Path, content: bytes) -> None:
    made = KeptId(tmp_path / "id").read_or_make()
    (tmp_path / "id").write_bytes(content)
    again = KeptId(tmp_path / "id")
    assert again.read_or_make() == made
    (aside,) = tmp_path.glob("id.damaged-*")
    assert aside.read_bytes() == content
    assert [str(aside) in text and "nothing is lost" in text for text in again.damage] == [True]
    again.read_or_make()
    assert len(again.damage) == 1


def test_an_id_that_is_lost_with_its_copy_is_made_again_and_that_is_said(tmp_path: Path) -> None:
    made = KeptId(tmp_path / "id").read_or_make()
    for file in (tmp_path / "id", tmp_path / ".id.copy"):
        file.write_bytes(bytes(39))
    again = KeptId(tmp_path / "id")
    assert again.read_or_make() != made
    assert "unknown how many messages" in again.damage[0]


@pytest.mark.parametrize("content", [b"", bytes(100), b'{"opened": {"mq'])
def test_damaged_notes_of_sessions_are_moved_aside_and_that_is_said(tmp_path: Path, content: bytes) -> None:
    kept = KeptId(tmp_path / "id")
    made = kept.read_or_make()
    kept.note_opened("mqtt://h:1")
    (tmp_path / "id.json").write_bytes(content)
    again = KeptId(tmp_path / "id")
    assert again.read_or_make() == made
    (aside,) = tmp_path.glob("id.json.damaged-*")
    assert aside.read_bytes() == content
    assert "that is not noticed" in again.damage[0]


def test_a_name_that_someone_chose_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    for name in ("opsci-bridge", "opsci-the-shop", "x"):
        (tmp_path / "id").write_text(name)
        kept = KeptId(tmp_path / "id")
        assert (kept.read_or_make(), kept.damage) == (name, [])
