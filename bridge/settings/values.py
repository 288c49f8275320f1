"""Values as they were given, checked against the type of their setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from bridge.settings.names import SETTINGS
from bridge.settings.wording import allowed, found

if TYPE_CHECKING:
    from bridge.settings.given import Given

__all__ = ["check_as", "check_value"]


def check_value(given: Given) -> tuple[object, list[str]]:
    """Read a value as the type of its setting, which is one value or a list of such.

    Args:
        given: a value for a setting that exists and is no table, see `check_table`.

    Returns:
        The value as the model takes it, and what is wrong with it; with something wrong the value means nothing.
    """
    kind = SETTINGS[given.key].kind
    value = given.value
    if given.text and isinstance(value, str):
        value = value.strip()
        if isinstance(_bare(kind), inspect.ListType):
            value = [part.strip() for part in value.split(",") if part.strip()]
    return check_as(given.key, given.where, value, kind, text=given.text)


def check_as(key: str, where: str, value: object, kind: Any, *, text: bool = False) -> tuple[object, list[str]]:
    """Read a value as a type.

    Args:
        key: the dotted name of the setting that it belongs to.
        where: how a message names the place where it was given.
        value: what was given.
        kind: the type with its bounds.
        text: whether to read a text as the type.

    Returns:
        As `check_value`.
    """
    try:
        return msgspec.convert(value, kind, strict=not text), []
    except msgspec.ValidationError:
        return None, [f"{where}: found {found(key, value)}; allowed: {allowed(kind)}"]


def _bare(kind: Any) -> inspect.Type:
    described = inspect.type_info(kind)
    return described.type if isinstance(described, inspect.Metadata) else described
