"""The command line: its commands, and the settings that it overrides."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bridge.command import main
from bridge.command.arguments import flags_of, parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_settings_of_mine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OPSCI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPSCI_STATE", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], "run"),
        (["--once"], "run"),
        (["run", "--once"], "run"),
        (["--config", "f", "check"], "check"),
        (["check", "--config", "f"], "check"),
        (["send", "x.csv"], "send"),
        (["trial"], "trial"),
    ],
)
def test_commands(arguments: list[str], command: str) -> None:
    assert parse(arguments).command == command


def test_options_count_before_and_behind_the_command() -> None:
    before = parse(["--config", "f", "--broker", "a:1", "--broker", "b:1", "check"])
    behind = parse(["check", "--config", "f", "--broker", "a:1", "--broker", "b:1"])
    assert vars(before) == vars(behind)
    assert flags_of(behind) == {"kafka.brokers": ["a:1", "b:1"]}


def test_named_flags_and_set() -> None:
    said = [
        "--set",
        "mqtt.version=3.1.1",
        "--set",
        "strapi.token=a=b",
        "--mqtt-url",
        "ws://h:1",
        "--log-format",
        "json",
    ]
    assert flags_of(parse(said)) == {
        "mqtt.version": "3.1.1",
        "strapi.token": "a=b",
        "mqtt.url": "ws://h:1",
        "log.format": "json",
    }


def test_only_one_half() -> None:
    assert flags_of(parse(["--only", "ingest"])) == {"ingest.enabled": True, "apply.enabled": False}
    assert flags_of(parse(["--only", "apply"])) == {"ingest.enabled": False, "apply.enabled": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "mqtt"], "is no KEY=VALUE"),
        (["send"], "FILE"),
        (["send", "f", "--rate", "0"], "is no rate"),
        (["--only", "both"], "invalid choice"),
        (["chekc"], "invalid choice"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("opsci-bridge 0.")


def test_wrong_settings_end_with_2_and_a_line_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[mqtt]\nkeepalive = 0\n[kafkaa]\n")
    assert main(["check", "--config", str(file), "--set", "drain=never"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("opsci-bridge: ") for line in lines)
    assert "command line: drain" in lines[2]


def test_a_password_file_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--set", f"mqtt.password_file={tmp_path / 'absent'}", "--set", "mqtt.username=ada"]) == 2
    assert "mqtt.password_file" in capsys.readouterr().err


def test_a_file_to_send_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", str(tmp_path / "absent.csv")]) == 2
    assert "absent.csv: No such file or directory" in capsys.readouterr().err


def test_an_identity_needs_mqtt_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "x.csv", "--resumable", "--set", "mqtt.version=3.1.1"]) == 2
    assert "--resumable" in capsys.readouterr().err
