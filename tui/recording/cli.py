"""`opsci-tui record`: records a tour as a cast and as films, makes films from a cast, and checks a cast."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.command_line import key_and_value
from bridge.errors import OpsciError, SettingsError
from bridge.private_file import replaced_file
from tui.language import LANGUAGES, language_of, speak
from tui.local_servers import LocalServers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.settings import Settings
    from tui.recording.cast import Cast
    from tui.recording.film import Film, Script

__all__ = ["main", "parse"]


_LEAST = (80, 28)
_MOST = (320, 100)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the arguments after `record`; wrong ones end the program with exit code 2."""
    parser = argparse.ArgumentParser(
        "opsci-tui record",
        description="Film the screen by a tour. F9 records a session of your own; --from makes films of it.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--tour", type=Path, metavar="FILE", help="play this tour, as configs/tours/demo.py")
    what.add_argument("--from", dest="source", type=Path, metavar="CAST", help="make films of this recording")
    what.add_argument("--check", type=Path, metavar="CAST", help="play it and verify what its chapters promise")
    parser.add_argument("--out", type=Path, metavar="CAST", help="write the tour's recording, for asciinema play")
    parser.add_argument("--mp4", type=Path, metavar="FILE", help="write a film of 1280 by 720 pixels")
    parser.add_argument("--gif", type=Path, metavar="FILE", help="write a GIF")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write the tour's still")
    parser.add_argument("--lang", choices=LANGUAGES, help="speak this language (default: that of the settings)")
    parser.add_argument("--size", type=_size, default="128x36", metavar="WxH", help="in cells (default: 128x36)")
    parser.add_argument(
        "--stepped", action="store_true", help="without servers and by a given clock: the same bytes at every run"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the settings file, as without record")
    parser.add_argument("--stack", action="store_true", help="start the local servers first, and stop them afterwards")
    parser.add_argument(
        "--set",
        dest="settings",
        type=key_and_value("screen.theme=nord"),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting",
    )
    options = parser.parse_args(arguments)
    if options.tour and not (options.out or options.mp4 or options.gif or options.svg):
        parser.error("say what to make: --out, --mp4, --gif or --svg")
    if options.source and not (options.mp4 or options.gif):
        parser.error("say what to make of it: --mp4 or --gif")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Returns:
        The exit code: 0 done, 1 a step failed, a promise is not kept or something is missing, 2 a wrong command line or
        wrong settings, 130 interrupted.
    """
    options = parse(arguments)
    try:
        if options.check:
            return _check(options.check)
        cast = _read(options.source) if options.source else _film(options)
        for target in (options.mp4, options.gif):
            if target is not None:
                _make(cast, target)
    except SettingsError as error:
        return _refuse(str(error), 2)
    except OpsciError as error:
        return _refuse(str(error), 1)
    except OSError as error:
        return _refuse(f"{error.filename or ''}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return 130
    return 0


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (_LEAST[0] <= width <= _MOST[0] and _LEAST[1] <= height <= _MOST[1]):
        least, most = "x".join(map(str, _LEAST)), "x".join(map(str, _MOST))
        raise argparse.ArgumentTypeError(f"{text!r} is no size from {least} to {most}, as 128x36")
    return width, height


def _read(path: Path) -> Cast:
    from tui.recording.cast import CastError, read  # noqa: PLC0415 - not for --help

    try:
        with path.open(encoding="utf-8") as lines:
            return read(lines)
    except CastError as error:
        raise CastError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise CastError(f"{path}: it is not text, so no cast") from None


def _check(path: Path) -> int:
    from tui.recording.check import check  # noqa: PLC0415 - not for --help

    cast = _read(path)
    faults = list(check(cast))
    for fault in faults:
        _say(f"{path}: {fault}")
    if faults:
        _say(f"{path}: {len(faults)} {'fault' if len(faults) == 1 else 'faults'}")
        return 1
    promises = cast.header.opsci.promises if cast.header.opsci else ()
    kept = f"{len(promises)} chapters show what they promise" if promises else "no chapter promises anything"
    _say(f"{path}: {cast.duration:.1f} s, {cast.header.width}x{cast.header.height}, {len(cast.events)} events; {kept}")
    return 0


def _film(options: argparse.Namespace) -> Cast:
    began = time.monotonic()
    _say(f"filming {options.tour}{' in steps' if options.stepped else ''}")
    film = _stepped(options) if options.stepped else _live(options)
    cast = film.cast
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(options.out) as fresh, fresh.open("w", encoding="utf-8") as file:
            file.writelines(cast.lines())
    if options.svg is not None:
        options.svg.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(options.svg) as fresh:
            fresh.write_text(film.picture, encoding="utf-8")
    for target in (options.out, options.svg):
        if target is not None:
            _say(f"{target}: {cast.duration:.1f} s filmed in {time.monotonic() - began:.0f} s")
    return cast


def _stepped(options: argparse.Namespace) -> Film:
    from bridge.settings.load import Sources, load  # noqa: PLC0415 - not for --help

    # Settings from this machine would change the film.
    settings = load(Sources(options.config, {}, dict(options.settings))).settings
    script = _script(options, settings, {})
    from tui.recording.film import film_stepped  # noqa: PLC0415 - not for --help

    return film_stepped(script, settings)


def _live(options: argparse.Namespace) -> Film:
    from bridge.embedded import EmbeddedChain  # noqa: PLC0415 - not for --help
    from bridge.settings.load import Sources, find_settings_file, load  # noqa: PLC0415

    servers = LocalServers()
    try:
        config = servers.start() if options.stack and options.config is None else options.config
        file = find_settings_file(os.environ, config=config)
        settings = load(Sources(file, os.environ, dict(options.settings))).settings
        script = _script(options, settings, os.environ)
        from tui.recording.film import film_live  # noqa: PLC0415
        from tui.recording.servers import RunnerServers  # noqa: PLC0415 - not for --help

        chain = EmbeddedChain(settings)
        try:
            return asyncio.run(film_live(chain, script, RunnerServers(file)))
        finally:
            chain.stop()
    finally:
        servers.stop()


def _script(options: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> Script:
    language = language_of(options.lang or settings.screen.language, environ)
    speak(language)
    try:
        from tui.recording.film import Script, Size  # noqa: PLC0415 - not for --help
    except ImportError as error:
        raise OpsciError(f"no tour can be filmed here: {error}") from error

    return Script(options.tour, language, Size(*options.size))


def _make(cast: Cast, target: Path) -> None:
    from tui.recording.video import make_film  # noqa: PLC0415 - not for --check

    began = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    made = make_film(cast, target)
    _say(f"{target}: {made.seconds:.1f} s of film made in {time.monotonic() - began:.0f} s")
    if made.lacking:
        _say(f"no font has {' '.join(made.lacking)}: a box stands in their place")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a program did


def _refuse(why: str, code: int) -> int:
    print(f"opsci-tui: {why}", file=sys.stderr)  # noqa: T201 - a program's last word
    return code
