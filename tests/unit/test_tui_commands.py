"""The commands that repeat a record, run by a real shell: the program receives exactly the record's data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.journal import Journey, Product
from bridge.settings import KafkaSettings, MqttSettings
from tui.export import file_name, json_line, kcat_command, mosquitto_command, write_lines

if TYPE_CHECKING:
    from pathlib import Path

SPY = f"""#!{sys.executable} -IS
import json, sys
words = [word.encode("utf-8", "surrogateescape").hex() for word in sys.argv[1:]]
print(json.dumps([words, sys.stdin.buffer.read().hex()]))
"""

MQTT = MqttSettings(url="mqtt://broker:1885")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with programs that print their arguments."""
    made: Path = tmp_path_factory.mktemp("programs")
    for name in ("mosquitto_pub", "kcat"):
        (made / name).write_text(SPY)
        (made / name).chmod(0o755)
    return made


def called(command: str, folder: Path) -> tuple[list[bytes], bytes]:
    """The arguments and the standard input that a shell command passes to its program."""
    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    arguments, stdin = json.loads(done.stdout)
    return [bytes.fromhex(word) for word in arguments], bytes.fromhex(stdin)


def record(payload: bytes, text: str = "topic", **fields: object) -> Journey:
    made = Journey("id-1", payload, mqtt_topic=text, kafka_topic="stock", key=text, qos=1)
    made.properties = (("movement-id", "id-1"), ("from", text))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


# What an argument of a program can hold: no NUL, and the shell drops line ends at the end of $(...).
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12).map(
    lambda text: text.rstrip("\n")
)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=40), texts)
@example(b"'; rm -rf / #\n", "$(id) `id` '\"\\ \x1b[201~\n;id")
@example(b"%s%d\\n\x00\xff\x1b]52;c;AA==\x07", "-x")
@example(b"-m", "a b")
def test_what_the_shell_runs_is_the_record(folder: Path, payload: bytes, text: str) -> None:
    command = mosquitto_command(record(payload, text), MQTT).text
    assert command.isprintable()
    arguments, stdin = called(command, folder)
    said = text.encode()
    assert arguments[:10] == [*b"-h broker -p 1885 -V 5 -q 1 -t".split(), said]
    assert arguments[10:15] == [b"-D", b"publish", b"user-property", b"from", said]
    sent = b"" if arguments[15] == b"-n" else arguments[16] if arguments[15] == b"-m" else stdin
    assert sent == payload
    command = kcat_command(record(payload, text), KafkaSettings()).text
    assert command.isprintable()
    arguments, stdin = called(command, folder)
    assert stdin == payload
    assert arguments[:9] == [*b"-P -b 127.0.0.1:9092 -t stock -k".split(), said, b"-H", b"from=" + said]
    assert b"id-1" not in arguments


def test_a_message_as_its_command() -> None:
    journey = record(b'{"id":12,"amount":5,"type":"IN"}', retained=True)
    command = mosquitto_command(journey, MqttSettings())
    assert command.text == (
        "# mosquitto_pub speaks no websockets: -p must name the TCP listener of the broker, 1884 as a rule\n"
        "mosquitto_pub -h 127.0.0.1 -p 1884 -V 5 -q 1 -r -t topic -D publish user-property from topic "
        """-m '{"id":12,"amount":5,"type":"IN"}'"""
    )
    assert "TCP listener" in command.hint
    secured = MqttSettings(url="mqtts://b", version="3.1.1", username="me", password_file="p", ca_file="/ca.pem")
    command = mosquitto_command(journey, secured)
    assert "-p 8883 --cafile /ca.pem -u me -V 311" in command.text
    assert "user-property" not in command.text
    assert command.hint == "add the password with -P"
    assert command.text.startswith("# add the password with -P\nmosquitto_pub ")
    assert "--tls-use-os-certs" in mosquitto_command(journey, MqttSettings(url="mqtts://b")).text


def test_what_a_person_has_to_know_is_a_comment_to_the_shell(folder: Path) -> None:
    command = mosquitto_command(record(b"x"), MqttSettings(username="me", password_file="p")).text
    assert command.count("\n") == 2
    arguments, _ = called(command, folder)
    assert arguments[-2:] == [b"-m", b"x"]


def test_a_record_with_line_ends_stays_one_record() -> None:
    assert r"-D '\x1e'" in kcat_command(record(b"a\nb"), KafkaSettings()).text
    assert kcat_command(record(b"\n\x1e\x1f\x00"), KafkaSettings()).hint
    foreign = record(b"x", key=None)
    assert " -k " not in kcat_command(foreign, KafkaSettings()).text


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=20), st.binary(max_size=20))
@example("\ud800\x1b", b"\xff")
def test_a_line_of_json_is_ascii_and_keeps_everything(text: str, payload: bytes) -> None:
    line = json_line(record(payload, text))
    assert line.isascii()
    assert line.isprintable()
    read = json.loads(line)
    assert read["mqtt_topic"] == text
    if "payload" in read:
        assert read["payload"].encode() == payload
    else:
        assert "payload_base64" in read
    assert json.loads(json_line(Product(1, text, text, 5)))["name"] == text


@given(st.text(st.sampled_from("=+-@,;\t|\"' a1\\\r\n"), max_size=20))
@example("x;=HYPERLINK(1)")
@example('"\t@SUM(1)')
def test_no_cell_of_a_spreadsheet_begins_a_formula(text: str) -> None:
    line = json_line(record(text.encode(), text, stock_before=-5))
    assert json.loads(line)["payload"] == text
    assert '"stock_before": -5,' in line
    for separator in ",;\t| ":
        for cell in line.split(separator):
            begins = cell.lstrip(" \"'\\[{")
            assert not begins.startswith(("=", "@", "+", "-")) or begins.rstrip(",") == "-5", (separator, cell)


def test_an_export_is_its_owners_alone_and_goes_through_no_link(tmp_path: Path) -> None:
    planted = tmp_path / "opsci-mqtt.jsonl"
    planted.symlink_to(tmp_path / "elsewhere")
    before = os.umask(0)
    try:
        written = write_lines(tmp_path, planted.name, [record(b"a")])
    finally:
        os.umask(before)
    assert written.name == "opsci-mqtt-2.jsonl"
    assert written.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    name = file_name("mqtt", 1_700_000_000.0)
    assert name.startswith("opsci-mqtt-2023111")
    first = write_lines(tmp_path, name, [record(b"a"), record(b"b")])
    second = write_lines(tmp_path, name, [record(b"c")])
    assert first.name == name
    assert second.name == name.replace(".jsonl", "-2.jsonl")
    assert [json.loads(line)["payload"] for line in first.read_text().splitlines()] == ["a", "b"]
