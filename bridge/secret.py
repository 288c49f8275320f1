"""Passwords and tokens in files, read when needed and never shown."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import SettingsError
from bridge.phrase import Phrase, placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.settings import Settings

__all__ = ["open_secrets", "read_secret", "warning_of_open_secrets"]


def read_secret(file: str, setting: str) -> str:
    """Read a secret, without white space around it.

    Args:
        file: the file's path; `~` is the user's home.
        setting: the setting that names it, for the message.

    Raises:
        SettingsError: it can't be read, or contains nothing that could be sent.
    """
    try:
        found = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(placed(setting, placed(file, error.strerror))) from None
    except UnicodeDecodeError:
        raise SettingsError(placed(setting, Phrase("{file} is no text", file=file))) from None
    if not found or "\x00" in found:
        raise SettingsError(placed(setting, Phrase("there is no password in {file}", file=file)))
    return found


def open_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Find the files with secrets that other users of this machine may read or change.

    Args:
        settings: which name the files.

    Yields:
        The setting's name and the file's path.
    """
    for name, file in (
        ("mqtt.password_file", settings.mqtt.password_file),
        ("mqtt.client_id_file", "" if settings.mqtt.client_id else settings.mqtt.client_id_file),
        ("mqtt.publish_password_file", settings.mqtt.publish_password_file),
        ("kafka.password_file", settings.kafka.password_file),
        ("screen.serve_password_file", settings.screen.serve_password_file),
        ("strapi.token_file", "" if settings.strapi.token else settings.strapi.token_file),
    ):
        if not file:
            continue
        try:
            mode = Path(file).expanduser().stat().st_mode
        except OSError:
            # Whoever needs it reports that.
            continue
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            yield name, file


def warning_of_open_secrets(settings: Settings) -> Phrase | None:
    """The warning about files with secrets that are open to others; None if there are none."""
    found = list(open_secrets(settings))
    if not found:
        return None
    files = " ".join(dict.fromkeys(file for _, file in found))
    return Phrase(
        "other users of this machine may read or change the file of {names}: chmod 600 {files}",
        names=", ".join(name for name, _ in found),
        files=files,
    )
