"""Connection options for Kafka clients, and how a failed connection is explained to the user.

A client asks a configured address for the cluster's brokers, and from then on uses the name and port that each broker
advertises: `advertised.listeners` (Kafka documentation, broker configs). If that name is unknown here or leads
elsewhere, as behind Docker or a tunnel, only the first request is answered. aiokafka merely reports that a node is not
ready, so this module checks which brokers this machine reaches.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
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
from aiokafka.protocol.metadata import MetadataRequest

from bridge.errors import RefusedError, ServerError, SettingsError, UnreachableError, cause_of
from bridge.http.own_address import is_loopback
from bridge.phrase import Phrase
from bridge.secret import read_secret
from bridge.tls import certificate_refusal, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.settings import KafkaSettings

__all__ = [
    "Advertised",
    "Reach",
    "connection_error",
    "kafka_options",
    "look_at_brokers",
    "new_consumer",
    "reach_of",
]


_LOOK: Final = 5.0
"""The longest wait for one address, in seconds."""

_PASSWORD: Final = (AuthenticationFailedError, SaslAuthenticationFailed)

_MECHANISM: Final = (UnsupportedSaslMechanismError, IllegalSaslStateError, AuthenticationMethodNotSupported)


class Advertised(NamedTuple):
    """A broker as it advertises itself.

    Attributes:
        node: its number in the cluster, `node.id`.
        host: the name or address.
        port: the port.
    """

    node: int
    host: str
    port: int

    @property
    def address(self) -> str:
        """Host and port as written in settings."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Reach(NamedTuple):
    """Which brokers are reachable.

    Attributes:
        answered: the configured addresses that answered as Kafka.
        brokers: the cluster's brokers, by node number.
        faults: what is wrong, the worst first; where no address answers, only what is known of the cause.
    """

    answered: list[str]
    brokers: list[Advertised]
    faults: list[ServerError]


class _Told(NamedTuple):
    cluster: str
    brokers: list[Advertised]


async def look_at_brokers(
    settings: KafkaSettings,
    options: Mapping[str, Any],
    refusal: Callable[[BaseException], ServerError | None],
) -> Reach:
    """Connect to the configured addresses, then to every other broker; takes at most ten seconds.

    Args:
        settings: the cluster's.
        options: how aiokafka's connections identify themselves.
        refusal: returns the error for a server that refuses us or is not what the settings say; None for other errors.
    """
    addresses = list(dict.fromkeys(settings.brokers))
    answers = dict(zip(addresses, await _ask_all(addresses, settings, options), strict=True))
    told = {address: answer for address, answer in answers.items() if isinstance(answer, _Told)}
    clusters = {answer.cluster for answer in told.values()}
    found = {broker.node: broker for answer in told.values() for broker in answer.brokers}
    brokers = [found[node] for node in sorted(found)]
    named = {broker.address for broker in brokers}
    others = [broker.address for broker in brokers if broker.address not in answers]
    answers |= zip(others, await _ask_all(others, settings, options), strict=True)
    faults: list[ServerError] = []
    for broker in brokers:
        answer = answers[broker.address]
        if isinstance(answer, _Told) and answer.cluster not in clusters:
            answer = KafkaConnectionError(f"it is another cluster, {answer.cluster}")
        if not isinstance(answer, _Told):
            faults.append(refusal(answer) or _unreached(settings, broker, answer, list(told), len(brokers)))
    for address in addresses:
        answer = answers[address]
        if not isinstance(answer, _Told) and address not in named:
            fault = refusal(answer) or await _unanswered(settings, address, answer, others_do=bool(told))
            faults += [fault] if fault else []
    return Reach(list(told), brokers, faults)


async def _ask_all(
    addresses: list[str], settings: KafkaSettings, options: Mapping[str, Any]
) -> list[_Told | BaseException]:
    return await asyncio.gather(*(_ask(address, settings, options) for address in addresses))


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


