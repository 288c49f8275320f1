"""The settings by their dotted names, `mqtt.url`, as the file, the environment and the command line call them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import fields

from bridge.settings.model import Settings

__all__ = ["SECRET", "SECTIONS", "SETTINGS", "Setting"]

SECRET: Final = frozenset({"strapi.token"})
"""The settings whose value never stands in a message."""


class Setting(NamedTuple):
    """One setting.

    Attributes:
        section: the table it stands in, empty for one at the top.
        name: its key there.
        kind: its type with its bounds.
    """

    section: str
    name: str
    kind: Any

    @property
    def key(self) -> str:
        """The dotted name."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"OPSCI_{self.key.replace('.', '_').upper()}"


def _settings() -> list[Setting]:
    found: list[Setting] = []
    for field in fields(Settings):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found += [Setting(field.name, inner.name, inner.type) for inner in fields(field.type)]
        else:
            found.append(Setting("", field.name, field.type))
    return found


SETTINGS: Final = {setting.key: setting for setting in _settings()}
"""Every setting by its dotted name, in the order of the model."""

SECTIONS: Final = tuple(dict.fromkeys(setting.section for setting in SETTINGS.values() if setting.section))
"""The tables of the settings file."""
