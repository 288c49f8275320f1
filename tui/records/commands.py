"""The shell command that sends a record again: `mosquitto_pub` for a message of MQTT, `kcat` for one of Kafka.

A command is pasted into a shell, so nothing in it can be more than an argument: printable text is quoted by shlex, and
what is not printable is written in octal for `printf`, which also lets bytes through that no argument can hold.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.identity import MOVEMENT_ID
from bridge.mqtt.address import read_address
from tui.language import say

if TYPE_CHECKING:
    from bridge.journal import Journey
    from bridge.settings import KafkaSettings, MqttSettings

__all__ = ["Command", "kcat_command", "mosquitto_command"]

TCP_PORT: Final = 1884
"""The broker's TCP listener in configs/mosquitto.conf, beside the websockets of the course."""

DELIMITERS: Final = ("\n", "\x1e", "\x1f", "\x00")
"""What may end a record on kcat's standard input; the first that the record does not have is taken."""


class Command(NamedTuple):
    """A command, and what a person has to know before it runs; empty where it runs as it is.

    What has to be known stands in a comment above the command as well, as it is pasted later and elsewhere.
    """

    text: str
    hint: str = ""


def mosquitto_command(journey: Journey, settings: MqttSettings) -> Command:
    """Write the command that publishes a message again.

    It carries the user properties of the message but its movement-id, so that it is a new movement.

    Args:
        journey: the message; it came over MQTT.
        settings: which broker.
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
        # Without an apostrophe, which a shell that takes no comments would wait for the end of.
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
    """Write the command that produces a record again, without its movement-id, so that it is a new movement.

    Args:
        journey: the record.
        settings: which cluster.
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
    """Bytes as an argument of printf (POSIX): what could mean something to it or to the shell is in octal."""
    return "'" + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03o}" for byte in data) + "'"
