"""Keys and certificates, made by the openssl program: Java, Mosquitto, Node.js and Python all read its PEM files."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stack.errors import InstallError, MissingProgramsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["OpenSsl", "Signer"]

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
    """The program, and what we ask of it.

    Raises:
        MissingProgramsError: it is not there.
    """

    def __init__(self) -> None:
        found = shutil.which("openssl")
        if found is None:
            raise MissingProgramsError(
                "certificates are made by the program openssl, which is not here: sudo apt-get install -y openssl"
            )
        self._program = found

    def make_key(self, path: Path) -> None:
        """Make a private key (P-256, PKCS #8 as Java wants it) that only its owner reads."""
        # Made closed, as openssl writes into a file that is there without changing its mode.
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._run(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path)])

    def make_authority(self, signer: Signer, name: str, days: int) -> None:
        """Make a certificate that signs others, for a key that is there."""
        config = self._config(signer.certificate, usage="serverAuth", names="DNS:localhost")
        words = ["req", "-new", "-x509", "-key", str(signer.key), "-sha256", "-days", str(days)]
        try:
            self._run([*words, "-subj", f"/O=opsci/CN={name}", *config, "authority", "-out", str(signer.certificate)])
        finally:
            self._config_of(signer.certificate).unlink()

    def sign(
        self, key: Path, certificate: Path, name: str, hosts: Sequence[str], signer: Signer, *, days: int, usage: str
    ) -> None:
        """Make a server's certificate.

        Args:
            key: the server's private key.
            certificate: where to put it.
            name: its common name, for people.
            hosts: the names and addresses that it is good for.
            signer: who signs it.
            days: how long it is good for; a negative number makes one that has ended.
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
        """Whether a certificate belongs to its key, is of that authority and lasts for some days more."""
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
        """The names and addresses that a certificate is good for; an IPv6 address as openssl writes it."""
        said = self._run(["x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName"])
        return {found.lower() for found in re.findall(r"(?:DNS|IP Address):([^,\s]+)", said)}

    def end(self, certificate: Path) -> str:
        """When a certificate ends, as openssl writes it."""
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
