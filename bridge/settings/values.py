"""Values as they were given, checked against the type of their setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from bridge.route import Does, Route
from bridge.settings.model import TopicName
from bridge.settings.names import SETTINGS
from bridge.settings.wording import allowed, did_you_mean, found

if TYPE_CHECKING:
    from bridge.settings.given import Given

__all__ = ["check_as", "check_value"]

_ROUTE: Final = {"mqtt": str, "kafka": TopicName, "does": Does}
_NEEDED: Final = ("mqtt", "kafka")


def check_value(given: Given) -> tuple[object, list[str]]:
    """Read a value as the type of its setting.

    Args:
        given: a value for a setting that exists.

    Returns:
        The value as the model takes it, and what is wrong with it; with something wrong the value means nothing.
    """
    if given.key == "routes":
        return _routes(given)
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


def _routes(given: Given) -> tuple[object, list[str]]:
    value = given.value
    if given.text and isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            return None, [f"{given.where}: it is a JSON list of routes, and this is no JSON: {error}"]
    if not isinstance(value, list) or not value:
        return None, [
            f"{given.where}: found {found('routes', value)}; allowed: a list of at least one [[routes]] table"
        ]
    routes: list[Route] = []
    problems: list[str] = []
    for number, item in enumerate(value):
        route, wrong = _route(given, f"[{number}]", item)
        problems += wrong
        if route is not None:
            routes.append(route)
    return routes, problems


def _route(given: Given, part: str, item: object) -> tuple[Route | None, list[str]]:
    if not isinstance(item, dict):
        return None, [f"{given.at(part)}: found {found('routes', item)}; allowed: a table with mqtt, kafka and does"]
    problems = [
        f"{given.at(f'{part}.{name}')}: there is no such setting; {did_you_mean(str(name), _ROUTE)}"
        for name in item
        if name not in _ROUTE
    ]
    problems += [f"{given.at(part)}: {name} is missing" for name in _NEEDED if name not in item]
    read: dict[str, object] = {}
    for name in _ROUTE.keys() & item.keys():
        read[name], wrong = check_as("routes", given.at(f"{part}.{name}"), item[name], _ROUTE[name])
        problems += wrong
    return (None, problems) if problems else (msgspec.convert(read, Route), [])
