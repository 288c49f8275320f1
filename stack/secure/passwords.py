"""The users of the secured servers and their passwords, made at random at the first start, each in its own file."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, Final

from stack.record import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KAFKA_USERS", "MQTT_USERS", "make_passwords", "mosquitto_line", "scram_argument"]

MQTT_USERS: Final = ("engine", "object", "publisher")
"""Who may do what stands in configs/secure/mosquitto.acl."""

KAFKA_USERS: Final = ("broker", "admin", "bridge")
"""The broker itself, who makes topics and rights, and the engine."""

_MOSQUITTO_ITERATIONS: Final = 101
_SCRAM_ITERATIONS: Final = 8192


def make_passwords(folder: Path) -> dict[str, str]:
    """Make the passwords that are missing; the others stay.

    Args:
        folder: where their files are: `mqtt-engine`, `kafka-bridge` ...; it is made for its owner alone.

    Returns:
        The passwords by the name of their file.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = {}
    for name in [*(f"mqtt-{user}" for user in MQTT_USERS), *(f"kafka-{user}" for user in KAFKA_USERS)]:
        file = folder / name
        if not file.exists() or not file.read_text().strip():
            write_whole(file, secrets.token_urlsafe(32) + "\n")
        found[name] = file.read_text().strip()
    return found


def mosquitto_line(user: str, password: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512, as mosquitto_passwd writes it.

    Computed here, because that program takes a password as an argument, which any user of the machine can read.
    """
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ITERATIONS, 64)
    salted, hashed = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{user}:$7${_MOSQUITTO_ITERATIONS}${salted}${hashed}\n"


def scram_argument(user: str, passwords: Mapping[str, str]) -> str:
    """What Kafka's format tool takes to know a user from the first start on; it holds the password."""
    password = passwords[f"kafka-{user}"]
    return f'SCRAM-SHA-512=[name="{user}",password="{password}",iterations={_SCRAM_ITERATIONS}]'
