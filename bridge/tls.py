"""TLS: which certificates are trusted, and how an untrusted one is explained to the user."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.errors import RefusedError, SettingsError
from bridge.phrase import Phrase, placed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["certificate_refusal", "trust"]

_EXPIRED: Final = 10
_NOT_YET: Final = 9
_OTHER_HOST: Final = frozenset({62, 64})
"""X509_V_ERR_* of OpenSSL, in the manual page of X509_STORE_CTX_get_error."""


class _Socket(ssl.SSLSocket):
    """Closes itself where the peer is not trusted: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except ssl.SSLCertVerificationError:
            self.close()
            raise


class _Object(ssl.SSLObject):
    """Closes without waiting for the peer's alert (RFC 8446, section 6.1): Kafka sends none, asyncio waits 30 s."""

    def unwrap(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            super().unwrap()


def trust(ca_file: str, setting: str) -> ssl.SSLContext:
    """Create a context that verifies a server's certificate and its host name.

    Args:
        ca_file: a file with the authority's certificate; empty trusts the system's authorities.
        setting: the setting that names it, for the message.

    Raises:
        SettingsError: the file can't be read, or contains no certificate.
    """
    path = str(Path(ca_file).expanduser()) if ca_file else None
    try:
        context = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        why = Phrase("there is no certificate in it") if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingsError(placed(setting, placed(ca_file, why))) from None
    context.sslsocket_class, context.sslobject_class = _Socket, _Object
    return context


def certificate_refusal(server: str, address: str, setting: str, error: BaseException | None) -> RefusedError | None:
    """Explain what is wrong with a server's certificate.

    Args:
        server: `mqtt`, `kafka` or `strapi`.
        address: the server's.
        setting: the setting that names the authority's certificate.
        error: the error of the connection; its causes are examined too.

    Returns:
        An error for the user, or None if it failed for another reason.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _refusal(server, address, setting, cause)
        if isinstance(cause, ssl.SSLError) and cause.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            return RefusedError(
                server,
                Phrase("{address} does not speak TLS", address=address),
                Phrase("is that the port of the listener with TLS? Without it, set the address and security to match"),
            )
    return None


def _refusal(server: str, address: str, setting: str, error: ssl.SSLCertVerificationError) -> RefusedError:
    if error.verify_code == _EXPIRED:
        return RefusedError(
            server,
            Phrase("the certificate of {address} has expired", address=address),
            Phrase("renew it there (python3 -m stack certs), and check the clocks of both machines"),
        )
    if error.verify_code == _NOT_YET:
        return RefusedError(
            server,
            Phrase("the certificate of {address} is not valid yet", address=address),
            Phrase("check the clocks of both machines"),
        )
    if error.verify_code in _OTHER_HOST:
        return RefusedError(
            server,
            Phrase("the certificate of {address} is another host's: {why}", address=address, why=error.verify_message),
            Phrase("use a server name that is in it, or make one with that name"),
        )
    return RefusedError(
        server,
        Phrase(
            "the certificate of {address} is of an authority that is not trusted here: {why}",
            address=address,
            why=error.verify_message,
        ),
        Phrase("set {setting} to the certificate of the authority that signed it", setting=setting),
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__ or error.__context__, seen + 1