async def _ask(address: str, settings: KafkaSettings, options: Mapping[str, Any]) -> _Told | BaseException:
    """Ask the server at an address for its cluster; return the error where it does not answer."""
    connection = None
    try:
        async with asyncio.timeout(_LOOK):
            connection = await create_conn(*_split(address), client_id=settings.client_id, **options)
            told = await connection.send(MetadataRequest([]))
            brokers = [Advertised(node, host, port) for node, host, port, *_ in told.brokers]
            return _Told(getattr(told, "cluster_id", None) or "", brokers)
    except (KafkaError, OSError, TimeoutError, SettingsError) as error:
        return _Mute() if connection is not None and isinstance(error, KafkaConnectionError) else error
    finally:
        if connection is not None:
            with contextlib.suppress(KafkaError, OSError):
                connection.close()


class _Mute(Exception):  # noqa: N818 - it is no failure of ours
    """A Kafka that closes the connection at the first request: it requires authentication."""


def _unreached(
    settings: KafkaSettings, broker: Advertised, error: BaseException, answered: list[str], count: int
) -> ServerError:
    why: str
    if isinstance(error, socket.gaierror):
        why = Phrase("a name that this machine does not know ({error})", error=error.strerror or str(error))
    elif is_loopback(broker.host) and not any(is_loopback(_split(address)[0]) for address in answered):
        why = Phrase("which is this machine, where it does not answer")
    elif f"[Errno {errno.ECONNREFUSED}]" in str(error):
        why = Phrase("and nothing listens there")
    elif isinstance(error, TimeoutError):
        why = Phrase("and nothing answers there in {seconds} s", seconds=_LOOK)
    else:
        why = Phrase("and it does not answer there ({error})", error=str(error) or type(error).__name__)
    # The address that works, if it can only be that broker's.
    same = [address for address in answered if count == 1 or _split(address)[1] == broker.port]
    listener = f"{settings.security.upper()}://{same[0] if same else 'HOST:PORT'}"
    return UnreachableError(
        "kafka",
        Phrase(
            "broker {node} of the Kafka at {via} says that it is at {address}, {why}",
            node=broker.node,
            via=", ".join(answered),
            address=broker.address,
            why=why,
        ),
        Phrase(
            "is that broker running? else set its advertised.listeners to where clients reach it, as {listener}, or "
            "let this machine reach {address} (a line in /etc/hosts, a tunnel to that port)",
            listener=listener,
            address=broker.address,
        ),
    )


async def _unanswered(
    settings: KafkaSettings, address: str, error: BaseException, *, others_do: bool
) -> ServerError | None:
    if isinstance(error, _Mute):
        secure = "sasl_ssl" if settings.security.endswith("ssl") else "sasl_plaintext"
        return UnreachableError(
            "kafka",
            Phrase("what listens at {broker} closes the connection at the first request", broker=address),
            Phrase(
                "that port seems to ask for a user: set kafka.security to {security}, and the user", security=secure
            ),
        )
    if not settings.security.endswith("ssl") and isinstance(error, KafkaConnectionError):
        if await _speaks_tls(address):
            return UnreachableError(
                "kafka",
                Phrase(
                    "what listens at {broker} speaks TLS, and kafka.security is {security}",
                    broker=address,
                    security=settings.security,
                ),
                Phrase(
                    "set kafka.security to ssl, or to sasl_ssl where it asks for a user, and kafka.ca_file to the "
                    "authority's certificate; or name the port of the listener in clear"
                ),
            )
        return UnreachableError(
            "kafka",
            Phrase("what listens at {broker} closes the connection", broker=address),
            Phrase("is Kafka still starting, or does that port ask for TLS (the setting kafka.security)?"),
        )
    if isinstance(error, socket.gaierror):
        return UnreachableError(
            "kafka",
            Phrase("this machine does not know the name in {broker} ({error})", broker=address, error=str(error)),
            Phrase("check the setting kafka.brokers"),
        )
    if others_do:
        return UnreachableError(
            "kafka",
            Phrase("no Kafka answers at {broker}: {error}", broker=address, error=str(error) or type(error).__name__),
            Phrase("is it running? the others of kafka.brokers answer"),
        )
    return None


