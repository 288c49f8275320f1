"""The secured servers' certificates, users and passwords, and the configuration that each server and client gets.

Random passwords are created at the first start, each in its own file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.private_file import damage_of
from stack.paths import ROOT
from stack.run_state import write_whole
from stack.secure.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stack.paths import Paths
    from stack.run_state import Damage

__all__ = [
    "KAFKA_USERS",
    "MQTT_USERS",
    "Credentials",
    "make_passwords",
    "mosquitto_line",
    "scram_argument",
    "show_certificates",
]


MQTT_USERS: Final = ("engine", "object", "publisher")
"""The users in configs/secure/mosquitto.acl."""

KAFKA_USERS: Final = ("broker", "admin", "bridge")
"""The broker itself, the one that creates topics and rights, and the engine."""

_MOSQUITTO_ITERATIONS: Final = 101
_SCRAM_ITERATIONS: Final = 8192

_CONFIGS = ROOT / "configs" / "secure"


def make_passwords(folder: Path, damage: Damage | None = None) -> dict[str, str]:
    """Create missing passwords; existing ones are kept, and damaged ones are restored from a copy.

    Kafka stores its users' passwords at its first start, so a lost one locks that user out for good.

    Args:
        folder: with the files `mqtt-engine`, `kafka-bridge` ...; created for its owner only.
        damage: moves a damaged file aside; without it, such a file is ignored.

    Returns:
        The passwords by file name.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copies = folder.with_name(f"{folder.name}.json")
    before = _copies(copies)
    found = {}
    for name in [*(f"mqtt-{user}" for user in MQTT_USERS), *(f"kafka-{user}" for user in KAFKA_USERS)]:
        file = folder / name
        known = before.get(name, "")
        fresh = secrets.token_urlsafe(32)
        if file.exists() and damage and (why := _damage_of(file.read_bytes(), known)):
            damage.move(file, why, "It comes back from a copy: nothing is lost" if known else _of_new(name))
            fresh = known or fresh
        # One that the user deleted is created again.
        if not file.exists() or not file.read_bytes().strip():
            write_whole(file, f"{fresh}\n")
        found[name] = file.read_text(errors="replace").strip()
    if found != before:
        write_whole(copies, json.dumps(found, indent=1))
    return found


def _of_new(name: str) -> str:
    if name.startswith("kafka-"):
        return "Another is made, which Kafka does not know: its storage has to be made again, with `reset`"
    return "Another is made: clients that have the one before need it"


def _damage_of(content: bytes, known: str) -> str:
    why = damage_of(content)
    if not why and known:
        text = content.decode().strip()
        # What the user put there counts, unless it is a truncated copy of the one before.
        why = "is cut short" if known.startswith(text) and text != known else ""
    return why


