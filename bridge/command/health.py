"""Health and metrics over HTTP: /healthz, /readyz and /metrics, served on a separate thread."""

from __future__ import annotations

import errno
import logging
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bridge.errors import SettingsError
from bridge.http.guard import HostRule
from bridge.http.message import Response, complaint, json_response
from bridge.http.server import HttpServer
from bridge.journal import Server, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from prometheus_client.metrics_core import Metric

    from bridge.http.message import Request
    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["HealthServer", "needed", "readiness", "registry_of"]

_STUCK: Final = 10.0
"""Seconds without a sign of life from the engine's event loop after which it counts as unhealthy."""

_log = logging.getLogger(__name__)


def registry_of(journal: Journal) -> CollectorRegistry:
    """Create a registry with the metrics of the engine and its process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_JournalCollector(journal))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


class _JournalCollector(Collector):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def collect(self) -> Iterator[Metric]:
        journal = self._journal
        for name, about, rate in (
            ("received", "Messages that came over MQTT", journal.received),
            ("produced", "Records that Kafka acknowledged", journal.produced),
            ("decided", "Messages that have a verdict", journal.decided),
            ("answered", "Records that Strapi answered for", journal.answered),
            ("dead_letters", "Records written into the errors topic", journal.rejected),
        ):
            yield CounterMetricFamily(f"opsci_{name}", about, value=rate.total)
        verdicts = CounterMetricFamily("opsci_verdicts", "What became of the messages", labels=["verdict"])
        for verdict, count in journal.verdicts.copy().items():
            verdicts.add_metric([verdict], count)
        yield verdicts
        rejected = CounterMetricFamily("opsci_rejected", "Messages that can't be applied, by reason", labels=["reason"])
        for reason, count in journal.reasons.copy().items():
            rejected.add_metric([reason], count)
        yield rejected
        yield from self._positions()
        gaps = CounterMetricFamily(
            "opsci_mqtt_gaps",
            "Times at which MQTT messages may have been lost, unknown how many, by what shows that",
            labels=["cause"],
        )
        for cause, count in journal.gaps.copy().items():
            gaps.add_metric([cause], count)
        yield gaps
        granted = GaugeMetricFamily(
            "opsci_granted_qos", "The QoS that the broker grants a subscription", labels=["filter"]
        )
        for topic_filter, qos in journal.granted.copy().items():
            granted.add_metric([topic_filter], qos)
        yield granted
        yield GaugeMetricFamily(
            "opsci_foreign_group_members",
            "Members of the consumer group that are other programs",
            value=journal.foreign_members,
        )
        yield GaugeMetricFamily(
            "opsci_stands_by",
            "1 while another engine takes the MQTT messages and this one only applies",
            value=float(journal.stands_by),
        )
        if journal.clock_ahead is not None:
            yield GaugeMetricFamily(
                "opsci_clock_ahead_seconds",
                "How far this machine's clock is ahead of Strapi's; below 0 it is behind",
                value=journal.clock_ahead,
            )
        if journal.lag >= 0:
            about = "Movements in Kafka that wait for Strapi: they have no verdict yet"
            yield GaugeMetricFamily("opsci_lag_records", about, value=journal.lag)
        if journal.lag_of_others >= 0:
            about = "Records of other routes in Kafka that wait for Strapi, as products and events"
            yield GaugeMetricFamily("opsci_lag_other_records", about, value=journal.lag_of_others)
        yield GaugeMetricFamily("opsci_products", "Products in Strapi", value=journal.stock.total)
        yield self._latency()
        yield self._connections()

    def _positions(self) -> Iterator[Metric]:
        """Metrics of offsets that were skipped, repeated or lost, or can't be read."""
        journal = self._journal
        places = ["topic", "partition"]
        skipped = CounterMetricFamily(
            "opsci_skipped_records", "Offsets that Kafka deleted before they were applied", labels=places
        )
        for (topic, partition), count in journal.skipped.copy().items():
            skipped.add_metric([topic, str(partition)], count)
        yield skipped
        passed = CounterMetricFamily(
            "opsci_passed_over_records", "Offsets that the group's position was set past", labels=places
        )
        for (topic, partition), count in journal.passed_over.copy().items():
            passed.add_metric([topic, str(partition)], count)
        yield passed
        resets = CounterMetricFamily(
            "opsci_position_resets",
            "Partitions that were not read on where that had ended, by reason",
            labels=["reason"],
        )
        for reason, count in journal.resets.copy().items():
            resets.add_metric([reason], count)
        yield resets
        missing = GaugeMetricFamily(
            "opsci_missing_records",
            "Offsets that count as applied and that Strapi's ledger has not seen",
            labels=places,
        )
        for (topic, partition), count in journal.missing.copy().items():
            missing.add_metric([topic, str(partition)], count)
        yield missing
        held = GaugeMetricFamily(
            "opsci_held_records", "Offsets that can't be read as long as a transaction is open", labels=places
        )
        for (topic, partition), one in journal.held.copy().items():
            held.add_metric([topic, str(partition)], one.offsets)
        yield held

    def _latency(self) -> Metric:
        latency = SummaryMetricFamily(
            "opsci_hop_seconds",
            "How long a hop takes a movement; the quantiles are those of the last minute",
            labels=["hop"],
        )
        for hop, histogram in self._journal.latency.items():
            summary = histogram.summary()
            if summary.measured:
                latency.add_sample("opsci_hop_seconds", {"hop": hop, "quantile": "0.5"}, summary.p50)
                latency.add_sample("opsci_hop_seconds", {"hop": hop, "quantile": "0.99"}, summary.p99)
            latency.add_metric([hop], histogram.total, histogram.sum)
        return latency

    def _connections(self) -> Metric:
        states = GaugeMetricFamily(
            "opsci_connection_state", "1 for the state that a connection is in", labels=["server", "state"]
        )
        for server, connection in self._journal.connections.copy().items():
            for state in State:
                states.add_metric([server, state], float(connection.state is state))
        return states


