"""Identification of this engine's Kafka cluster: no other cluster at its address is read or written.

The port of a stopped Kafka may belong to another one a moment later: a tunnel, a container, a second installation.
Records would be written there, and its records applied to our Strapi. So every connection of every client is asked for
the cluster's id (Kafka's Metadata request, since version 2) before anything else, and later answers with an id are
checked too, as a proxy can switch clusters behind an open connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bridge.errors import ForeignServerError
from bridge.kafka._private import guard_connections, start_client
from bridge.kafka.connect import kafka_options
from bridge.known_servers import KnownServers
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import KafkaSettings

__all__ = ["Cluster", "admin_client", "close_admin", "start_admin"]

_log = logging.getLogger(__name__)

_KIND: Final = "kafka"

_CLOSING: Final = 2.0
"""Seconds that a client gets to disconnect."""

_accepted: set[tuple[str, ...]] = set()
"""Brokers for which `kafka.accept_new` has taken effect in this process: it counts once a start."""


class Cluster:
    """Distinguishes this engine's cluster from any other.

    Args:
        settings: the cluster's.
        remember: whether the first cluster found at a new address is stored as this engine's.

    Attributes:
        refusal: the error for another cluster that answers now; None if none does.
    """

    def __init__(self, settings: KafkaSettings, *, remember: bool = True) -> None:
        self.refusal: ForeignServerError | None = None
        self._settings = settings
        self._brokers = tuple(dict.fromkeys(settings.brokers))
        self._remember = remember
        self._servers = KnownServers.of(settings.known_file)

    @property
    def known(self) -> str | None:
        """The id of this engine's cluster; None while none is known."""
        return self._servers.identity(_KIND, self._brokers)

    async def start(self, client: Any) -> None:
        """Start one of aiokafka's clients; it then communicates with this engine's cluster or with none.

        Args:
            client: a producer, a consumer or an admin client that is not started. If this raises, the caller must stop
                it.

        Raises:
            ForeignServerError: another cluster answers.
            KafkaError: what the client raises; also OSError and TimeoutError.
        """
        if not guard_connections(client, self._admits):
            await self._look()
        await self._started(client)

    async def _started(self, client: Any) -> None:
        try:
            await start_client(client)
        except (KafkaError, OSError, TimeoutError) as error:
            if self.refusal is not None:
                raise self.refusal from error
            raise
        self.check()

    def check(self) -> None:
        """Raise if another cluster answers.

        Raises:
            ForeignServerError: it does.
        """
        if self.refusal is not None:
            raise self.refusal

    def _admits(self, cluster_id: str | None) -> bool:
        """Whether a server with this cluster id is admitted; brokers before Kafka 0.10.1 have none."""
        if not cluster_id:
            return True
        known = self._servers.identity(_KIND, self._brokers)
        if known is not None and known != cluster_id and not self._takes_new():
            self.refusal = self._foreign(cluster_id, known)
            return False
        self.refusal = None
        if self._remember:
            if known != cluster_id:
                self._note(cluster_id, known)
            # Switching it off and on, as on the settings screen, counts as another start.
            (_accepted.add if self._settings.accept_new else _accepted.discard)(self._brokers)
        return True

    def _takes_new(self) -> bool:
        return self._settings.accept_new and self._brokers not in _accepted

    def _note(self, cluster_id: str, known: str | None) -> None:
        self._servers.note(_KIND, self._brokers, cluster_id)
        if known is None:
            _log.debug("kafka: the cluster %s at %s is this engine's from now on", cluster_id, ", ".join(self._brokers))
        else:
            _log.warning(
                "kafka: the cluster %s at %s is this engine's from now on, as kafka.accept_new says; what was not "
                "applied of the cluster %s before it stays there, unknown how many records",
                *(cluster_id, ", ".join(self._brokers), known),
            )

    def _foreign(self, cluster_id: str, known: str) -> ForeignServerError:
        return ForeignServerError(
            "kafka",
            Phrase(
                "another Kafka cluster answers at {brokers}: {found}, and this engine's is {known}; nothing is read or "
                "written there, and the messages wait in the broker",
                brokers=", ".join(self._brokers),
                found=cluster_id,
                known=known,
            ),
            Phrase(
                "is it a tunnel, a container or another installation on that port? If it is the new cluster for good, "
                "start once with --set kafka.accept_new=true"
            ),
        )

    async def _look(self) -> None:
        """Request the cluster's id once, where aiokafka offers no way to check each connection."""
        admin = _admin(self._settings)
        try:
            await admin.start()
            self._admits((await admin.describe_cluster()).get("cluster_id"))
        finally:
            await admin.close()
        self.check()


def _admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(
        **kafka_options(settings), client_id=settings.client_id, request_timeout_ms=int(settings.timeout * 1000)
    )


async def start_admin(settings: KafkaSettings, *, remember: bool = True) -> AIOKafkaAdminClient:
    """Start an admin client for this engine's cluster; the caller must close it.

    Args:
        settings: the cluster's.
        remember: whether a cluster at a new address is stored as this engine's.

    Raises:
        ForeignServerError: another cluster answers.
        SettingsError: a file named in the settings can't be read.
        KafkaError: what the client raises; also OSError and TimeoutError.
    """
    admin = _admin(settings)
    try:
        await Cluster(settings, remember=remember).start(admin)
    except BaseException:
        await close_admin(admin)
        raise
    return admin


async def close_admin(admin: AIOKafkaAdminClient) -> None:
    """Disconnect within two seconds."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(admin.close(), _CLOSING)


@contextlib.asynccontextmanager
async def admin_client(settings: KafkaSettings, *, remember: bool = True) -> AsyncIterator[AIOKafkaAdminClient]:
    """Provide an admin client within a block; raises what `start_admin` raises."""
    admin = await start_admin(settings, remember=remember)
    try:
        yield admin
    finally:
        # Without a timeout: cancelled, it would leave its connections open.
        await admin.close()
