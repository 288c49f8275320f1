"""Films: fonts with every sign of the screen, frames of the right size, an MP4 and a GIF that players can open."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from stack.demo import fonts_beside
from stack.install import FONTS
from stack.paths import ROOT, Paths
from stack.report import Report
from stack.system_packages import Debian, SystemPackages
from tui.recording.cast import Cast, Event, Header
from tui.recording.frames import HEIGHT, WIDTH, Fonts, Frames, find_font
from tui.recording.terminal import MissingLibraryError, library
from tui.recording.video import find_ffmpeg, make_film


@pytest.fixture(autouse=True)
def fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the fonts available, installed, or unpacked where this is not root."""
    font = SystemPackages(Paths.of().cache, Report(quiet=True)).programs(FONTS)["DejaVuSansMono.ttf"]
    for name, value in fonts_beside(font).items():
        monkeypatch.setenv(name, value)


CAST = Cast(
    Header(40, 12),
    [
        Event(0, "o", "\x1b[2J\x1b[1;1H\x1b[38;2;255;0;0m██\x1b[0m ╭─╮ ok"),
        Event(0.95, "o", "\x1b[12;1H\x1b[7mend\x1b[0m"),
        Event(2, "o", "\x1b[1;1H"),
    ],
)


def signs_of_the_screen() -> set[str]:
    """Every character outside ASCII in the program's texts."""
    files = [*ROOT.glob("tui/**/*.py"), *ROOT.glob("bridge/**/*.py"), *ROOT.glob("configs/tours/*.py")]
    files += ROOT.glob("tui/language/*.po")
    # The private ones stand in rules for what is not shown.
    return {sign for file in files for sign in file.read_text() if sign.isprintable() and not sign.isascii()}


def test_the_fonts_have_every_sign() -> None:
    fonts = Fonts(10, 20)
    signs = signs_of_the_screen()
    assert {"●", "◌", "✗", "⊘", "‖", "▲", "≡", "→", "…", "▁", "é"} <= signs
    lacking = {sign for sign in signs for bold in (False, True) if fonts.having(sign, bold=bold) is None}
    assert lacking == set()
    assert fonts.having("\u4e2d", bold=False) is None


def pixel(frame: bytes, x: int, y: int) -> tuple[int, ...]:
    place = 3 * (y * WIDTH + x)
    return tuple(frame[place : place + 3])


def test_frames_show_the_cells() -> None:
    frames = Frames(CAST, 10)
    drawn = list(frames)
    assert len(drawn) == len(frames) == 20
    assert {len(frame) for frame in drawn} == {WIDTH * HEIGHT * 3}
    assert pixel(drawn[0], 5, 5) == (255, 0, 0)
    # In the last row only from its event on; reversed, so bright between the letters.
    assert pixel(drawn[8], 1, HEIGHT - 3) == (0x12, 0x12, 0x12)
    assert pixel(drawn[10], 1, HEIGHT - 3) == (0xD0, 0xD0, 0xD0)
    assert frames.lacking == set()


def test_a_sign_without_a_font_is_named() -> None:
    frames = Frames(Cast(Header(40, 12), [Event(0, "o", "\u4e2d"), Event(0.2, "o", "\x1b[H")]), 10)
    list(frames)
    assert frames.lacking == {"\u4e2d"}


def test_pauses_are_cut_as_by_a_player() -> None:
    cast = Cast(Header(40, 12, idle_time_limit=2), [Event(0, "o", "a"), Event(100, "o", "b")])
    assert len(Frames(cast, 10)) == 20


@pytest.mark.parametrize("name", ["film.mp4", "film.gif"])
def test_a_film_plays_as_long_as_its_cast(name: str, tmp_path: Path) -> None:
    made = make_film(CAST, tmp_path / name)
    assert made.seconds == 2.0
    told = subprocess.run([find_ffmpeg(), "-i", str(made.path)], check=False, capture_output=True, text=True).stderr
    duration = re.search(r"Duration: 00:00:(\d\d\.\d\d)", told)
    assert duration is not None, told
    assert float(duration[1]) == pytest.approx(2.0, abs=0.11)
    assert f"{WIDTH}x{HEIGHT}" in told


def test_what_is_missing_is_said_with_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(MissingLibraryError, match=r"pip install 'opsci\[record\]'"):
        library("PIL_that_is_not_there")
    with pytest.raises(MissingLibraryError, match="sudo apt-get install -y fonts-dejavu-core"):
        find_font("NoSuchFont.ttf", {"XDG_DATA_DIRS": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tui.recording.video.library", _not_there)
    with pytest.raises(MissingLibraryError, match="sudo apt-get install -y ffmpeg"):
        find_ffmpeg()


def test_a_font_that_was_unpacked_and_not_installed_is_found(tmp_path: Path) -> None:
    font = tmp_path / "debian" / "0123" / "usr" / "share" / "fonts" / "truetype" / "Unpacked.ttf"
    font.parent.mkdir(parents=True)
    font.touch()
    assert Debian(tmp_path, Report(quiet=True)).fonts("Unpacked.ttf") == [font]
    beside = fonts_beside(font)
    assert beside["XDG_DATA_DIRS"].endswith("/usr/share"), "those that are installed stay"
    assert find_font("Unpacked.ttf", {**beside, "XDG_DATA_HOME": str(tmp_path / "home")}) == font
    assert fonts_beside(Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")) == {}


def _not_there(name: str) -> object:
    raise MissingLibraryError(name)


def test_a_film_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        make_film(CAST, tmp_path / "nowhere" / "film.mp4")