async def _speaks_tls(address: str) -> bool:
    # Nothing is sent, so whose certificate it is does not matter.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(_LOOK):
            _, writer = await asyncio.open_connection(*_split(address), ssl=context)
    except ssl.SSLError as error:
        # Other TLS errors, such as a request for a client certificate, prove that it speaks TLS.
        return error.reason not in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"}
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


def kafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Build the options that aiokafka's clients share; files are read at each call, so a new password counts at once.

    Args:
        settings: the cluster's.

    Raises:
        SettingsError: the password file or the CA file can't be read.
    """
    return {"bootstrap_servers": settings.brokers, **_identification(settings)}


def new_consumer(settings: KafkaSettings, **options: Any) -> AIOKafkaConsumer:
    """Create a consumer that commits only when told to and, unless told otherwise, reads only committed records.

    Args:
        settings: the cluster's.
        options: further options of aiokafka's, which override those.

    Raises:
        SettingsError: a file named in the settings can't be read.
    """
    return AIOKafkaConsumer(
        **{
            **kafka_options(settings),
            "client_id": settings.client_id,
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "request_timeout_ms": int(settings.timeout * 1000),
            **options,
        }
    )


async def connection_error(settings: KafkaSettings, error: BaseException | None) -> ServerError:
    """Explain why an attempt to connect failed.

    aiokafka only reports that it could not bootstrap, or that a node is not ready, so each broker is contacted once
    more, which takes at most ten seconds.

    Args:
        settings: the cluster's.
        error: what aiokafka raised, if anything.
    """
    if isinstance(error, SettingsError):
        return RefusedError("kafka", error.text, Phrase("correct the setting or the file; it is read again by itself"))
    refusal = _refusal(settings, error)
    if refusal is not None:
        return refusal
    try:
        reach = await reach_of(settings)
    except SettingsError as unreadable:
        return await connection_error(settings, unreadable)
    if reach.faults:
        return reach.faults[0]
    brokers = ", ".join(dict.fromkeys(settings.brokers))
    why = f": {cause}" if (cause := cause_of(error)) else ""
    return UnreachableError(
        "kafka",
        Phrase("no Kafka broker answers at {brokers}{why}", brokers=brokers, why=why),
        Phrase("is Kafka running there?"),
    )


async def reach_of(settings: KafkaSettings) -> Reach:
    """Find out which brokers of the cluster are reachable; takes at most ten seconds.

    Raises:
        SettingsError: the password file or the CA file can't be read.
    """
    return await look_at_brokers(settings, _identification(settings), lambda error: _refusal(settings, error))


def _identification(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": settings.security.upper()}
    if settings.security.endswith("ssl"):
        options["ssl_context"] = trust(settings.ca_file, "kafka.ca_file")
    if settings.security.startswith("sasl_"):
        options["sasl_mechanism"] = settings.mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = read_secret(settings.password_file, "kafka.password_file")
    return options


def _refusal(settings: KafkaSettings, error: BaseException | None) -> RefusedError | None:
    brokers = ", ".join(dict.fromkeys(settings.brokers))
    if refusal := certificate_refusal("kafka", brokers, "kafka.ca_file", error):
        return refusal
    if isinstance(error, _PASSWORD):
        return RefusedError(
            "kafka",
            Phrase("Kafka at {brokers} refuses user {user!r} or the password", brokers=brokers, user=settings.username),
            Phrase("check kafka.username and the file of kafka.password_file; it is read again by itself"),
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
            Phrase("allow the engine's user to write to its topics"),
        )
    return None
