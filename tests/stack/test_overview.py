"""The output of `status`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stack.paths import Paths
from stack.run_state import RunState
from stack.status import look, show_status

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from stack.local import LocalStack

_KEYS = {
    "mqtt_ws",
    "mqtt_tcp",
    "kafka",
    "strapi",
    "web",
    "strapi_token_file",
    "strapi_read_token_file",
    "strapi_admin_user",
    "strapi_admin_password_file",
    "strapi_admin_panel",
    "strapi_strangers",
    "damaged",
    "settings_file",
    "web_open_to_network",
    "web_origins",
    "state",
    "servers",
}


def test_where_nothing_was_started_all_is_stopped_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = Paths.of(tmp_path / "state")
    assert show_status(paths, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == _KEYS
    assert found["mqtt_ws"] == "ws://127.0.0.1:1883"
    assert found["servers"]["kafka"] == {"state": "stopped", "pid": None, "log": str(paths.log("kafka"))}
    assert not paths.state.exists()


def test_a_record_that_is_no_record_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Paths.of(tmp_path)
    paths.record.write_text('{"servers": 3}')
    assert RunState.read(paths.record).damage == "is no record of servers"
    show_status(paths, as_json=False)
    assert "run.json is no record of servers" in capsys.readouterr().out


def test_running_paused_and_died_are_told_apart(stack: LocalStack) -> None:
    record = RunState.read(stack.paths.record)
    assert {server.state for server in look(stack.paths, record).values()} == {"running"}
    stack.pause_server("mosquitto")
    try:
        assert look(stack.paths, record)["mosquitto"].state == "paused"
    finally:
        stack.resume_server("mosquitto")
    assert look(stack.paths, record)["mosquitto"].state == "running"
    stack.kill_server("mosquitto")
    try:
        assert look(stack.paths, record)["mosquitto"].state == "died"
    finally:
        stack.start_server("mosquitto")
    assert look(stack.paths, RunState.read(stack.paths.record))["mosquitto"].state == "running"
