"""The settings file: where it is looked for, and what it says, as values that know their line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from bridge.errors import SettingsError
from bridge.settings.given import Given
from bridge.settings.layers import own_file
from bridge.settings.lines import find_lines
from bridge.settings.names import SECTIONS, SETTINGS
from bridge.settings.wording import did_you_mean, found

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_settings_file", "read_settings_file"]


def find_settings_file(
    environ: Mapping[str, str], cwd: Path | None = None, *, config: Path | None = None
) -> Path | None:
    """Choose the settings file.

    Args:
        environ: the environment.
        cwd: what a relative path is relative to; None takes the folder that the program runs in.
        config: the file that the command line names.

    Returns:
        The first that there is of: the file that the command line names, the one that OPSCI_CONFIG names, the one
        that the local servers' runner wrote (`settings.toml` in OPSCI_STATE, else in the user's data folder),
        `opsci.toml` in the user's configuration folder. A file that someone names is returned whether it exists or
        not. None where there is none: then the defaults count.
    """
    here = cwd or Path()
    if config is not None:
        return here / config
    if named := environ.get("OPSCI_CONFIG"):
        return here / Path(named).expanduser()
    state = environ.get("OPSCI_STATE")
    places = (
        (here / Path(state).expanduser() if state else platformdirs.user_data_path("opsci")) / "settings.toml",
        own_file(),
    )
    return next((place for place in places if place.is_file()), None)


def read_settings_file(path: Path, text: str | None = None, *, only: str = "") -> tuple[list[Given], list[str]]:
    """Read a settings file; the values are not checked against their types.

    Args:
        path: a TOML file.
        text: what it says, None to read it.
        only: the one table that counts; empty for all.

    Returns:
        What it gives, and what is wrong with it: a sentence for each unknown table or key.

    Raises:
        SettingsError: it can't be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8") if text is None else text
        document = tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: the settings file can't be read: {error.strerror or error}"
        raise SettingsError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: the settings file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise SettingsError(msg) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"{path}: the settings file is no TOML: {error}"
        raise SettingsError(msg) from None
    lines = find_lines(text)
    given: list[Given] = []
    problems: list[str] = []

    def where(key: str) -> str:
        line = lines.get(key)
        return f"{path}, line {line}: {key}" if line else f"{path}: {key}"

    def inside(name: str) -> dict[str, str]:
        return {key.removeprefix(name): where(key) for key in lines if key.startswith((f"{name}[", f"{name}."))}

    for name, value in document.items():
        if only and name != only:
            continue
        if name in SECTIONS:
            if not isinstance(value, dict):
                problems.append(f"{where(name)}: found {found(name, value)}; it is a table: write [{name}]")
                continue
            for key, inner in value.items():
                dotted = f"{name}.{key}"
                if dotted in SETTINGS:
                    given.append(Given(dotted, inner, where(dotted), inside=inside(dotted), file=path))
                else:
                    known = [setting.name for setting in SETTINGS.values() if setting.section == name]
                    problems.append(f"{where(dotted)}: there is no such setting; {did_you_mean(key, known)}")
        elif name in SETTINGS:
            given.append(Given(name, value, where(name), inside=inside(name), file=path))
        else:
            known = [*SECTIONS, *(setting.key for setting in SETTINGS.values() if not setting.section)]
            problems.append(f"{where(name)}: there is no such setting; {did_you_mean(name, known)}")
    return given, problems
