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
    """Where the servers are, and as whom we come."""
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
"""The settings of the first page; those of the screen have a page too, and all others are on the last one."""


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
        unit: what its number counts, as the model names it; empty for none.
        least: the least number allowed, None where there is none or it is not allowed itself.
        most: the greatest number allowed, None where there is none.
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
