"""A local authority and the servers' certificates: made once, kept while they are good, renewed before they end."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stack.errors import StateError
from stack.record import write_whole
from stack.secure.openssl import OpenSsl, Signer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CERTIFIED", "Certificate", "make_certificates"]

CERTIFIED: Final = ("mosquitto", "kafka", "strapi", "web")
"""The servers that get a certificate."""

_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
_AUTHORITY_DAYS: Final = 3650
# Apple's and other clients take no server's certificate that is good for longer.
_SERVER_DAYS: Final = 397
_SOON: Final = 30


@dataclass(frozen=True)
class Certificate:
    """What became of one certificate.

    Attributes:
        name: the server's, or `authority`.
        certificate: the PEM file.
        key: its private key, which only its owner reads.
        end: when it ends, in words.
        made: whether it was made now; else it was good and stayed.
    """

    name: str
    certificate: Path
    key: Path
    end: str
    made: bool


def make_certificates(folder: Path, hosts: Sequence[str] = ()) -> list[Certificate]:
    """Make what is missing, is wrong or ends within 30 days.

    Args:
        folder: where they are; it is made for its owner alone.
        hosts: names and addresses that the servers are called by beside localhost. They are remembered.

    Returns:
        The authority, then the servers'.

    Raises:
        StateError: the folder can't be used, or a host is no name and no address.
        MissingProgramsError: there is no openssl.
        InstallError: openssl failed.
    """
    wanted = [_checked(host) for host in hosts]
    openssl = OpenSsl()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = _remembered(folder / "hosts", wanted)
        signer = Signer(folder / "ca.pem", folder / "ca.key")
        made = not openssl.is_good(signer.certificate, signer.key, signer.certificate, days=_SOON)
        if made:
            openssl.make_key(signer.key)
            # Two authorities of one name are mixed up by browsers.
            openssl.make_authority(signer, f"opsci local authority {secrets.token_hex(4)}", _AUTHORITY_DAYS)
        found = [Certificate("authority", signer.certificate, signer.key, openssl.end(signer.certificate), made)]
        for server in CERTIFIED:
            key, certificate = folder / f"{server}.key", folder / f"{server}.pem"
            good = openssl.is_good(certificate, key, signer.certificate, days=_SOON)
            kept = good and openssl.hosts(certificate) >= {_written(name) for name in names}
            if not kept:
                openssl.make_key(key)
                # Kafka shows its own to its controller as well.
                usage = "serverAuth,clientAuth" if server == "kafka" else "serverAuth"
                openssl.sign(key, certificate, server, names, signer, days=_SERVER_DAYS, usage=usage)
            found.append(Certificate(server, certificate, key, openssl.end(certificate), not kept))
        # Kafka reads key and certificate from one file.
        write_whole(
            folder / "kafka.keystore.pem", (folder / "kafka.key").read_text() + (folder / "kafka.pem").read_text()
        )
    except OSError as error:
        raise StateError(f"certificates can't be made in {folder}: {error}") from error
    return found


def _remembered(file: Path, hosts: Sequence[str]) -> list[str]:
    """All names so far, so that a renewal at a start does not forget them."""
    before = file.read_text().split() if file.exists() else []
    names = list(dict.fromkeys([*_ALWAYS, *before, *hosts]))
    file.write_text("\n".join(names) + "\n")
    return names


def _checked(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    if not re.fullmatch(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*", host) or len(host) > 253:
        raise StateError(f"{host!r} is no name of a host and no address")
    return host.lower()


def _written(name: str) -> str:
    """A name as openssl prints it: IPv6 addresses without their double colon."""
    if ":" not in name:
        return name
    groups = ipaddress.IPv6Address(name).exploded.split(":")
    return ":".join(group.lstrip("0") or "0" for group in groups)