def needed(settings: Settings) -> list[Server]:
    """The servers that this engine needs."""
    wanted = {
        Server.MQTT: settings.ingest.enabled,
        Server.KAFKA: settings.ingest.enabled or settings.apply.enabled,
        Server.STRAPI: settings.apply.enabled or not settings.ingest.enabled,
    }
    return [server for server, is_needed in wanted.items() if is_needed]


def readiness(settings: Settings, journal: Journal) -> tuple[bool, dict[str, object]]:
    """Return whether all needed connections are up, and the state of each, for JSON."""
    connections = journal.connections.copy()
    wanted = [server for server in needed(settings) if not (server is Server.MQTT and journal.stands_by)]
    ready = all(connections[server].state is State.UP for server in wanted)
    standing = {
        server.value: {**connection._asdict(), "needed": server in wanted} for server, connection in connections.items()
    }
    return ready, {"ready": ready, "connections": standing, "notes": journal.notes.copy()}


class HealthServer:
    """Serves health and metrics; use it as a context manager.

    Args:
        settings: where to listen, and which servers are needed.
        journal: what is shown.

    Attributes:
        url: its address.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._registry = registry_of(journal)
        self._beat = monotonic()
        self._server = self._listen()
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def beat(self) -> None:
        """Note a sign of life of the engine's event loop; without one for ten seconds /healthz answers 503."""
        self._beat = monotonic()

    def _listen(self) -> HttpServer:
        watch = self._settings.watch
        rule = HostRule.of(watch.host, watch.names)
        try:
            return HttpServer(watch.host, watch.port, self._answer, names=rule)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                msg = f"watch.host: nothing can listen on {watch.host} port {watch.port}: {error.strerror or error}"
                raise SettingsError(msg) from None
        server = HttpServer(watch.host, 0, self._answer, names=rule)
        _log.warning("port %d is taken: health and metrics are on port %d", watch.port, server.port)
        return server

    def _answer(self, request: Request) -> Response:
        match request.path:
            case "/metrics":
                encode, kind = choose_encoder(request.headers.get("accept", ""))
                return Response(HTTPStatus.OK, kind, encode(self._registry))
            case "/healthz":
                silent = monotonic() - self._beat
                healthy = silent < _STUCK
                status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
                return json_response({"healthy": healthy, "seconds_since_sign_of_life": round(silent, 1)}, status)
            case "/readyz":
                ready, standing = readiness(self._settings, self._journal)
                return json_response(standing, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
            case _:
                return complaint(HTTPStatus.NOT_FOUND, "known are /healthz, /readyz and /metrics")