def _copies(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def mosquitto_line(user: str, password: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512, as mosquitto_passwd writes it.

    Computed here, because that program takes the password as an argument, which every user of the machine can read.
    """
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ITERATIONS, 64)
    salted, hashed = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{user}:$7${_MOSQUITTO_ITERATIONS}${salted}${hashed}\n"


def scram_argument(user: str, passwords: Mapping[str, str]) -> str:
    """The argument of Kafka's format tool that creates a user; it contains the password."""
    password = passwords[f"kafka-{user}"]
    return f'SCRAM-SHA-512=[name="{user}",password="{password}",iterations={_SCRAM_ITERATIONS}]'


@dataclass(frozen=True)
class Credentials:
    """The users of one state's servers, and how each authenticates.

    Attributes:
        folder: the folder with everything, accessible to its owner only.
    """

    folder: Path

    @classmethod
    def of(cls, paths: Paths) -> Credentials | None:
        """The credentials of a state folder; None where its servers are not secured."""
        return cls(paths.credentials) if paths.is_secure else None

    @property
    def certificates(self) -> Path:
        """The folder with the authority and the servers' certificates."""
        return self.folder / "certs"

    @property
    def authority(self) -> Path:
        """The authority's certificate, which clients must trust."""
        return self.certificates / "ca.pem"

    def password_file(self, name: str) -> Path:
        """The file of one password: `mqtt-engine`, `kafka-bridge` ..."""
        return self.folder / "passwords" / name

    def prepare(self, damage: Damage | None = None) -> None:
        """Create what is missing and renew what expires soon.

        Args:
            damage: moves damaged files aside.

        Raises:
            StackError: openssl is missing or failed, or the folder can't be written.
        """
        make_certificates(self.certificates, damage=damage)
        passwords = make_passwords(self.folder / "passwords", damage)
        lines = [mosquitto_line(user, passwords[f"mqtt-{user}"]) for user in MQTT_USERS]
        write_whole(self.folder / "mosquitto.passwords", "".join(lines))
        shutil.copyfile(_CONFIGS / "mosquitto.acl", self.folder / "mosquitto.acl")
        (self.folder / "mosquitto.acl").chmod(0o600)

    def trust(self) -> ssl.SSLContext:
        """A TLS context that trusts these servers' certificates only."""
        return ssl.create_default_context(cafile=str(self.authority))

    def mosquitto_files(self) -> dict[str, Path]:
        """The files that Mosquitto reads, by its options."""
        return {
            "certfile": self.certificates / "mosquitto.pem",
            "keyfile": self.certificates / "mosquitto.key",
            "password_file": self.folder / "mosquitto.passwords",
            "acl_file": self.folder / "mosquitto.acl",
        }

    def kafka_properties(self) -> dict[str, str]:
        """The files and the password for Kafka's configuration."""
        password = self._password("kafka-broker").replace("\\", "\\\\").replace('"', '\\"')
        login = (
            f'org.apache.kafka.common.security.scram.ScramLoginModule required username="broker" password="{password}";'
        )
        return {
            "ssl.keystore.location": str(self.certificates / "kafka.keystore.pem"),
            "ssl.truststore.location": str(self.authority),
            # In a properties file a backslash begins an escape.
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login.replace("\\", "\\\\"),
        }

    def scram_arguments(self) -> list[str]:
        """The users for Kafka's first start; the arguments contain passwords."""
        passwords = {f"kafka-{user}": self._password(f"kafka-{user}") for user in KAFKA_USERS}
        return [scram_argument(user, passwords) for user in KAFKA_USERS]

    def kafka_options(self, user: str) -> dict[str, Any]:
        """The login of a Kafka client, for aiokafka: `admin`, `bridge`."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": self.trust(),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self._password(f"kafka-{user}"),
        }

    def strapi_environment(self, folder: Path) -> dict[str, str]:
        """The environment that makes our Strapi application use HTTPS.

        Args:
            folder: its own, where plain HTTP remains on a Unix socket.
        """
        socket = folder / "http.sock"
        # A killed one leaves it behind, and the next could not listen.
        socket.unlink(missing_ok=True)
        return {
            "TLS_CERTIFICATE_FILE": str(self.certificates / "strapi.pem"),
            "TLS_KEY_FILE": str(self.certificates / "strapi.key"),
            # Relative to the application's folder, as such a path is limited to 107 bytes.
            "HTTP_SOCKET": "../http.sock",
        }

    def web_options(self) -> dict[str, str | Path]:
        """The options of the web client's server: it requires the publisher's password, and publishes as that user."""
        return {
            "--certificate": self.certificates / "web.pem",
            "--key": self.certificates / "web.key",
            "--authority": self.authority,
            "--user": "publisher",
            "--password-file": self.password_file("mqtt-publisher"),
        }

    def websockets_options(self) -> dict[str, str | Path]:
        """The options of the server for MQTT over websockets: it presents Mosquitto's certificate, and trusts it."""
        return {
            "--certificate": self.certificates / "mosquitto.pem",
            "--key": self.certificates / "mosquitto.key",
            "--authority": self.authority,
        }

    def engine_settings(self) -> dict[str, dict[str, str]]:
        """The tables of the engine's settings file, without the addresses."""
        authority = str(self.authority)
        return {
            "mqtt": {
                "ca_file": authority,
                "username": "engine",
                "password_file": str(self.password_file("mqtt-engine")),
                "publish_username": "publisher",
                "publish_password_file": str(self.password_file("mqtt-publisher")),
            },
            "kafka": {
                "security": "sasl_ssl",
                "username": "bridge",
                "password_file": str(self.password_file("kafka-bridge")),
                "ca_file": authority,
            },
            "strapi": {"ca_file": authority},
        }

    def _password(self, name: str) -> str:
        return self.password_file(name).read_text().strip()


def show_certificates(paths: Paths, folder: Path | None, hosts: Sequence[str]) -> int:
    """Create certificates that are missing or expire within 30 days, and print each with its files.

    Args:
        paths: the secured state, with whose certificates this works by default.
        folder: another folder for them.
        hosts: names and addresses of the servers for clients, besides localhost.

    Raises:
        StackError: openssl is missing or failed, or the folder can't be used.
    """
    if folder is None:
        paths.claim(secure=True)
    target = Path.absolute(folder.expanduser()) if folder else Credentials(paths.credentials).certificates
    found = make_certificates(target, hosts)
    for certificate in found:
        word = "made" if certificate.made else "kept"
        print(f"{word} {certificate.name:<10} {certificate.certificate}  until {certificate.end}")
    names = (target / "hosts").read_text().split()
    print(f"good for   {', '.join(names)}")
    print(f"keys       beside them, {target}/*.key, for you alone; Kafka's with its certificate: kafka.keystore.pem")
    print(f"trust      {target / 'ca.pem'}: the engine by its ca_file settings, a browser as an authority for websites")
    if any(certificate.made for certificate in found[1:]):
        print("servers that run take new certificates when they start again")
    return 0
