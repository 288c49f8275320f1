"""The journal as Prometheus metrics, read at the moment they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from bridge.journal import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from bridge.journal import Journal

__all__ = ["registry_of"]


def registry_of(journal: Journal) -> CollectorRegistry:
    """A registry with the engine's metrics and those of its process."""
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
        if journal.lag >= 0:
            yield GaugeMetricFamily("opsci_lag_records", "Records that are not consumed yet", value=journal.lag)
        yield GaugeMetricFamily("opsci_products", "Products in Strapi", value=journal.stock.total)
        yield self._latency()
        yield self._connections()

    def _latency(self) -> Metric:
        latency = SummaryMetricFamily(
            "opsci_hop_seconds", "How long a hop takes; the quantiles are those of the last minute", labels=["hop"]
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
