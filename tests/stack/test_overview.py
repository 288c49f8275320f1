"""What `status` says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stack.errors import StateError
from stack.overview import look, show_status
from stack.places import Places
from stack.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack

_KEYS = {
    "mqtt_ws",
    "mqtt_tcp",
    "kafka",
    "strapi",
    "web",
    "strapi_token_file",
    "strapi_read_token_file",
    "settings_file",
    "state",
    "servers",
}


def test_where_nothing_was_started_all_is_stopped_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = Places.of(tmp_path / "state")
    assert show_status(places, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == _KEYS
    assert found["mqtt_ws"] == "ws://127.0.0.1:1883"
    assert found["servers"]["kafka"] == {"state": "stopped", "pid": None, "log": str(places.log("kafka"))}
    assert not places.state.exists()


def test_a_record_that_is_no_record_is_said(tmp_path: Path) -> None:
    places = Places.of(tmp_path)
    places.record.write_text('{"servers": 3}')
    with pytest.raises(StateError, match=r"run\.json cannot be read"):
        Record.read(places.record)


def test_running_paused_and_died_are_told_apart(stack: LocalStack) -> None:
    record = Record.read(stack.places.record)
    assert {server.state for server in look(stack.places, record).values()} == {"running"}
    stack.pause_server("mosquitto")
    try:
        assert look(stack.places, record)["mosquitto"].state == "paused"
    finally:
        stack.resume_server("mosquitto")
    assert look(stack.places, record)["mosquitto"].state == "running"
    stack.kill_server("mosquitto")
    try:
        assert look(stack.places, record)["mosquitto"].state == "died"
    finally:
        stack.start_server("mosquitto")
    assert look(stack.places, Record.read(stack.places.record))["mosquitto"].state == "running"
