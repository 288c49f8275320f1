"""Creates certificates, passwords and the servers' files; run by the service `certificates` of compose.secure.yaml.

Valid ones are kept. All are stored in one volume that no server mounts; each server has its own volume with what it
needs. Kafka's users are in its own file (SASL/PLAIN over TLS), as the image formats its storage without users.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.paths import ROOT
from stack.run_state import write_whole
from stack.secure.certificates import make_certificates
from stack.secure.credentials import KAFKA_USERS, Credentials
from stack.servers.kafka import render_properties

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["make_credentials"]

_FOLDER: Final = Path("/credentials")
_HOSTS: Final = ("mosquitto", "websockets", "kafka", "strapi", "web")
_KAFKA: Final = "/mnt/shared/config"
"""Where Kafka's image expects its file."""

_MOSQUITTO: Final = "/secure"


def make_credentials(folder: Path, hosts: Sequence[str] = ()) -> None:
    """Create what is missing or expires soon, and copy each server's files to its folder.

    Args:
        folder: contains the folder `all`, and one for each server.
        hosts: names and addresses of the servers for clients, besides localhost.
    """
    found = Credentials(folder / "all")
    make_certificates(found.certificates, [*_HOSTS, *hosts])
    found.prepare()
    authority = {"ca.pem": found.authority.read_text()}

    def pair(name: str) -> dict[str, str]:
        certificates = found.certificates
        return {f"{name}.pem": (certificates / f"{name}.pem").read_text(), f"{name}.key": _of(certificates, name)}

    def passwords(*users: str) -> dict[str, str]:
        return {user: found.password_file(user).read_text() for user in users}

    # Mosquitto runs as another user, in the group of its folder.
    _give(folder / "mosquitto", {**authority, **pair("mosquitto"), **_mosquitto(found)}, 0o640)
    keystore = {"kafka.keystore.pem": (found.certificates / "kafka.keystore.pem").read_text()}
    _give(folder / "kafka", {**authority, **keystore, "server.properties": _kafka(found)})
    _give(folder / "topics", {**authority, **passwords("kafka-admin")})
    _give(folder / "strapi", {**authority, **pair("strapi")})
    _give(folder / "websockets", {**authority, **pair("mosquitto")})
    _give(folder / "web", {**authority, **pair("web"), **passwords("mqtt-publisher")})
    _give(folder / "engine", {**authority, **passwords("mqtt-engine", "mqtt-publisher", "kafka-bridge")})


def _of(certificates: Path, name: str) -> str:
    return (certificates / f"{name}.key").read_text()


def _mosquitto(found: Credentials) -> dict[str, str]:
    """Its configuration, users and access rights, and the login of its health check."""
    committed = (ROOT / "configs" / "secure" / "mosquitto.conf").read_text()
    login = f"-u engine\n-P {found.password_file('mqtt-engine').read_text().strip()}\n--cafile {_MOSQUITTO}/ca.pem\n"
    return {
        "mosquitto.conf": committed.replace("/mosquitto/config/certs/", f"{_MOSQUITTO}/").replace(
            "/mosquitto/config/", f"{_MOSQUITTO}/"
        ),
        "passwords": (found.folder / "mosquitto.passwords").read_text(),
        "mosquitto.acl": (found.folder / "mosquitto.acl").read_text(),
        # For mosquitto_sub, in the folder that XDG_CONFIG_HOME names: everyone could see an argument.
        "mosquitto_sub": login,
    }


def _kafka(found: Credentials) -> str:
    """Kafka's properties with the paths of its files and its users' passwords."""
    committed = (ROOT / "configs" / "secure" / "kafka.properties").read_text()
    users = {user: found.password_file(f"kafka-{user}").read_text().strip() for user in KAFKA_USERS}
    words = [f'user_{user}="{password}"' for user, password in users.items()]
    login = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="broker" password="{users["broker"]}" {" ".join(words)};'
    )
    scram, plain = (f"listener.name.sasl_ssl.{name}.sasl.jaas.config" for name in ("scram-sha-512", "plain"))
    return render_properties(
        committed.replace(f"\n{scram}=", f"\n{plain}="),
        {
            "listeners": "SASL_SSL://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093",
            "advertised.listeners": "SASL_SSL://kafka:9092",
            "ssl.keystore.location": f"{_KAFKA}/kafka.keystore.pem",
            "ssl.truststore.location": f"{_KAFKA}/ca.pem",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            plain: login,
        },
    )


def _give(folder: Path, files: Mapping[str, str], mode: int = 0o600) -> None:
    """Write files to a server's folder, and remove all others from it."""
    for name, text in files.items():
        write_whole(folder / name, text)
        group = folder.stat().st_gid
        if mode & 0o040 and group != os.getegid():
            shutil.chown(folder / name, group=group)
        (folder / name).chmod(mode)
    for other in folder.iterdir():
        if other.name not in files:
            other.unlink()


if __name__ == "__main__":
    make_credentials(_FOLDER, os.environ.get("OPSCI_NAME", "").split())
