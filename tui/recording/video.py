"""Films of a cast: MP4 and GIF, written by ffmpeg from frames drawn here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.child_environment import server_environment
from bridge.private_file import replaced_file
from tui.recording.frames import HEIGHT, WIDTH, Frames
from tui.recording.terminal import MissingLibraryError, library

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tui.recording.cast import Cast

__all__ = ["Made", "find_ffmpeg", "make_film"]

RATE: Final = 10
"""Frames per second: as many as the application draws."""

_MP4: Final = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
# The palette is made from the frames that change, and without dithering text stays sharp.
_GIF: Final = (
    "-filter_complex",
    "[0:v]split[a][b];[a]palettegen=max_colors=128:stats_mode=diff[p];[b][p]paletteuse=dither=none:diff_mode=rectangle",
)


class Made(NamedTuple):
    """A film that was written.

    Attributes:
        path: its file.
        seconds: its duration.
        lacking: characters that no font had.
    """

    path: Path
    seconds: float
    lacking: str


def find_ffmpeg() -> str:
    """Find ffmpeg: the machine's, else the one from PyPI's imageio-ffmpeg.

    Raises:
        MissingLibraryError: there is neither.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        program: str = library("imageio_ffmpeg").get_ffmpeg_exe()
    except (MissingLibraryError, RuntimeError):
        raise MissingLibraryError(
            "ffmpeg is not there: sudo apt-get install -y ffmpeg, or pip install imageio-ffmpeg"
        ) from None
    return program


def make_film(cast: Cast, target: Path) -> Made:
    """Make a film of 1280 by 720 pixels.

    Args:
        cast: the recording.
        target: the file to write; `.gif` makes a GIF, everything else an MP4.

    Raises:
        MissingLibraryError: a library, a font or ffmpeg is missing.
        OSError: the file can't be written.
    """
    frames = Frames(cast, RATE)
    program = find_ffmpeg()
    made = _GIF if target.suffix == ".gif" else _MP4
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", "-")
    with replaced_file(target) as fresh:
        _encode(frames, [program, "-hide_banner", "-loglevel", "error", "-y", *source, *made, str(fresh)], target)
    return Made(target, len(frames) / RATE, "".join(sorted(frames.lacking)))


def _encode(frames: Iterable[bytes], argv: list[str], target: Path) -> None:
    """Send frames to ffmpeg, which writes the file named by its last argument."""
    environ = server_environment(os.environ)
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environ) as ffmpeg,
    ):
        assert ffmpeg.stdin is not None  # noqa: S101 - for the type checker
        try:
            for pixels in frames:
                ffmpeg.stdin.write(pixels)
            ffmpeg.stdin.close()
        except BrokenPipeError:
            pass
        except BaseException:
            ffmpeg.kill()
            raise
        if ffmpeg.wait():
            said.seek(0)
            raise OSError(5, said.read().decode(errors="replace").strip() or "ffmpeg failed", str(target))
