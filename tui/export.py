"""Export of records: as JSON lines for programs, and as the shell command that sends a record again.

Spreadsheets open JSON lines too, splitting them at commas, semicolons or tabs. A cell that begins with `=`, `+`, `-` or
`@` would become a formula, so these characters are written as JSON escapes within strings. A JSON reader gets the same
text; numbers stay numbers.

A command is pasted into a shell, so nothing in it may act as more than an argument: printable text is quoted by shlex,
and the rest is written in octal for `printf`, which also passes bytes that no argument can hold.
"""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.identity import MOVEMENT_ID
from bridge.journal import Journey
from bridge.mqtt.address import read_address
from bridge.private_file import new_file
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.journal import Product
    from bridge.settings import KafkaSettings, MqttSettings

__all__ = ["Command", "file_name", "json_line", "kcat_command", "mosquitto_command", "write_lines"]


TCP_PORT: Final = 1884
"""The broker's TCP listener in configs/mosquitto.conf, beside the course's websockets listener."""

DELIMITERS: Final = ("\n", "\x1e", "\x1f", "\x00")
"""Possible delimiters for kcat's standard input; the first one that the record does not contain is used."""

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')

_FORMULA: Final = re.compile(r"[=@]|(?<![0-9A-Za-z])[+-]")
"""Start of a formula; a sign after a letter or a digit, as in a time or a UUID, does not begin a cell."""

_MOST_OF_A_SECOND: Final = 1_000


class Command(NamedTuple):
    """A command, and a hint the user needs before running it; empty if none.

    The hint is also in a comment above the command, as the command may be pasted later and elsewhere.
    """

    text: str
    hint: str = ""


def mosquitto_command(journey: Journey, settings: MqttSettings) -> Command:
    """Write the command that publishes a message again.

    It keeps the message's user properties except the movement-id, so that the message becomes a new movement.

    Args:
        journey: a message that came over MQTT.
        settings: the broker.
    """
    address = read_address(settings.url)
    websockets = address.transport == "websockets"
    words = ["mosquitto_pub", "-h", _quoted(address.host), "-p", str(TCP_PORT if websockets else address.port)]
    if address.tls:
        words += ["--cafile", _quoted(settings.ca_file)] if settings.ca_file else ["--tls-use-os-certs"]
    if settings.username:
        words += ["-u", _quoted(settings.username)]
    words += ["-V", "5" if settings.version == "5" else "311", "-q", str(journey.qos)]
    words += ["-r"] if journey.retained else []
    words += ["-t", _quoted(journey.mqtt_topic or "")]
    if settings.version == "5":
        for name, value in _properties(journey):
            words += ["-D", "publish", "user-property", _quoted(name), _quoted(value)]
    hints = []
    if websockets:
        # No apostrophe here: a shell without comments would take it for an open quote.
        hints.append(
            say(
                "mosquitto_pub speaks no websockets: -p must name the TCP listener of the broker, {port} as a rule"
            ).format(port=TCP_PORT)
        )
    if settings.password_file:
        hints.append(say("add the password with -P"))
    payload = _printable(journey.payload)
    if not journey.payload:
        words.append("-n")
    elif payload is not None:
        words += ["-m", shlex.quote(payload)]
    else:
        words = [f"printf {_octal(journey.payload)}", "|", *words, "-s"]
    notes = "".join(f"# {hint}\n" for hint in hints)
    return Command(notes + " ".join(words), "; ".join(hints))


def kcat_command(journey: Journey, settings: KafkaSettings) -> Command:
    """Write the command that produces a record again, without its movement-id, so that it becomes a new movement.

    Args:
        journey: the record.
        settings: the cluster.
    """
    words = ["kcat", "-P", "-b", _quoted(",".join(dict.fromkeys(settings.brokers))), "-t", _quoted(journey.kafka_topic)]
    if journey.key is not None:
        words += ["-k", _quoted(journey.key)]
    for name, value in _properties(journey):
        if "=" not in name:
            words += ["-H", _quoted(f"{name}={value}")]
    end = next((mark for mark in DELIMITERS if mark.encode() not in journey.payload), None)
    if end != DELIMITERS[0] and end is not None:
        words += ["-D", shlex.quote(f"\\x{ord(end):02x}")]
    payload = _printable(journey.payload)
    printed = f"%s {shlex.quote(payload)}" if payload is not None else _octal(journey.payload)
    hint = "" if end is not None else say("kcat would take this payload for several records: write it to a file first")
    return Command(" ".join([f"printf {printed}", "|", *words]), hint)


