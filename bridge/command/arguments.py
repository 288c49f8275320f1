"""The command line of `opsci-bridge`."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "flags_of", "parse"]

_DESCRIPTION: Final = """\
Carries stock movements from MQTT through Kafka into Strapi, without a terminal.

  run          the engine; what happens where no command is said
  check        try each server and each right, and say what is wrong
  send FILE    publish a CSV file of movements, products or events over MQTT
  trial        send five movements and show each one's way through the chain
"""

COMMANDS: Final = ("run", "check", "send", "trial")
"""What can be asked for."""

_NAMED: Final = {
    "mqtt_url": "mqtt.url",
    "broker": "kafka.brokers",
    "strapi_url": "strapi.url",
    "log_format": "log.format",
    "log_level": "log.level",
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2 and what is allowed.

    Args:
        arguments: without the program's name.

    Returns:
        `command`, and of the options those that were said.
    """
    common = _common()
    run = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    run.add_argument("--once", action="store_true", help="end when the input is exhausted, and print the account")
    parser = argparse.ArgumentParser(
        "opsci-bridge",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        parents=[common, run],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"opsci-bridge {version('opsci')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=False)
    parser.set_defaults(command="run")
    for name, about, parents in (
        ("run", "the engine", [common, run]),
        ("check", "try each server and each right, and say what is wrong", [common]),
        ("trial", "send five movements and show each one's way", [common]),
    ):
        commands.add_parser(
            name, help=about, parents=parents, argument_default=argparse.SUPPRESS, allow_abbrev=False, description=about
        )
    _add_send(commands, common)
    return parser.parse_args(arguments)


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """What the command line says of the settings, by their dotted names."""
    said = vars(options)
    flags: dict[str, object] = dict(said.get("settings", []))
    flags |= {key: said[name] for name, key in _NAMED.items() if name in said}
    if only := said.get("only"):
        flags |= {"ingest.enabled": only == "ingest", "apply.enabled": only == "apply"}
    return flags


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", type=Path, metavar="FILE", help="the settings file (see configs/opsci.toml)")
    common.add_argument(
        "--set",
        dest="settings",
        type=_setting,
        action="append",
        metavar="KEY=VALUE",
        help="one setting, as in --set mqtt.version=3.1.1; may be said again",
    )
    common.add_argument("--only", choices=("ingest", "apply"), help="one half: MQTT to Kafka, or Kafka to Strapi")
    common.add_argument("--mqtt-url", metavar="URL", help="ws://, wss://, mqtt:// or mqtts://, host and port")
    common.add_argument("--broker", action="append", metavar="HOST:PORT", help="a Kafka broker; may be said again")
    common.add_argument("--strapi-url", metavar="URL", help="http:// or https://, host and port")
    common.add_argument("--log-format", choices=("text", "json"), help="for people, or one JSON object a line")
    common.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="the least that is said")
    return common


def _add_send(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    send = commands.add_parser(
        "send",
        parents=[common],
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        help="publish a CSV file over MQTT",
        description="Publishes each row of a CSV file over MQTT at QoS 1. The header says what the rows are: "
        "id, amount, type are movements; name, barcode and more are products; value, metadata are events.",
    )
    send.add_argument("file", type=Path, metavar="FILE", help="a CSV file with a header; - reads standard input")
    send.add_argument("--topic", help="the MQTT topic, instead of the one that the settings name for such rows")
    send.add_argument("--rate", type=_rate, metavar="N", help="at most N rows a second")
    send.add_argument(
        "--resumable",
        action="store_true",
        help="derive each movement's identity from the file and the line: sent again, no row counts twice",
    )
    send.add_argument("--dry-run", action="store_true", help="read the file and say what would be sent")


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        msg = f"{key!r} is no KEY=VALUE, as in mqtt.url=ws://broker:1883"
        raise argparse.ArgumentTypeError(msg)
    return key.strip(), value


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1_000_000:
        msg = f"{text!r} is no rate: a number above 0 to 1,000,000"
        raise argparse.ArgumentTypeError(msg)
    return rate
