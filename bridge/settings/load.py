"""Loading the settings: flags before the environment, the environment before the file, the file before the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bridge.errors import SettingsError
from bridge.settings.environment import read_course_names, read_course_topics, read_environment
from bridge.settings.file import find_settings_file, read_settings_file
from bridge.settings.given import Given
from bridge.settings.model import Settings
from bridge.settings.names import SETTINGS
from bridge.settings.possible import impossible
from bridge.settings.tables import TABLES, check_table
from bridge.settings.topics import with_topics
from bridge.settings.values import check_value
from bridge.settings.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["find_settings_file", "load_settings"]


def load_settings(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object] | None = None) -> Settings:
    """Load the settings.

    Args:
        path: a TOML file, None for none: see `find_settings_file`.
        environ: the environment: `os.environ`.
        flags: what the command line says, by dotted names; texts are read as in the environment.

    Returns:
        All settings, checked.

    Raises:
        SettingsError: something is unknown, of the wrong type or impossible. The text has a line for each, with the
            file and line, variable or flag, what was found and what is allowed; no secret is in it.
    """
    from_file, problems = read_settings_file(path) if path is not None else ([], [])
    from_environment, more = read_environment(environ)
    from_flags, others = _read_flags(flags or {})
    layers = [from_file, read_course_names(environ), from_environment, from_flags]
    values, places, wrong = _check(layers)
    problems += more + others + wrong
    if problems:
        raise SettingsError("\n".join(problems))
    settings = _settings(values)
    if not any(given.key == "routes" for given in from_environment + from_flags):
        alone = settings.ingest.enabled and not settings.apply.enabled
        settings, problems = with_topics(settings, read_course_topics(environ, ingest_alone=alone), places)
    if problems := problems or impossible(settings, places):
        raise SettingsError("\n".join(problems))
    return settings


def _read_flags(flags: Mapping[str, object]) -> tuple[list[Given], list[str]]:
    given: list[Given] = []
    problems: list[str] = []
    for key, value in flags.items():
        if key in SETTINGS:
            given.append(Given(key, value, f"command line: {key}", text=isinstance(value, str)))
        else:
            problems.append(f"command line: {key}: there is no such setting; {did_you_mean(key, SETTINGS)}")
    return given, problems


def _check(layers: Sequence[Sequence[Given]]) -> tuple[dict[str, object], dict[str, str], list[str]]:
    """Check every value, and let the later layers cover the earlier ones."""
    values: dict[str, object] = {}
    places: dict[str, str] = {}
    problems: list[str] = []
    for layer in layers:
        keys = {given.key for given in layer if given.value != ""}
        if "strapi.token_file" in keys and "strapi.token" not in keys:
            # The engine takes a token before a token's file: an earlier layer's token must not cover this file.
            values.pop("strapi.token", None)
        for given in layer:
            values[given.key], wrong = check_table(given) if given.key in TABLES else check_value(given)
            problems += wrong
            places[given.key] = given.where
            places |= {f"{given.key}{part}": place for part, place in given.inside.items()}
    return values, places, problems


def _settings(values: Mapping[str, object]) -> Settings:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        setting = SETTINGS[key]
        (tree.setdefault(setting.section, {}) if setting.section else tree)[setting.name] = value
    return msgspec.convert(tree, Settings, from_attributes=True)
