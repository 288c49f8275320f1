"""A local certificate authority and the servers' certificates, kept while valid and renewed before they expire.

They are created by openssl: Java, Mosquitto, Node.js and Python all read its PEM files.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.private_file import damage_of
from stack.errors import InstallError, MissingProgramsError, StateError
from stack.run_state import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stack.run_state import Damage

__all__ = ["CERTIFIED", "Certificate", "OpenSsl", "Signer", "make_certificates"]


_CONFIG: Final = """\
[req]
distinguished_name = subject
prompt = no
[subject]
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = {usage}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
_DAY: Final = 86_400

CERTIFIED: Final = ("mosquitto", "kafka", "strapi", "web")
"""The servers that get a certificate."""

_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")

_AUTHORITY_DAYS: Final = 3650

# Apple's and other clients reject server certificates that are valid for longer.
_SERVER_DAYS: Final = 397

_SOON: Final = 30


@dataclass(frozen=True)
class Signer:
    """An authority.

    Attributes:
        certificate: its certificate.
        key: its private key.
    """

    certificate: Path
    key: Path


class OpenSsl:
    """The program openssl, with the operations that we need.

    Raises:
        MissingProgramsError: it is not installed.
    """

    def __init__(self) -> None:
        found = shutil.which("openssl")
        if found is None:
            raise MissingProgramsError(
                "certificates are made by the program openssl, which is not here: sudo apt-get install -y openssl"
            )
        self._program = found

    def make_key(self, path: Path) -> None:
        """Create a private key (P-256, PKCS #8 for Java) that only its owner can read."""
        # The file is created closed first, as openssl keeps the mode of an existing file.
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._run(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path)])

    def make_authority(self, signer: Signer, name: str, days: int) -> None:
        """Create an authority's certificate for an existing key."""
        config = self._config(signer.certificate, usage="serverAuth", names="DNS:localhost")
        words = ["req", "-new", "-x509", "-key", str(signer.key), "-sha256", "-days", str(days)]
        try:
            self._run([*words, "-subj", f"/O=opsci/CN={name}", *config, "authority", "-out", str(signer.certificate)])
        finally:
            self._config_of(signer.certificate).unlink()

    def sign(
        self, key: Path, certificate: Path, name: str, hosts: Sequence[str], signer: Signer, *, days: int, usage: str
    ) -> None:
        """Create a server's certificate.

        Args:
            key: the server's private key.
            certificate: where to write it.
            name: its common name, for people.
            hosts: the names and addresses for which it is valid.
            signer: who signs it.
            days: how long it is valid; negative for one that has expired.
            usage: `serverAuth`, or `serverAuth,clientAuth`.
        """
        names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
        config = self._config(certificate, usage=usage, names=names)
        request = certificate.with_name(f".{certificate.name}.request")
        try:
            self._run(
                ["req", "-new", "-key", str(key), "-subj", f"/O=opsci/CN={name}", *config[:2], "-out", str(request)]
            )
            words = ["x509", "-req", "-in", str(request), "-CA", str(signer.certificate), "-CAkey", str(signer.key)]
            words += ["-set_serial", f"0x{secrets.token_hex(15)}", "-sha256", "-days", str(days)]
            self._run([*words, "-extfile", config[1], "-extensions", "server", "-out", str(certificate)])
        finally:
            request.unlink(missing_ok=True)
            self._config_of(certificate).unlink()

    def is_good(self, certificate: Path, key: Path, authority: Path, *, days: int) -> bool:
        """Whether a certificate matches its key, is signed by that authority and is valid for more than some days."""
        if not all(file.is_file() for file in (certificate, key, authority)):
            return False
        try:
            self._run(["x509", "-in", str(certificate), "-noout", "-checkend", str(days * _DAY)])
            self._run(["verify", "-CAfile", str(authority), str(certificate)])
            ours = self._run(["pkey", "-in", str(key), "-pubout"])
            return ours == self._run(["x509", "-in", str(certificate), "-noout", "-pubkey"])
        except InstallError:
            return False

    def hosts(self, certificate: Path) -> set[str]:
        """The names and addresses for which a certificate is valid; IPv6 addresses as openssl writes them."""
        said = self._run(["x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName"])
        return {found.lower() for found in re.findall(r"(?:DNS|IP Address):([^,\s]+)", said)}

    def end(self, certificate: Path) -> str:
        """When a certificate expires, as openssl writes it."""
        return self._run(["x509", "-in", str(certificate), "-noout", "-enddate"]).strip().partition("=")[2]

    def _config(self, beside: Path, *, usage: str, names: str) -> list[str]:
        config = self._config_of(beside)
        config.write_text(_CONFIG.format(usage=usage, names=names))
        return ["-config", str(config), "-extensions"]

    def _config_of(self, beside: Path) -> Path:
        return beside.with_name(f".{beside.name}.config")

    def _run(self, words: Sequence[str]) -> str:
        done = subprocess.run([self._program, *words], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise InstallError(f"openssl {words[0]} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def _is_address(host: str) -> bool:
    return ":" in host or bool(re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host))


@dataclass(frozen=True)
class Certificate:
    """The state of one certificate.

    Attributes:
        name: the server's, or `authority`.
        certificate: the PEM file.
        key: its private key, which only its owner can read.
        end: when it expires, in words.
        made: whether it was created now; else it was valid and kept.
    """

    name: str
    certificate: Path
    key: Path
    end: str
    made: bool


def make_certificates(folder: Path, hosts: Sequence[str] = (), *, damage: Damage | None = None) -> list[Certificate]:
    """Create certificates that are missing, wrong or expire within 30 days.

    Args:
        folder: where they are; created if missing, for its owner only.
        hosts: names and addresses of the servers for clients, besides localhost. They are remembered.
        damage: moves damaged files aside before others are created.

    Returns:
        The authority, then the servers'.

    Raises:
        StateError: the folder can't be used, or a host is neither a name nor an address.
        MissingProgramsError: openssl is not installed.
        InstallError: openssl failed.
    """
    wanted = [_checked(host) for host in hosts]
    openssl = OpenSsl()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if damage:
            _move_damaged(folder, damage)
        names = _remembered(folder / "hosts", wanted)
        signer = Signer(folder / "ca.pem", folder / "ca.key")
        made = not openssl.is_good(signer.certificate, signer.key, signer.certificate, days=_SOON)
        if made:
            openssl.make_key(signer.key)
            # Browsers confuse two authorities of the same name.
            openssl.make_authority(signer, f"opsci local authority {secrets.token_hex(4)}", _AUTHORITY_DAYS)
        found = [Certificate("authority", signer.certificate, signer.key, openssl.end(signer.certificate), made)]
        for server in CERTIFIED:
            key, certificate = folder / f"{server}.key", folder / f"{server}.pem"
            good = openssl.is_good(certificate, key, signer.certificate, days=_SOON)
            kept = good and openssl.hosts(certificate) >= {_written(name) for name in names}
            if not kept:
                openssl.make_key(key)
                # Kafka also presents its own to its controller.
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


def _move_damaged(folder: Path, damage: Damage) -> None:
    for file in sorted(folder.iterdir()):
        content = file.read_bytes() if file.name == "hosts" or file.suffix in {".pem", ".key"} else b"-----END "
        why = damage_of(content)
        if not why and file.name != "hosts" and b"-----END " not in content:
            why = "is cut short"
        if not why:
            continue
        if file.name == "hosts":
            consequence = (
                "Certificates are made for this machine's own names; `certs --host NAME` adds the others again"
            )
        elif file.stem == "ca":
            consequence = "Another authority is made: whoever trusts the one before has to trust ca.pem again"
        else:
            consequence = "It is made again: nothing is lost"
        damage.move(file, why, consequence)


def _remembered(file: Path, hosts: Sequence[str]) -> list[str]:
    """All names so far, so that a renewal includes them."""
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
    """A name as openssl prints it: IPv6 addresses without a double colon."""
    if ":" not in name:
        return name
    groups = ipaddress.IPv6Address(name).exploded.split(":")
    return ":".join(group.lstrip("0") or "0" for group in groups)
