"""Standard streams whose encoding lacks some of our characters."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bridge.streams import in_ascii

_PROGRAMS = (
    ("-m", "bridge", "--help"),
    ("-m", "bridge", "check", "--set", "strapi.url=http://é…┃:1"),
    ("-m", "tui", "--help"),
    ("-m", "tui", "record", "--check", "é┃.cast"),
    ("-m", "stack", "--help"),
    ("-m", "stack", "status", "--state", "/tmp/é┃…"),
    ("-m", "stack", "run", "--config", "é┃…"),
)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("arguments", _PROGRAMS, ids=" ".join)
def test_every_program_says_what_it_has_to_say_in_any_encoding(arguments: tuple[str, ...], encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    said = (done.stdout + done.stderr).decode(encoding)
    assert "Traceback" not in said
    assert "\\u25" not in said
    assert "\\u20" not in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("→ 12… ┃ café « œuf » 5\u202f000", '-> 12... | cafe " oeuf " 5 000'),
        ("中", "\\u4e2d"),
        ("caf\udce9", "caf\\xe9"),
        ("plain", "plain"),
    ],
)
def test_what_ascii_lacks_is_written_as_near_as_it_can(text: str, expected: str) -> None:
    assert in_ascii(text) == expected


_BAD = b"caf\xe9"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ((b"bridge", b"check", b"--broker", _BAD + b":9092"), {}),
        ((b"bridge", b"check", b"--set", b"mqtt.client_id=" + _BAD), {}),
        ((b"bridge", b"check", b"--config", _BAD), {}),
        ((b"bridge", b"send", b"rows.csv", b"--topic", _BAD), {}),
        ((b"bridge", b"check"), {b"OPSCI_STRAPI_TOKEN": _BAD}),
        ((b"bridge", b"check"), {b"OPSCI_MQTT_OUTBOX": _BAD}),
        ((b"bridge", b"check"), {b"BROKER_1": _BAD}),
        ((b"bridge", b"check"), {b"OPSCI_KAFKA_GROUP": _BAD}),
        ((b"tui", b"record", b"--check", _BAD), {}),
        ((b"stack", b"status", b"--state", b"/tmp/" + _BAD), {}),
        ((b"stack", b"status"), {b"OPSCI_STATE": b"/tmp/" + _BAD}),
        ((b"stack", b"status"), {b"HOME": b"/tmp/" + _BAD, b"XDG_DATA_HOME": b""}),
        ((b"stack", b"run", b"--origin", b"http://" + _BAD), {}),
        ((b"stack", b"certs", b"--host", _BAD, b"--dir", b"/tmp/" + _BAD), {}),
    ],
)
def test_bytes_that_are_no_utf8_are_refused_in_words(
    arguments: tuple[bytes, ...], variables: dict[bytes, bytes]
) -> None:
    environment = {name: value for name, value in os.environb.items() if not name.startswith(b"OPSCI_")} | variables
    done = subprocess.run([sys.executable, b"-m", *arguments], env=environment, capture_output=True, check=False)
    assert done.returncode in {1, 2}
    assert b"Traceback" not in done.stderr
    assert b"caf" in done.stdout + done.stderr or b"not shown" in done.stderr
