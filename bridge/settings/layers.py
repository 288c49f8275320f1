"""The files that settings are read from, and into which of them a change belongs.

Mostly that is one file. The one that the local servers' runner writes is written anew at each start, so nothing is
changed in it: the user's own file lies under it with its table [screen], which is a person's and no server's, and
`changes.toml` beside it lies above it with what was changed for the local servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["GENERATED", "Layer", "changes_file", "home_of", "is_generated", "layers_of", "own_file"]

GENERATED: Final = "# Written by python3 -m stack at each start"
"""How the file begins that the local servers' runner writes."""

_PERSONAL: Final = "screen"


class Layer(NamedTuple):
    """A settings file.

    Attributes:
        path: the file.
        only: the table that is read from it; empty for all.
    """

    path: Path
    only: str = ""


def own_file() -> Path:
    """The user's own settings file, whether it exists or not: `~/.config/opsci/opsci.toml`."""
    return platformdirs.user_config_path("opsci") / "opsci.toml"


def changes_file(generated: Path) -> Path:
    """What was changed for the local servers, beside the file that their runner writes."""
    return generated.with_name("changes.toml")


def is_generated(path: Path) -> bool:
    """Whether a settings file was written by the local servers' runner; False for one that can't be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith(GENERATED)
    except (OSError, UnicodeDecodeError):
        return False


def layers_of(path: Path | None, texts: Collection[Path] | Mapping[Path, str] = ()) -> list[Layer]:
    """The files to read, the later cover the earlier.

    Args:
        path: the settings file, None for none.
        texts: files that count as there though they may not be yet.

    Returns:
        The settings file; with one of the runner's the user's own before it and the changes after it, where they are.
    """
    if path is None:
        return [Layer(own_file())] if own_file() in texts else []
    if not is_generated(path):
        return [Layer(path)]
    around = (Layer(own_file(), _PERSONAL), Layer(path), Layer(changes_file(path)))
    return [layer for layer in around if layer.path == path or layer.path in texts or layer.path.is_file()]


def home_of(key: str, path: Path | None, given_in: Path | None) -> Path:
    """The file into which a change of a setting belongs.

    Args:
        key: the setting's dotted name.
        path: the settings file in use, None for none.
        given_in: the file that gives the setting now, None for none.

    Returns:
        A file, which may not exist yet.
    """
    if path is None:
        return own_file()
    if not is_generated(path):
        return path
    above = given_in in {path, changes_file(path)}
    return own_file() if key.startswith(f"{_PERSONAL}.") and not above else changes_file(path)
