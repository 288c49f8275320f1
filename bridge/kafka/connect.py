"""What every client of the cluster connects with, and what a failure to connect means for a person."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from bridge.errors import RefusedError, ServerError, SettingsError, UnreachableError
from bridge.phrase import Phrase
from bridge.secret import read_secret
from bridge.trust import certificate_refusal, trust

if TYPE_CHECKING:
    from bridge.settings import KafkaSettings

__all__ = ["connect_options", "connection_error"]

_LOOK: Final = 5.0
_PASSWORD: Final = (AuthenticationFailedError, SaslAuthenticationFailed)
_MECHANISM: Final = (UnsupportedSaslMechanismError, IllegalSaslStateError, AuthenticationMethodNotSupported)


def connect_options(settings: KafkaSettings) -> dict[str, Any]:
    """The arguments that aiokafka's clients share. The files are read at each call, so a new password counts at once.

    Args:
        settings: the cluster's.

    Raises:
        SettingsError: the password or the authority's file can't be read.
    """
    return {"bootstrap_servers": settings.brokers, **_identification(settings)}


async def connection_error(settings: KafkaSettings, error: BaseException | None) -> ServerError:
    """Say what an attempt to connect failed of.

    aiokafka only says that it could not bootstrap, so the brokers are asked once more where that may be for TLS or
    for the user; at most some seconds a broker.

    Args:
        settings: the cluster's.
        error: what aiokafka raised, if anything.
    """
    if isinstance(error, SettingsError):
        return RefusedError("kafka", error.text, Phrase("mend the setting or the file; it is read again by itself"))
    refusal = _refusal(settings, error)
    if refusal is not None:
        return refusal
    asked = await _asked_again(settings)
    if asked is not None:
        return asked
    brokers = ", ".join(dict.fromkeys(settings.brokers))
    why = f": {error}" if error is not None and str(error) else ""
    return UnreachableError(
        "kafka",
        Phrase("no Kafka broker answers at {brokers}{why}", brokers=brokers, why=why),
        Phrase("is Kafka running there?"),
    )


def _identification(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": settings.security.upper()}
    if settings.security.endswith("ssl"):
        options["ssl_context"] = trust(settings.ca_file, "kafka.ca_file")
    if settings.security.startswith("sasl_"):
        options["sasl_mechanism"] = settings.mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = read_secret(settings.password_file, "kafka.password_file")
    return options


async def _asked_again(settings: KafkaSettings) -> ServerError | None:
    for broker in dict.fromkeys(settings.brokers):
        host, _, port = broker.rpartition(":")
        try:
            async with asyncio.timeout(_LOOK):
                connection = await create_conn(
                    host.strip("[]"), int(port), client_id=settings.client_id, **_identification(settings)
                )
        except (KafkaError, OSError, TimeoutError, SettingsError) as error:
            if refusal := _refusal(settings, error):
                return refusal
            if settings.security == "plaintext" and isinstance(error, KafkaConnectionError):
                return UnreachableError(
                    "kafka",
                    Phrase("what listens at {broker} closes the connection", broker=broker),
                    Phrase("is Kafka still starting, or does that port ask for TLS (the setting kafka.security)?"),
                )
        else:
            with contextlib.suppress(KafkaError, OSError):
                connection.close()
    return None


def _refusal(settings: KafkaSettings, error: BaseException | None) -> RefusedError | None:
    brokers = ", ".join(dict.fromkeys(settings.brokers))
    if refusal := certificate_refusal("kafka", brokers, "kafka.ca_file", error):
        return refusal
    if isinstance(error, _PASSWORD):
        return RefusedError(
            "kafka",
            Phrase("Kafka at {brokers} refuses user {user!r} or the password", brokers=brokers, user=settings.username),
            Phrase("look at kafka.username and at the file of kafka.password_file; it is read again by itself"),
        )
    if isinstance(error, _MECHANISM):
        return RefusedError(
            "kafka",
            Phrase("Kafka at {brokers} knows no {mechanism}", brokers=brokers, mechanism=settings.mechanism),
            Phrase("set kafka.mechanism and kafka.security to what that port takes"),
        )
    if isinstance(error, ClusterAuthorizationFailedError):
        return RefusedError(
            "kafka",
            Phrase("Kafka at {brokers} refuses user {user!r} a right", brokers=brokers, user=settings.username),
            Phrase("give the engine's user the right to write its topics"),
        )
    return None