def _properties(journey: Journey) -> list[tuple[str, str]]:
    return [(name, value) for name, value in journey.properties if name != MOVEMENT_ID]


def _printable(payload: bytes) -> str | None:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _quoted(text: str) -> str:
    if text.isprintable():
        return shlex.quote(text)
    return f'"$(printf {_octal(text.encode("utf-8", "replace"))})"'


def _octal(data: bytes) -> str:
    """Write bytes as an argument of printf (POSIX), with everything special to printf or the shell in octal."""
    return "'" + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03o}" for byte in data) + "'"


def json_line(item: Journey | Product) -> str:
    """Write a record as JSON on one line of ASCII.

    Bytes that are not UTF-8 are in `payload_base64`. Where the journal kept only the beginning of a payload,
    `payload_cut` is the number of bytes missing at its end.
    """
    line = json.dumps(_journey(item) if isinstance(item, Journey) else _product(item))
    return _STRING.sub(lambda text: _FORMULA.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text[0]), line)


def file_name(pane: str, at: float) -> str:
    """Name a file: `opsci-mqtt-20261123-214501.jsonl`.

    Args:
        pane: where the records are from.
        at: seconds since the epoch; the name has the local time.
    """
    return f"opsci-{pane}-{datetime.fromtimestamp(at).astimezone():%Y%m%d-%H%M%S}.jsonl"


def write_lines(folder: Path, name: str, items: Iterable[Journey | Product]) -> Path:
    """Write records to a new file readable by its owner only; if the name exists, a number is added to it.

    Returns:
        The file.

    Raises:
        OSError: it could not be written.
    """
    others = (folder / name.replace(".jsonl", f"-{number}.jsonl") for number in range(2, _MOST_OF_A_SECOND))
    path, file = new_file(chain([folder / name], others))
    with file:
        file.writelines(f"{json_line(item)}\n".encode("ascii") for item in items)
    return path


def _journey(journey: Journey) -> dict[str, object]:
    movement, rejection = journey.movement, journey.rejection
    try:
        payload: dict[str, object] = {"payload": journey.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_base64": b64encode(journey.payload).decode()}
    return {
        "movement_id": journey.movement_id,
        "mqtt_topic": journey.mqtt_topic,
        **payload,
        **({"payload_cut": journey.cut} if journey.cut else {}),
        "qos": journey.qos,
        "retained": journey.retained,
        "redelivered": journey.redelivered,
        **({"earlier": True} if journey.earlier else {}),
        "properties": journey.properties,
        "kafka_topic": journey.kafka_topic,
        "partition": journey.partition if journey.offset >= 0 else None,
        "offset": journey.offset if journey.offset >= 0 else None,
        "key": journey.key,
        "product": journey.product or None,
        "amount": movement.amount if movement else None,
        "type": movement.type if movement else None,
        "published_at": _moment(journey.published_at),
        "received_at": _moment(journey.received_at),
        "acknowledged_at": _moment(journey.acknowledged_at),
        "consumed_at": _moment(journey.consumed_at),
        "decided_at": _moment(journey.decided_at),
        "verdict": journey.verdict,
        "reason": rejection.reason if rejection else None,
        "why": rejection.text if rejection else None,
        "product_id": journey.product_id,
        "product_name": journey.product_name,
        "stock_before": journey.stock_before,
        "stock_after": journey.stock_after,
    }


def _product(product: Product) -> dict[str, object]:
    return {**product._asdict(), "changed_at": _moment(product.changed_at)}


def _moment(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at else None
