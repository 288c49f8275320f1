"""The log: readable by people and programs, without secrets and floods."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bridge.command.logs import JsonFormatter, Repeats, TextFormatter, start_logging
from bridge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def record(message: str, *values: object, name: str = "bridge.chain", level: int = logging.INFO) -> logging.LogRecord:
    made = logging.LogRecord(name, level, __file__, 1, message, values, None)
    made.created, made.msecs = 1_767_225_600.25, 250.0
    return made


def with_traceback(text: str) -> logging.LogRecord:
    made = record("it failed")
    try:
        raise ValueError(text)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def test_a_line_for_people() -> None:
    line = TextFormatter().format(record("%s: up", "mqtt"))
    assert line.endswith(".250 INFO    bridge.chain: mqtt: up")


def test_a_message_can_not_drive_the_terminal_or_begin_a_line() -> None:
    assert TextFormatter().format(record("\x1b[31m\nERROR all is lost")).endswith(r": \x1b[31m\nERROR all is lost")


def test_an_object_for_programs() -> None:
    entry = json.loads(JsonFormatter().format(record("é \n %d", 3, level=logging.WARNING)))
    assert entry == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "bridge.chain",
        "message": "é \n 3",
    }


@pytest.mark.parametrize("formatter", [TextFormatter(["s3cret", ""]), JsonFormatter(["s3cret", ""])])
@pytest.mark.parametrize(
    "text",
    [
        "token s3cret",
        "Authorization: Bearer abc.s3cret-other",
        "{'authorization': 'bearer s3cret'}",
        "ws://ada:s3cret@broker:1883",
    ],
)
def test_no_secret_is_logged(formatter: logging.Formatter, text: str) -> None:
    assert "s3cret" not in formatter.format(record(text))
    assert "s3cret" not in formatter.format(record("%s", text))
    failed = formatter.format(with_traceback(text))
    assert "ValueError" in failed
    assert "s3cret" not in failed


def test_what_looks_like_a_secret_is_hidden_though_nobody_knows_it() -> None:
    line = TextFormatter().format(record("Bearer abc123 at http://ada:pw@h/x"))
    assert line.endswith("Bearer *** at http://***@h/x")


def test_a_library_repeats_itself_once_a_minute() -> None:
    repeats = Repeats(60)

    def passes(name: str, message: str, after: float = 0.0, level: int = logging.ERROR) -> bool:
        made = record(message, name=name, level=level)
        made.created += after
        return bool(repeats.filter(made))

    assert passes("aiokafka.conn", "Unable to connect")
    assert not passes("aiokafka.conn", "Unable to connect", 59)
    assert passes("aiokafka.conn", "another")
    assert passes("aiokafka.conn", "Unable to connect", 61)
    assert passes("bridge.chain", "x")
    assert passes("bridge.chain", "x")
    assert passes("httpx", "d", level=logging.DEBUG)
    assert passes("httpx", "d", level=logging.DEBUG)


@pytest.mark.usefixtures("_log_as_before")
def test_the_log_is_what_the_settings_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "token"
    file.write_text("t0ken\n")
    settings = Settings()
    settings = replace(
        settings,
        log=replace(settings.log, level="warning", format="json"),
        strapi=replace(settings.strapi, token_file=str(file)),
    )
    start_logging(settings)
    logging.getLogger("bridge").info("not said")
    logging.getLogger("bridge").warning("with t0ken")
    logging.getLogger("aiokafka.consumer.group_coordinator").error("not said either")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "with ***"
