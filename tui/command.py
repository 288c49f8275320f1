"""`opsci-tui`: the screen on the chain that the settings name."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.collector import spare_the_rings
from bridge.errors import OpsciError, SettingsError
from tui.local_servers import LocalServers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.settings import Settings

__all__ = ["main", "parse"]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2."""
    parser = argparse.ArgumentParser(
        "opsci-tui", description="Watch stock movements pass MQTT, Kafka and Strapi, and make some."
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the settings file (default: OPSCI_CONFIG, else that of the local servers)",
    )
    parser.add_argument("--stack", action="store_true", help="start the local servers first, and stop them afterwards")
    parser.add_argument("--version", action="version", version=f"opsci {version('opsci')}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the screen until it is left.

    Args:
        arguments: the command line without the program's name; this process's by default.

    Returns:
        The exit code: 0 left as it should be, 1 the local servers did not start, 2 wrong settings or no terminal.
    """
    options = parse(arguments)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _refuse("needs a terminal; opsci-bridge runs the same chain without one", 2)
    servers = LocalServers()
    try:
        config = servers.start() if options.stack and options.config is None else options.config
        return _show(_settings(config))
    except SettingsError as error:
        return _refuse(str(error), 2)
    except OpsciError as error:
        return _refuse(str(error), 1)
    except KeyboardInterrupt:
        return 130
    finally:
        servers.stop()


def _settings(config: Path | None) -> Settings:
    from bridge.settings.load import find_settings_file, load_settings  # noqa: PLC0415 - not for --help

    settings = load_settings(find_settings_file(os.environ, config=config), os.environ)
    _check_theme(settings.screen.theme)
    return settings


def _check_theme(theme: str) -> None:
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - not for --help

    if theme not in BUILTIN_THEMES:
        allowed = ", ".join(sorted(BUILTIN_THEMES))
        raise SettingsError(f"screen.theme: found {theme!r}; allowed is one of {allowed}")


def _show(settings: Settings) -> int:
    # Late, so that --help, --version and a wrong setting answer at once.
    from bridge.embedded import EmbeddedChain  # noqa: PLC0415
    from tui.app import OpsciApp  # noqa: PLC0415

    # The journal says how each connection stands; what the clients' libraries log would spill into the terminal when
    # the screen is left.
    logging.getLogger().addHandler(logging.NullHandler())
    spare_the_rings()
    chain = EmbeddedChain(settings)
    app = OpsciApp(chain)
    try:
        app.run()
    finally:
        print("opsci: finishing what is under way", file=sys.stderr)  # noqa: T201 - the terminal is the person's again
        chain.stop()
    return app.return_code or 0


def _refuse(why: str, code: int) -> int:
    print(f"opsci-tui: {why}", file=sys.stderr)  # noqa: T201 - a program's last word
    return code
