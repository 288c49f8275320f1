"""The entry point of `opsci-bridge`: load the settings, start the log, run the command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from bridge.command.arguments import flags_of, parse
from bridge.command.check import check
from bridge.command.logs import start_logging
from bridge.command.replay import Replaying, replay
from bridge.command.run import run
from bridge.command.send import WAIT, Sending, send
from bridge.command.trial import trial
from bridge.command.watch import Watching, watch
from bridge.errors import OpsciError, SettingsError
from bridge.kafka.connect import kafka_options
from bridge.mqtt.connect import check_files
from bridge.settings.files import set_changes_aside
from bridge.settings.load import find_settings_file, load_settings
from bridge.streams import fit_streams
from bridge.tls import trust

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from bridge.settings import Settings

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; this process's by default.

    Returns:
        The exit code: 0 done, 1 a hop or a row failed, 2 the settings or the command line are wrong, 130 interrupted,
        141 the reader of a pipe closed it.
    """
    fit_streams()
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        file = find_settings_file(os.environ, config=getattr(options, "config", None))
        if moved := set_changes_aside(file):
            print(f"opsci-bridge: {moved}", file=sys.stderr)
        settings = load_settings(file, os.environ, flags_of(options))
        _check_files(settings)
        start_logging(settings, libraries=options.command != "check")
        return _dispatch(settings, options)
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"opsci-bridge: {line}", file=sys.stderr)
        return 2
    except OpsciError as error:
        print(f"opsci-bridge: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has closed it: suppress all further output, even the interpreter's flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("opsci-bridge: interrupted", file=sys.stderr)
        return 130


def _check_files(settings: Settings) -> None:
    """Read each password and CA file once, so that an unreadable one is an error now, not retried for ever."""
    check_files(settings.mqtt)
    kafka_options(settings.kafka)
    if settings.strapi.url.startswith("https:"):
        trust(settings.strapi.ca_file, "strapi.ca_file")


def _dispatch(settings: Settings, options: argparse.Namespace) -> int:
    said = vars(options)
    match options.command:
        case "check":
            return check(settings)
        case "send":
            sending = Sending(
                said["file"],
                topic=said.get("topic"),
                rate=said.get("rate"),
                resumable=said.get("resumable", False),
                run=said.get("run", ""),
                wait=said.get("wait", WAIT),
                dry_run=said.get("dry_run", False),
            )
            return send(settings, sending)
        case "replay":
            return replay(
                settings,
                Replaying(
                    missing=said.get("missing", False),
                    everything=said.get("everything", False),
                    since=said.get("since"),
                    offsets=said.get("offsets", ()),
                    dry_run=said.get("dry_run", False),
                ),
            )
        case "trial":
            return trial(settings)
        case "watch":
            watching = Watching(
                as_json=said.get("as_json", False),
                hops=said.get("hops", False),
                most=said.get("count"),
                seconds=said.get("seconds"),
            )
            return watch(settings, watching)
        case _:
            return run(settings, once=said.get("once", False))
