"""A value that someone gave a setting, with where they gave it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Given"]


class Given(NamedTuple):
    """One value as it stands in a file, the environment or on the command line; not checked yet.

    Attributes:
        key: the setting's dotted name.
        value: what stands there.
        where: how a message names the place: the file with its line, the variable, the flag.
        text: whether it is text to be read as the setting's type: the environment has nothing else.
        inside: how a message names the places inside of it, by what follows the key: `[0].kafka`.
        file: the file it stands in; None for the environment and the command line.
    """

    key: str
    value: object
    where: str
    text: bool = False
    inside: Mapping[str, str] = MappingProxyType({})
    file: Path | None = None

    def at(self, part: str) -> str:
        """How a message names a place inside of it."""
        return self.inside.get(part, f"{self.where}{part}")
