"""Loading of the settings: flags override the environment, which overrides the file, which overrides the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.errors import SettingsError
from bridge.phrase import Phrase, in_lines, placed
from bridge.settings.constraints import impossible, with_topics
from bridge.settings.files import layers_of
from bridge.settings.model import Settings
from bridge.settings.names import SETTINGS, no_such
from bridge.settings.sources import (
    SourcedValue,
    find_settings_file,
    read_course_names,
    read_course_topics,
    read_environment,
    read_settings_file,
)
from bridge.settings.types import TABLES, check_table, check_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Loaded", "Sources", "find_settings_file", "load", "load_settings"]


@dataclass(frozen=True)
class Sources:
    """Where the settings come from.

    Attributes:
        path: a TOML file, None for none: see `find_settings_file`.
        environ: the environment: `os.environ`.
        flags: the values from the command line by dotted names; texts are parsed as in the environment.
    """

    path: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """Settings, with the source of each.

    Attributes:
        settings: all of them, checked.
        given: the effective value for each setting that was given, by its dotted name; others have defaults.
    """

    settings: Settings
    given: Mapping[str, SourcedValue]


def load_settings(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] | None = None) -> Settings:
    """Load the settings.

    Args:
        path: as in `Sources`.
        environ: as in `Sources`.
        flags: as in `Sources`.

    Returns:
        All settings, checked.

    Raises:
        SettingsError: as `load`.
    """
    return load(Sources(path, environ, flags or {})).settings


def load(sources: Sources, texts: Mapping[Path, str] | None = None) -> Loaded:
    """Load the settings, with the source of each.

    Args:
        sources: where from.
        texts: contents that replace those of files: to check a change before it is written.

    Returns:
        All settings, checked.

    Raises:
        SettingsError: something is unknown, of the wrong type or contradictory. The text has a line for each problem,
            with the file and line, variable or flag, what was found and what is allowed; it contains no secrets.
    """
    problems: list[str] = []
    layers: list[Sequence[SourcedValue]] = []
    for layer in layers_of(sources.path, texts or {}):
        from_file, wrong = read_settings_file(layer.path, (texts or {}).get(layer.path), only=layer.only)
        layers.append(from_file)
        problems += wrong
    from_environment, more = read_environment(sources.environ)
    from_flags, others = _read_flags(sources.flags)
    layers += [read_course_names(sources.environ), from_environment, from_flags]
    values, given, places, wrong = _check(layers)
    problems += more + others + wrong
    if problems:
        raise SettingsError(in_lines(problems))
    settings = _settings(values)
    if not any(one.key == "routes" for one in from_environment + from_flags):
        alone = settings.ingest.enabled and not settings.apply.enabled
        topics = read_course_topics(sources.environ, ingest_alone=alone)
        before = settings
        settings, problems = with_topics(settings, topics, places)
        if named := topics.kafka or topics.mqtt:
            given["routes"] = named
        if topics.mqtt and settings.mqtt != before.mqtt:
            given["mqtt.publish_topic"] = topics.mqtt
    if problems := problems or impossible(settings, places):
        raise SettingsError(in_lines(problems))
    return Loaded(settings, given)


def _read_flags(flags: Mapping[str, object]) -> tuple[list[SourcedValue], list[str]]:
    given: list[SourcedValue] = []
    problems: list[str] = []
    for key, value in flags.items():
        where = placed(Phrase("command line"), key)
        if key in SETTINGS:
            given.append(SourcedValue(key, value, where, text=isinstance(value, str)))
        else:
            problems.append(placed(where, no_such(key, SETTINGS)))
    return given, problems


def _check(
    layers: Sequence[Sequence[SourcedValue]],
) -> tuple[dict[str, object], dict[str, SourcedValue], dict[str, str], list[str]]:
    """Check every value, and merge the layers; later ones override earlier ones."""
    values: dict[str, object] = {}
    last: dict[str, SourcedValue] = {}
    places: dict[str, str] = {}
    problems: list[str] = []
    for layer in layers:
        keys = {given.key for given in layer if given.value != ""}
        if "strapi.token_file" in keys and "strapi.token" not in keys:
            # The engine prefers a token to a token file: an earlier layer's token must not override this file.
            values.pop("strapi.token", None)
            last.pop("strapi.token", None)
        for given in layer:
            values[given.key], wrong = check_table(given) if given.key in TABLES else check_value(given)
            problems += wrong
            last[given.key] = given
            places[given.key] = given.where
            places |= {f"{given.key}{part}": place for part, place in given.inside.items()}
    return values, last, places, problems


def _settings(values: Mapping[str, object]) -> Settings:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        setting = SETTINGS[key]
        (tree.setdefault(setting.section, {}) if setting.section else tree)[setting.name] = value
    return msgspec.convert(tree, Settings, from_attributes=True)
