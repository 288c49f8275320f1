"""The command line of `opsci-bridge`."""

from __future__ import annotations

import argparse
import re
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.command_line import key_and_value, utf8_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "flags_of", "parse", "read_moment", "read_offsets"]


_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_OFFSETS: Final = re.compile(r"([A-Za-z0-9._-]{1,249}):(\d{1,9}):(\d{1,18})(?:-(\d{1,18}))?")

_DESCRIPTION: Final = """\
Carries stock movements from MQTT through Kafka into Strapi, without a terminal.

  run          the engine; what happens where no command is said
  check        try each server and each right, and say what is wrong
  send FILE    publish a CSV file of movements, products ... over MQTT
  trial        send five movements and show each one's way through the chain
  replay       apply records that stand in Kafka again; the ledger counts each once
  watch        print movements as they happen, whichever engine carries them
"""

COMMANDS: Final = ("run", "check", "send", "trial", "replay", "watch")
"""The commands."""

_NAMED: Final = {
    "mqtt_url": "mqtt.url",
    "broker": "kafka.brokers",
    "strapi_url": "strapi.url",
    "log_format": "log.format",
    "log_level": "log.level",
}


def read_moment(text: str, now: float) -> float:
    """Parse a time.

    Args:
        text: ISO 8601, in this machine's zone unless it has one; or an age, `90s`, `15m`, `2h`, `3d`, `1w`.
        now: seconds since the epoch.

    Returns:
        Seconds since the epoch, not later than now.

    Raises:
        ValueError: it is neither, or later than now; the text says what is allowed.
    """
    if age := _AGE.fullmatch(text.strip()):
        return now - float(age[1]) * _SECONDS[age[2]]
    try:
        moment = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        msg = f"{text!r} is no time: 2026-11-27T08:30, 2026-11-27T08:30:00+01:00, or an age as 90s, 15m, 2h, 3d, 1w"
        raise ValueError(msg) from None
    if moment > now:
        msg = f"{text!r} is later than now"
        raise ValueError(msg)
    return moment


def read_offsets(text: str) -> tuple[str, int, int, int | None]:
    """Parse a range of offsets.

    Args:
        text: `TOPIC:PARTITION:FROM` or `TOPIC:PARTITION:FROM-TO`, both offsets included.

    Returns:
        Topic, partition, first and last offset; the last is None if none is given.

    Raises:
        ValueError: it is malformed; the text says what is allowed.
    """
    found = _OFFSETS.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no TOPIC:PARTITION:FROM or TOPIC:PARTITION:FROM-TO, as in stock:3:128-200"
        raise ValueError(msg)
    first, last = int(found[3]), None if found[4] is None else int(found[4])
    if last is not None and last < first:
        msg = f"{text!r} ends before it begins"
        raise ValueError(msg)
    return found[1], int(found[2]), first, last


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; on an error, exit with code 2 and print what is allowed.

    Args:
        arguments: without the program's name.

    Returns:
        `command`, and the options that were given.
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
    _add_replay(commands, common)
    _add_watch(commands, common)
    return parser.parse_args(arguments)


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """The settings from the command line, by their dotted names."""
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
        type=key_and_value("mqtt.url=ws://broker:1883"),
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
        "id, amount, type are movements, name, barcode are products. A header that is not known is answered with all "
        "that are.",
    )
    send.add_argument("file", type=Path, metavar="FILE", help="a CSV file with a header; - reads standard input")
    send.add_argument(
        "--topic", type=utf8_text, help="the MQTT topic, instead of the one that the settings name for such rows"
    )
    send.add_argument("--rate", type=_rate, metavar="N", help="at most N rows a second")
    send.add_argument(
        "--resumable",
        action="store_true",
        help="derive each movement's identity from the file and the line: sent again, no row counts twice",
    )
    send.add_argument(
        "--run",
        type=_run,
        metavar="NAME",
        help="repeat a run that was cut short, by the name that it said at its start",
    )
    send.add_argument(
        "--wait",
        type=_wait,
        metavar="SECONDS",
        help="how long without news to wait until the stock shows each movement, sending again what got lost; "
        "0 is content with the broker's word (default: 30)",
    )
    send.add_argument("--dry-run", action="store_true", help="read the file and say what would be sent")


def _add_replay(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    replay = commands.add_parser(
        "replay",
        parents=[common],
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        help="apply records that stand in Kafka again",
        description="Applies movements that stand in Kafka again, under the identities that they had: Strapi's ledger "
        "counts each once, so a Strapi that was restored from a backup gets what it lacks. It moves no position and "
        "works beside a running engine. Exit code 0: all that was asked for is through; 1: a server failed, or some "
        "records are no longer in Kafka; 2: the command line or the settings are wrong.",
    )
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--missing", action="store_true", help="what counts as applied in Kafka, and the ledger has not seen"
    )
    which.add_argument(
        "--since",
        type=_moment,
        metavar="TIME",
        help="what is not older: 2026-11-27T08:30, with a zone or in this machine's, or an age as 15m, 2h, 3d",
    )
    which.add_argument(
        "--offsets",
        type=_offsets,
        nargs="+",
        metavar="TOPIC:PARTITION:FROM[-TO]",
        help="these records, as in stock:3:128-200; without TO all from FROM on",
    )
    which.add_argument("--all", dest="everything", action="store_true", help="all that Kafka has")
    replay.add_argument("--dry-run", action="store_true", help="change nothing, and say what would be applied")


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    watch = commands.add_parser(
        "watch",
        parents=[common],
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        help="print movements as they happen",
        description="Prints a line for each movement once it has a verdict, whichever engine carries it. It reads MQTT "
        "at QoS 0 with a session of its own, Kafka outside of the group, and the verdicts from Strapi's ledger: it "
        "takes nothing from any engine. Connections, notes and at the end the account go to standard error. Exit code "
        "0: as asked; 1: fewer verdicts came in time than --count asked for.",
    )
    watch.add_argument("--json", dest="as_json", action="store_true", help="one JSON object a line")
    watch.add_argument("--hops", action="store_true", help="lines for MQTT and Kafka too, before the verdict")
    watch.add_argument("--count", type=_count, metavar="N", help="end after N verdicts")
    watch.add_argument("--for", dest="seconds", type=_wait, metavar="SECONDS", help="end after so many seconds")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000_000:
        msg = f"{text!r} is no count: a whole number from 1 on"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _moment(text: str) -> float:
    try:
        return read_moment(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _offsets(text: str) -> tuple[str, int, int, int | None]:
    try:
        return read_offsets(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{22}", text):
        msg = f"{text!r} is no run's name: 22 hexadecimal digits"
        raise argparse.ArgumentTypeError(msg)
    return text


def _wait(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        msg = f"{text!r} is no time to wait: seconds from 0 to 86,400"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1_000_000:
        msg = f"{text!r} is no rate: a number above 0 to 1,000,000"
        raise argparse.ArgumentTypeError(msg)
    return rate
