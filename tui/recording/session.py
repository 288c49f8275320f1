"""F9: a recording of a session from the middle of it, into a file, and F8: a still."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from bridge.private_file import make_folder, new_file
from bridge.text import UNSAFE, readable
from tui.language import say
from tui.recording.cast import BEGIN, CastWriter, Event, Header, encode_event, encode_header, ending
from tui.recording.colours import theme_of
from tui.recording.driver import Camera, filmed

if TYPE_CHECKING:
    from textual.app import App
    from textual.timer import Timer

__all__ = ["SessionRecorder", "film_command", "still"]

IDLE: Final = 2.0
"""Seconds after which a player cuts a pause of a session."""

_TOLD: Final = 30.0
"""Seconds for which the command that makes a film is shown."""

_FONT_FACES: Final = re.compile(r"@font-face \{.*?\}\s*", re.S)


def still(app: App[None]) -> str:
    """Return the screen as SVG that loads nothing external and contains no unsafe character."""
    picture = _FONT_FACES.sub("", app.export_screenshot(title="opsci-tui"))
    return UNSAFE.sub(lambda found: readable(found[0]), picture)


class SessionRecorder:
    """Records the session of an application.

    Args:
        app: the application; its driver is replaced by one that can be recorded.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._camera = Camera()
        self._file: TextIO | None = None
        self._tape: CastWriter | None = None
        self._path = Path()
        self._ticks: Timer | None = None
        app.driver_class = filmed(app.driver_class, self._camera)

    @property
    def seconds(self) -> float | None:
        """Seconds recorded so far; None while not recording."""
        return None if self._tape is None else self._tape.seconds

    def toggle(self) -> None:
        """Start or stop recording."""
        if self._tape is None:
            self._begin()
        else:
            self._end()

    def resized(self, width: int, height: int) -> None:
        """Record the terminal's new size in cells."""
        if self._tape is not None:
            self._tape.resize(width, height)

    def keep_still(self) -> None:
        """Write the screen as SVG into a new file in the user's folder for pictures."""
        try:
            path, file = _new_file("svg")
            with file:
                file.write(still(self._app))
        except OSError as error:
            self._refuse(error)
            return
        self._app.notify(readable(say("The screen is in {path}").format(path=path)), title=say("Picture"), markup=False)

    def _begin(self) -> None:
        app = self._app
        if self._camera.driver is None:
            text = say("There is no terminal here whose output could be recorded")
            app.notify(text, title=say("Not recorded"), severity="warning", markup=False)
            return
        try:
            self._path, self._file = _new_file("cast")
            self._write(encode_header(_header(app)))
        except OSError as error:
            self._refuse(error)
            return
        text = say("Into {path}; the same key ends it").format(path=self._path)
        app.notify(readable(text), title=say("Recording"), markup=False)
        self._tape = CastWriter(time.monotonic, self._keep)
        self._tape.output(BEGIN)
        self._camera.output = self._tape.output
        # Redraw everything, so that the recording starts with a complete screen.
        app.refresh()
        self._camera.left = self._close
        self._ticks = app.set_interval(0.5, self._show_badge)
        self._show_badge()

    def _end(self) -> None:
        seconds = self._tape.seconds if self._tape is not None else 0.0
        self._close()
        # The badge is not part of the application, so redraw over it.
        self._app.refresh()
        text = say("{seconds} s are in {path}. This makes a film of it:").format(
            seconds=f"{seconds:.0f}", path=self._path
        )
        told = f"{readable(text)}\n{readable(film_command(self._path))}"
        self._app.notify(told, title=say("Recorded"), markup=False, timeout=_TOLD)

    def _close(self) -> None:
        tape, self._tape = self._tape, None
        self._camera.output = self._camera.left = None
        self._camera.badge = ""
        if self._ticks is not None:
            self._ticks.stop()
        if tape is not None:
            tape.output(ending(self._app.size.height))
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, event: Event) -> None:
        try:
            self._write(encode_event(event))
        except OSError as error:
            self._file = None
            self._close()
            self._app.call_next(self._refuse, error)

    def _write(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line)
            self._file.flush()

    def _refuse(self, error: OSError) -> None:
        text = say("Make this folder writable, or name another in XDG_VIDEOS_DIR or XDG_PICTURES_DIR: {where}: {why}")
        said = text.format(where=error.filename or os.curdir, why=error.strerror or error)
        self._app.notify(readable(said), title=say("Not recorded"), severity="error", markup=False)

    def _show_badge(self) -> None:
        if self._tape is None:
            return
        minutes, seconds = divmod(int(self._tape.seconds), 60)
        text = f" ● REC {minutes:02d}:{seconds:02d} "
        column = max(1, self._app.size.width - len(text) + 1)
        self._camera.badge = f"\x1b7\x1b[1;{column}H\x1b[0;1;97;41m{text}\x1b[0m\x1b8"
        self._camera.driver.draw_badge()  # type: ignore[union-attr]


def _header(app: App[None]) -> Header:
    width, height = app.size
    names = ("TERM", "SHELL", "COLORTERM")
    return Header(
        width,
        height,
        timestamp=int(time.time()),
        title="opsci-tui",
        idle_time_limit=IDLE,
        env={name: os.environ[name] for name in names if name in os.environ},
        theme=theme_of(app),
    )


def film_command(cast: Path) -> str:
    """Return the command, for a shell, that makes a film of a recording with this program's own installation.

    Where packages for films are missing in it, the command installs them first.

    Args:
        cast: the recording.
    """
    script = Path(sys.executable).with_name("opsci-tui")
    program = [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "tui"]
    command = shlex.join([*program, "record", "--from", str(cast), "--mp4", str(cast.with_suffix(".mp4"))])
    needed = {"pyte": "pyte", "PIL": "pillow"}
    if shutil.which("ffmpeg") is None:
        needed["imageio_ffmpeg"] = "imageio-ffmpeg"
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if not missing:
        return command
    return f"{shlex.join([sys.executable, '-m', 'pip', 'install', *missing])} && {command}"


def _folder(suffix: str) -> Path:
    """The user's folder for videos or pictures if it exists, else one of ours in the user's data."""
    import platformdirs  # noqa: PLC0415 - few record

    users = platformdirs.user_videos_path() if suffix == "cast" else platformdirs.user_pictures_path()
    if users.is_dir():
        return users
    ours = platformdirs.user_data_path("opsci") / "recordings"
    make_folder(ours)
    return ours


def _new_file(suffix: str) -> tuple[Path, TextIO]:
    """Create a file named after the current time in the user's folder for it, readable by its owner only."""
    folder = _folder(suffix)
    stem = time.strftime("opsci-%Y%m%d-%H%M%S")
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.{suffix}" for number in range(1, 100))
    path, file = new_file(folder / name for name in names)
    return path, io.TextIOWrapper(file, encoding="utf-8", newline="\n")
