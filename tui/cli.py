"""`opsci-tui`: the screen on the chain that the settings name."""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bridge.command_line import LEAVE_SERVERS, key_and_value
from bridge.errors import OpsciError, SettingsError
from bridge.phrase import Phrase
from bridge.runtime import collect_rarely
from bridge.streams import fit_streams
from tui.language import language_of, say, speak
from tui.local_servers import LocalServers
from tui.scheduler import screen_loop
from tui.serve.address import LOOPBACK, PORT, Listen
from tui.serve.windows import serve_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.embedded import EmbeddedChain, Role
    from bridge.server_start import ServerStart
    from bridge.settings import Settings
    from bridge.settings.load import Sources
    from tui.app import OpsciApp
    from tui.screens.main import CarriedOver

    Part: TypeAlias = Role | Literal["look"]

__all__ = ["main", "parse"]


_ESCAPE: Final = "25"
"""Milliseconds after which a lone escape character counts as the Esc key, unless the environment sets ESCDELAY.

Textual's default of 100 ms is noticeable; terminals write the bytes of a sequence at once.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2."""
    parser = argparse.ArgumentParser(
        "opsci-tui",
        description="Watch stock movements pass MQTT, Kafka and Strapi, and make some.",
        epilog="opsci-tui record --help: film the screen by a tour, make films of a recording, check one.",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the settings file (default: OPSCI_CONFIG, else that of the local servers)",
    )
    parser.add_argument("--stack", action="store_true", help="start the local servers first, and stop them afterwards")
    parser.add_argument(
        "--set",
        dest="settings",
        type=key_and_value("screen.theme=nord"),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, as in --set screen.theme=nord; may be said again",
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        type=_listen,
        const=Listen(),
        metavar="[ADDRESS:]PORT",
        help=f"offer the screen to browsers, at http://{LOOPBACK}:{PORT} unless another place is named; beyond this "
        "machine, as with 0.0.0.0:PORT, it asks for a password",
    )
    roles = parser.add_mutually_exclusive_group()
    roles.add_argument(
        "--watch",
        dest="role",
        action="store_const",
        const="watch",
        default="auto",
        help="only watch what other engines carry; without it this is so where one carries the chain already",
    )
    roles.add_argument(
        "--carry",
        dest="role",
        action="store_const",
        const="carry",
        help="carry the chain even beside an engine that does",
    )
    parser.add_argument(
        "--drive", action="store_true", help="with --serve: whoever opens a window drives the chain, and not only looks"
    )
    parser.add_argument(
        "--windows", type=_count, default=32, metavar="N", help="with --serve: how many windows at a time (default: 32)"
    )
    parser.add_argument("--window", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--ask-about-servers", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--starting", type=int, metavar="SOCKET", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"opsci {version('opsci')}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the screen until the user leaves it.

    Args:
        arguments: the command line without the program's name; this process's by default.

    Returns:
        The exit code: 0 normal exit, 1 the local servers did not start, 2 wrong settings or no terminal, LEAVE_SERVERS
        where the runner that opened it must leave its servers running.
    """
    fit_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["record"]:
        from tui.recording.cli import main as record  # noqa: PLC0415 - not for the screen

        return record(given[1:])
    options = parse(given)
    # Until the settings are read, which may be what fails.
    speak(language_of("auto", os.environ))
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not (on_terminal or options.window or options.serve):
        return _refuse(Phrase("needs a terminal; opsci-bridge runs the same chain without one"), 2)
    os.environ.setdefault("ESCDELAY", _ESCAPE)
    servers = LocalServers()
    try:
        config = servers.start() if options.stack and options.config is None else options.config
        flags = dict(options.settings)
        if options.serve:
            return _serve(options.serve, config, flags, drive=options.drive, windows=options.windows)
        looks = options.window is not None and not options.drive
        code = _run(
            config,
            flags,
            options.window,
            "look" if looks else options.role,
            asks=servers.started or options.ask_about_servers,
            starting=options.starting,
        )
        if code == LEAVE_SERVERS and servers.started:
            servers.leave()
            return 0
        return code
    except OpsciError as error:
        return _refuse(error.text, 2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        return 130
    finally:
        servers.stop()


def _listen(text: str) -> Listen:
    from bridge.http.guard import host_name  # noqa: PLC0415 - not for the screen

    host, colon, port = text.rpartition(":")
    # An empty host would mean every address of this machine, which must be written explicitly.
    if not port.isdecimal() or not 1 <= int(port) <= 65_535 or (colon and host_name(host) is None):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no port: a whole number from 1 to 65,535, or one after an address of this machine, as in "
            f"0.0.0.0:{PORT} or [::]:{PORT}"
        )
    return Listen(host.strip("[]"), int(port)) if colon else Listen(port=int(port))


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of windows: a whole number from 1 to 1,000")
    return int(text)


def _serve(listen: Listen, config: Path | None, flags: Mapping[str, str], *, drive: bool, windows: int) -> int:
    """Serve the screen to browsers; wrong settings are reported here rather than in each window."""
    from bridge.settings.load import find_settings_file, load_settings  # noqa: PLC0415

    settings = load_settings(find_settings_file(os.environ, config=config), os.environ, flags)
    _check_theme(settings.screen.theme)
    language = language_of(settings.screen.language, os.environ)
    speak(language)
    password_file = settings.screen.serve_password_file
    serve_windows(listen, config, flags, language, drive=drive, windows=windows, password_file=password_file)
    return 0


def _run(
    config: Path | None,
    flags: Mapping[str, object],
    window: Path | None,
    role: Part,
    *,
    asks: bool,
    starting: int | None = None,
) -> int:
    """Show the chain, restarting the screen whenever its settings are changed on it.

    Args:
        config: the settings file named on the command line.
        flags: the settings given on the command line.
        window: in a browser window, the file that says whose turn it is; its page opens the next window itself.
        role: what the first chain does beside other engines, "look" for one that changes nothing; later chains keep the
            role that the previous one had at its end.
        asks: whether servers are stopped once this ends, unless the user asks to keep them.
        starting: the socket on which the runner reports the start of the servers; None if they run already.

    Returns:
        The exit code.
    """
    # Imported here so that --help, --version and wrong settings are answered quickly.
    from bridge.settings.files import set_changes_aside  # noqa: PLC0415
    from bridge.settings.load import Sources, find_settings_file, load  # noqa: PLC0415

    start: ServerStart | None = None
    if starting is not None:
        from bridge.server_start import ServerStart  # noqa: PLC0415

        start = ServerStart(starting)
    chain: EmbeddedChain | None = None
    notice = ""
    app: OpsciApp | None = None
    try:
        while True:
            file = find_settings_file(os.environ, config=config)
            moved = set_changes_aside(file)
            sources = Sources(file, os.environ, flags)
            settings = load(sources).settings
            _check_theme(settings.screen.theme)
            if chain is None:
                speak(language_of(settings.screen.language, os.environ))
            if moved:
                notice = say(moved)
            _check_keys(settings.screen.keys)
            chain, before = _after(app, settings, chain, window, role, start=start)
            app = _show(chain, sources, notice, before, asks=asks)
            if not app.starts_anew or window is not None:
                return LEAVE_SERVERS if app.leaves_servers else app.return_code or 0
            notice = app.notice
    finally:
        if chain is not None:
            _stop(chain)


def _after(
    app: OpsciApp | None,
    settings: Settings,
    chain: EmbeddedChain | None,
    window: Path | None,
    role: Part = "carry",
    *,
    start: ServerStart | None = None,
) -> tuple[EmbeddedChain, CarriedOver | None]:
    """Return the chain for the settings, and the state that the previous screen leaves to the next one."""
    before = None if app is None else app.carried_over(settings)
    return _chain_for(settings, chain, window, role, start), before


def _chain_for(
    settings: Settings,
    chain: EmbeddedChain | None,
    window: Path | None,
    role: Part = "carry",
    start: ServerStart | None = None,
) -> EmbeddedChain:
    """Return the running chain if the settings leave it as it is, else one that continues after it has ended."""
    from msgspec.structs import replace  # noqa: PLC0415

    from bridge.embedded import EmbeddedChain  # noqa: PLC0415

    if chain is not None:
        # Of the screen's settings, the chain itself uses only how much its journal keeps.
        same = replace(settings, screen=replace(chain.settings.screen, keep=settings.screen.keep))
        if same == chain.settings:
            chain.settings = settings
            return chain
        _stop(chain)
        role = "watch" if chain.watches else "carry"
    if role == "look":
        return EmbeddedChain(settings, role="watch", read_only=True)
    if window is not None:
        from tui.serve.instance_lock import WaitingChain  # noqa: PLC0415

        return WaitingChain(settings, window)
    return EmbeddedChain(settings, chain, role=role, starting=start)


def _show(chain: EmbeddedChain, sources: Sources, notice: str, before: CarriedOver | None, *, asks: bool) -> OpsciApp:
    from tui.app import OpsciApp  # noqa: PLC0415

    # The journal shows the state of each connection; log output of the client libraries would spill into the terminal
    # when the screen exits.
    logging.getLogger().addHandler(logging.NullHandler())
    collect_rarely()
    if isinstance(sys.__stderr__, io.TextIOWrapper):
        # Textual paints to this stream. Its lines and symbols need UTF-8, which terminals understand whatever the
        # locale says.
        sys.__stderr__.reconfigure(encoding="utf-8")
    app = OpsciApp(chain, sources, running=chain.running, before=before)
    app.notice = notice
    app.asks_about_servers = asks
    with asyncio.Runner(loop_factory=screen_loop) as runner:
        runner.run(app.run_async())
    return app


def _stop(chain: EmbeddedChain) -> None:
    print("opsci:", say("finishing what is under way"), file=sys.stderr)  # noqa: T201 - the terminal is free again
    chain.stop()


def _check_keys(keys: Mapping[str, str]) -> None:
    if keys:
        from tui.settings.keys import check_keys  # noqa: PLC0415

        check_keys(keys)


def _check_theme(theme: str) -> None:
    from tui.theme import theme_names  # noqa: PLC0415 - not for --help

    if theme not in theme_names():
        allowed = ", ".join(sorted(theme_names()))
        said = Phrase("screen.theme: found {theme}; allowed is one of {allowed}", theme=repr(theme), allowed=allowed)
        raise SettingsError(said)


def _refuse(why: str, code: int) -> int:
    print(f"opsci-tui: {say(why)}", file=sys.stderr)  # noqa: T201 - a program's last word
    return code
