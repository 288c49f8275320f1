"""The secured servers' certificates, passwords and files of users, and what each server and client is told of them.

Standard library only, as `status` asks secured servers too.
"""

from __future__ import annotations

import shutil
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stack.places import ROOT
from stack.record import write_whole
from stack.secure.certificates import make_certificates
from stack.secure.passwords import KAFKA_USERS, MQTT_USERS, make_passwords, mosquitto_line, scram_argument

if TYPE_CHECKING:
    from pathlib import Path

    from stack.places import Places

__all__ = ["Door"]

_CONFIGS = ROOT / "configs" / "secure"


@dataclass(frozen=True)
class Door:
    """The door of one state's servers.

    Attributes:
        folder: where everything about it is; its owner alone gets in.
    """

    folder: Path

    @classmethod
    def of(cls, places: Places) -> Door | None:
        """The door of a state folder; None where its servers are not secured."""
        return cls(places.door) if places.is_secure else None

    @property
    def certificates(self) -> Path:
        """The folder of the authority and the servers' certificates."""
        return self.folder / "certs"

    @property
    def authority(self) -> Path:
        """What a client has to trust."""
        return self.certificates / "ca.pem"

    def password_file(self, name: str) -> Path:
        """The file of one password: `mqtt-engine`, `kafka-bridge` ..."""
        return self.folder / "passwords" / name

    def prepare(self) -> None:
        """Make what is missing and renew what ends soon.

        Raises:
            StackError: openssl is missing or failed, or the folder can't be written.
        """
        make_certificates(self.certificates)
        passwords = make_passwords(self.folder / "passwords")
        lines = [mosquitto_line(user, passwords[f"mqtt-{user}"]) for user in MQTT_USERS]
        write_whole(self.folder / "mosquitto.passwords", "".join(lines))
        shutil.copyfile(_CONFIGS / "mosquitto.acl", self.folder / "mosquitto.acl")
        (self.folder / "mosquitto.acl").chmod(0o600)

    def trust(self) -> ssl.SSLContext:
        """What believes these servers' certificates, and no other."""
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
        """The files and the password that Kafka is told."""
        password = self._password("kafka-broker").replace("\\", "\\\\").replace('"', '\\"')
        login = (
            f'org.apache.kafka.common.security.scram.ScramLoginModule required username="broker" password="{password}";'
        )
        return {
            "ssl.keystore.location": str(self.certificates / "kafka.keystore.pem"),
            "ssl.truststore.location": str(self.authority),
            # A properties file takes a backslash for the beginning of an escape.
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login.replace("\\", "\\\\"),
        }

    def scram_arguments(self) -> list[str]:
        """The users that Kafka is to know from its first start on; passwords are in them."""
        passwords = {f"kafka-{user}": self._password(f"kafka-{user}") for user in KAFKA_USERS}
        return [scram_argument(user, passwords) for user in KAFKA_USERS]

    def kafka_options(self, user: str) -> dict[str, Any]:
        """Who a client of Kafka is, as aiokafka takes it: `admin`, `bridge`."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_context": self.trust(),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self._password(f"kafka-{user}"),
        }

    def strapi_environment(self, folder: Path) -> dict[str, str]:
        """What makes our Strapi application speak HTTPS.

        Args:
            folder: its own, where plain HTTP stays on a Unix socket.
        """
        socket = folder / "http.sock"
        # One that was killed leaves it, and the next could not listen.
        socket.unlink(missing_ok=True)
        return {
            "TLS_CERTIFICATE_FILE": str(self.certificates / "strapi.pem"),
            "TLS_KEY_FILE": str(self.certificates / "strapi.key"),
            # From the application's folder, as such a path has 107 bytes at most.
            "HTTP_SOCKET": "../http.sock",
        }

    def web_options(self) -> dict[str, str | Path]:
        """What the web client's server is told: it asks for the publisher's password, and publishes as that user."""
        return {
            "--certificate": self.certificates / "web.pem",
            "--key": self.certificates / "web.key",
            "--authority": self.authority,
            "--user": "publisher",
            "--password-file": self.password_file("mqtt-publisher"),
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
