"""F9 in the middle of a session, in a real terminal, and F8."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.looking import screen_text, until
from tests.tui.marks import TOASTS
from tui.app import OpsciApp
from tui.recording.cast import Cast, Event, read
from tui.recording.check import check
from tui.recording.session import film_command
from tui.recording.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

COMMAND = [sys.executable, "-c", "import sys; from tui.cli import main; sys.exit(main())"]
ROOT = Path(__file__).parents[2]
F9 = b"\x1b[20~"
AWAY = """
drain = 1
[mqtt]
url = "mqtt://127.0.0.1:9"
[kafka]
brokers = ["127.0.0.1:9"]
[strapi]
url = "http://127.0.0.1:9"
"""


class Session:
    """A program in a terminal, with its screen."""

    def __init__(self, folder: Path) -> None:
        settings = folder / "settings.toml"
        settings.write_text(AWAY)
        self.master, slave = pty.openpty()
        self.screen = Terminal(100, 30)
        self._resize(100, 30)
        # Of another terminal, and Python believes them more than the one that is there.
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        environment = inherited | {"OPSCI_STATE": str(folder / "state"), "TERM": "xterm-256color", "LANG": "C"}
        environment |= {"XDG_VIDEOS_DIR": str(folder / "videos"), "XDG_DATA_HOME": str(folder / "data")}
        self.process = subprocess.Popen(
            [*COMMAND, "--config", str(settings)], stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=ROOT
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        self._resize(columns, rows)
        self.screen.play(Event(0, "r", f"{columns}x{rows}"))
        self.process.send_signal(28)  # SIGWINCH, which the kernel sends to a terminal's foreground group

    def until(self, text: str, *, gone: bool = False, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (text in self.screen.text) is gone:
            assert time.monotonic() < deadline, f"{text!r}\n{self.screen.text}"
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self.screen.play(Event(0, "o", os.read(self.master, 65_536).decode(errors="replace")))

    def until_drawn(self) -> None:
        """Wait for the last thing drawn: the screen opens with the layout of a larger terminal."""
        for text in ("stock chain", "named", "○ sent"):
            self.until(text)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def leave(self) -> None:
        """Press q, and read until the program has ended, as it blocks while nobody reads its output."""
        self.type(b"q")
        deadline = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.screen.text
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    os.read(self.master, 65_536)
                except OSError:
                    break
        assert self.process.wait(30) == 0

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def _resize(self, columns: int, rows: int) -> None:
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path)
    yield made
    made.close()


def recorded(folder: Path) -> Cast:
    (file,) = folder.rglob("opsci-*.cast")
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open() as lines:
        return read(lines)


def test_f9_records_from_the_middle_of_a_session(session: Session, tmp_path: Path) -> None:
    session.until_drawn()
    session.type(F9)
    session.until("● REC 00:0")
    session.type(b"?")
    session.until("Keys and signs")
    session.until("● REC 00:0")
    session.type(b"\x1b")
    session.until("Keys and signs", gone=True)
    session.resize(110, 34)
    session.until("● REC 00:")
    session.type(b"?")
    session.until("Keys and signs")
    session.type(F9)
    session.until("● REC", gone=True)
    session.type(b"\x1b")
    session.until("Keys and signs", gone=True)
    session.leave()
    cast = recorded(tmp_path)
    assert list(check(cast)) == []
    assert (cast.header.width, cast.header.height) == (100, 30)
    assert "110x34" in [event.data for event in cast.events if event.code == "r"]
    film = Terminal(100, 30)
    events = iter(cast.events)
    # The one that clears the terminal, and the one that draws it.
    for event in islice(events, 2):
        film.play(event)
    for text in ("stock chain", "Nothing has moved yet", "○ sent"):
        assert text in film.text, "it begins with a whole screen"
    for event in events:
        film.play(event)
    assert "Keys and signs" in film.text
    assert "● REC" not in "".join(event.data for event in cast.events), "the badge is for the terminal alone"


def test_the_command_that_is_shown_makes_a_film_of_what_the_videos_folder_has(session: Session, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    before = set(ROOT.iterdir())
    session.until_drawn()
    session.type(F9)
    session.until("● REC 00:0")
    session.type(F9)
    session.until("This makes a film")
    session.leave()
    (cast,) = (tmp_path / "videos").glob("opsci-*.cast")
    assert set(ROOT.iterdir()) == before, "nothing is written where the program was started"
    done = subprocess.run(film_command(cast), shell=True, check=False, capture_output=True, text=True, cwd=tmp_path)  # noqa: S602 - as a person pastes it
    assert done.returncode == 0, done.stderr
    assert cast.with_suffix(".mp4").stat().st_size > 1_000


def test_a_program_without_what_films_need_is_told_to_install_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.recording.session.find_spec", lambda name: None)
    monkeypatch.setattr("tui.recording.session.shutil.which", lambda name: None)
    install, film = film_command(Path("/tmp/a b.cast")).split(" && ")
    assert install == f"{sys.executable} -m pip install pyte pillow imageio-ffmpeg"
    assert film.endswith("record --from '/tmp/a b.cast' --mp4 '/tmp/a b.mp4'")


def test_leaving_ends_the_recording(session: Session, tmp_path: Path) -> None:
    session.until_drawn()
    session.type(F9)
    session.until("● REC 00:0")
    session.leave()
    cast = recorded(tmp_path)
    assert list(check(cast)) == []
    assert "?1049" not in "".join(event.data for event in cast.events), (
        "what the terminal is left with is no part of it"
    )


def pictures_in(folder: Path) -> list[str]:
    pictures = list(folder.glob("opsci-*.svg"))
    assert all(picture.stat().st_mode & 0o777 == 0o600 for picture in pictures)
    return [picture.read_text() for picture in pictures]


async def test_ctrl_s_keeps_pictures(engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_PICTURES_DIR", str(tmp_path))
    async with OpsciApp(engine).run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "listening" in screen_text(pilot.app))
        await pilot.press("f8", "f8")
        await until(pilot, lambda: "The screen is in" in screen_text(pilot.app))
    pictures = pictures_in(tmp_path)
    assert len(pictures) == 2
    for text in pictures:
        assert "listening" in text
        assert "@font-face" not in text, "it loads nothing from elsewhere"


@TOASTS
async def test_without_a_terminal_f9_says_so(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("f9")
    await until(pilot, lambda: "There is no terminal here" in screen_text(pilot.app))


async def test_a_folder_that_cannot_be_written_is_said(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_PICTURES_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    async with OpsciApp(engine).run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("f8")
        await until(pilot, lambda: "Not recorded" in screen_text(pilot.app))
