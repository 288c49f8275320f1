"""Health and metrics over HTTP."""

from __future__ import annotations

import logging
import socket

import httpx
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from bridge.command.health import HealthServer, needed
from bridge.command.run import account
from bridge.errors import SettingsError
from bridge.journal import Hop, Journal, Journey, Server, State, Verdict
from bridge.movement import Movement, Reason, Rejection
from bridge.settings import Settings


def settings(port: int = 0, *, ingest: bool = True, apply: bool = True, host: str = "127.0.0.1") -> Settings:
    base = Settings()
    return replace(
        base,
        watch=replace(base.watch, host=host, port=port),
        ingest=replace(base.ingest, enabled=ingest),
        apply=replace(base.apply, enabled=apply),
    )


def busy_journal() -> Journal:
    journal = Journal(10)
    applied = Journey("a", b"", movement=Movement("1", 2, "IN"), verdict=Verdict.APPLIED)
    applied.received_at, applied.consumed_at, applied.decided_at = 100.0, 100.5, 101.0
    refused = Journey("b", b"", verdict=Verdict.REJECTED, rejection=Rejection(Reason.ZERO_AMOUNT, "0"), decided_at=1.0)
    journal.arrived([applied, refused])
    journal.settled([applied, refused])
    journal.lag, journal.lag_of_others = 7, 2
    return journal


@pytest.mark.parametrize(
    ("ingest", "apply", "servers"),
    [
        (True, True, [Server.MQTT, Server.KAFKA, Server.STRAPI]),
        (True, False, [Server.MQTT, Server.KAFKA]),
        (False, True, [Server.KAFKA, Server.STRAPI]),
        (False, False, [Server.STRAPI]),
    ],
)
def test_what_is_needed_depends_on_what_the_engine_does(ingest: bool, apply: bool, servers: list[Server]) -> None:
    assert needed(settings(ingest=ingest, apply=apply)) == servers


def test_ready_once_all_needed_connections_are_up() -> None:
    journal = Journal(10)
    with (
        HealthServer(settings(apply=False), journal) as watch,
        httpx.Client(base_url=watch.url, trust_env=False) as client,
    ):
        journal.connection(Server.MQTT, State.UP)
        journal.connection(Server.KAFKA, State.DOWN, "no Kafka broker answers", "is Kafka running there?")
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["ready"] is False
        assert answer.json()["connections"]["kafka"]["detail"] == "no Kafka broker answers"
        assert answer.json()["connections"]["strapi"]["needed"] is False
        journal.connection(Server.KAFKA, State.UP)
        assert client.get("/readyz").status_code == 200


def test_healthy_while_the_event_loop_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("bridge.command.health.monotonic", lambda: now[0])
    with HealthServer(settings(), Journal(10)) as watch, httpx.Client(base_url=watch.url, trust_env=False) as client:
        assert client.get("/healthz").json() == {"healthy": True, "seconds_since_sign_of_life": 0.0}
        now[0] += 11
        assert client.get("/healthz").status_code == 503
        watch.beat()
        assert client.get("/healthz").status_code == 200


def test_metrics_are_what_the_journal_has() -> None:
    journal = busy_journal()
    with HealthServer(settings(), journal) as watch, httpx.Client(base_url=watch.url, trust_env=False) as client:
        answer = client.get("/metrics")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["opsci_received_total",] == 2
    assert found["opsci_decided_total",] == 2
    assert found["opsci_verdicts_total", "applied"] == 1
    assert found["opsci_rejected_total", "zero-amount"] == 1
    assert found["opsci_lag_records",] == 7
    assert found["opsci_lag_other_records",] == 2
    assert found["opsci_answered_total",] == 1
    assert found["opsci_hop_seconds_count", "total"] == journal.latency[Hop.TOTAL].total == 1
    assert found["opsci_hop_seconds", "0.5", "total"] == pytest.approx(1.0, rel=0.15)
    assert found["opsci_connection_state", "mqtt", "off"] == 1
    assert found["opsci_connection_state", "mqtt", "up"] == 0
    assert found["process_resident_memory_bytes",] > 0


def test_an_unknown_lag_is_no_metric() -> None:
    with HealthServer(settings(), Journal(10)) as watch, httpx.Client(base_url=watch.url, trust_env=False) as client:
        assert "opsci_lag" not in client.get("/metrics").text


def test_other_requests_are_refused() -> None:
    with HealthServer(settings(), Journal(10)) as watch, httpx.Client(base_url=watch.url, trust_env=False) as client:
        assert client.get("/").status_code == 404
        assert client.post("/readyz").status_code == 405
        assert client.head("/healthz").content == b""


def test_a_port_that_is_taken_moves_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with caplog.at_level(logging.WARNING), HealthServer(settings(port), Journal(10)) as watch:
            assert httpx.get(f"{watch.url}/healthz", trust_env=False).status_code == 200
    assert f"port {port} is taken" in caplog.text


def test_an_address_that_is_not_ours_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"watch\.host: nothing can listen on 192\.0\.2\.1"):
        HealthServer(settings(host="192.0.2.1"), Journal(10))


def test_the_account_is_one_line() -> None:
    assert account(busy_journal()).startswith(
        "received 2; produced 0; decided 2 (applied 1, rejected 1); dead letters 0 (zero-amount 1); lag 7; "
        "MQTT to Strapi p50 "
    )
