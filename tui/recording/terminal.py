"""A terminal that plays a cast: what its screen shows at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import OpsciError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.recording.cast import Event

__all__ = ["MissingLibraryError", "Terminal", "library"]


class MissingLibraryError(OpsciError):
    """Something that films are made with is not installed; the text says how to have it."""


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
    """A terminal of some size.

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
        """What the screen shows, a line for each row."""
        return "\n".join(self._screen.display)

    def play(self, event: Event) -> None:
        """Do what an event says."""
        if event.code == "o":
            self._stream.feed(event.data)
        elif event.code == "r":
            width, _, height = event.data.partition("x")
            self._screen.resize(lines=int(height), columns=int(width))

    def changed_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows that may have changed since the last call, by number from 0, each with pyte's cells."""
        dirty = sorted(self._screen.dirty)
        self._screen.dirty.clear()
        for number in dirty:
            if number < self._screen.lines:
                row = self._screen.buffer[number]
                yield number, [row[column] for column in range(self._screen.columns)]
