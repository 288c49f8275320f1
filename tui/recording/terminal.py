"""A terminal emulator that plays a cast and gives its screen at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import OpsciError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.recording.cast import Event

__all__ = ["MissingLibraryError", "Terminal", "library"]


class MissingLibraryError(OpsciError):
    """A dependency of film making is not installed; the message says how to install it."""


def library(name: str) -> Any:
    """Import a library of the install group `record`.

    Raises:
        MissingLibraryError: it is not installed.
    """
    import importlib  # noqa: PLC0415 - only where a film is made or checked

    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("PIL", "pillow").replace("_", "-")
        raise MissingLibraryError(
            f"{package} is not installed: pip install 'opsci[record]', or pip install {package}"
        ) from error


class Terminal:
    """A terminal of a given size.

    Args:
        width: columns.
        height: rows.
    """

    def __init__(self, width: int, height: int) -> None:
        pyte = library("pyte")
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self._screen)

    @property
    def size(self) -> tuple[int, int]:
        return self._screen.columns, self._screen.lines

    @property
    def text(self) -> str:
        """The text of the screen, one line per row."""
        return "\n".join(self._screen.display)

    def play(self, event: Event) -> None:
        """Play an event."""
        if event.code == "o":
            self._stream.feed(event.data)
        elif event.code == "r":
            width, _, height = event.data.partition("x")
            self._screen.resize(lines=int(height), columns=int(width))

    def changed_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows that may have changed since the last call, by number from 0, each with pyte's cells."""
        dirty = sorted(self._screen.dirty)
        self._screen.dirty.clear()
        for number in dirty:
            if number < self._screen.lines:
                row = self._screen.buffer[number]
                yield number, [row[column] for column in range(self._screen.columns)]
