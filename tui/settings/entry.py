"""A setting as the settings screen shows it: its page, and how it is edited."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

__all__ = ["CONNECTING", "Entry", "Kind", "Page"]


class Kind(Enum):
    """How a setting is edited."""

    SWITCH = "switch"
    CHOICE = "choice"
    LINE = "line"
    SECRET = "secret"  # noqa: S105 - a kind of field
    TABLE = "table"
    """Several lines of TOML."""


class Page(Enum):
    """A page of the settings screen."""

    CONNECTION = "connection"
    """The servers' addresses and our credentials."""
    SCREEN = "screen"
    ADVANCED = "advanced"


CONNECTING: Final = frozenset(
    {
        *("mqtt.url", "mqtt.username", "mqtt.password_file", "mqtt.ca_file", "mqtt.publish_topic"),
        *("kafka.brokers", "kafka.group", "kafka.security", "kafka.mechanism"),
        *("kafka.username", "kafka.password_file", "kafka.ca_file"),
        *("strapi.url", "strapi.token", "strapi.token_file", "strapi.ca_file", "strapi.mode", "strapi.products"),
        *("strapi.stock_field", "routes"),
    }
)
"""The settings of the first page. The second has the screen's, the last one all others."""


class Entry(NamedTuple):
    """A setting as the screen shows it.

    Attributes:
        key: its dotted name.
        section: its table, empty for one at the top.
        name: its name there.
        variable: its environment variable.
        kind: how it is edited.
        choices: the choices of a CHOICE.
        allowed: its valid values and unit, in the loader's words.
        about: its purpose, in the model's words.
        page: the page of the settings screen that has it.
        unit: the unit of its number, as in the model; empty if it has none.
        least: the least number allowed; None if there is none, or if it is excluded.
        most: the greatest number allowed; None if there is none.
    """

    key: str
    section: str
    name: str
    variable: str
    kind: Kind
    choices: tuple[str, ...]
    allowed: str
    about: str
    page: Page
    unit: str = ""
    least: float | None = None
    most: float | None = None
