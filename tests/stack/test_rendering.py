"""The committed configurations with local ports and folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.kafka.producer import LARGEST_RECORD
from stack.paths import ROOT
from stack.ports import Ports
from stack.servers.kafka import render_properties
from stack.servers.mosquitto import render_mosquitto

_COMMITTED = (ROOT / "configs" / "mosquitto.conf").read_text()
_SUBJECT = (
    "persistence true",
    "persistence_location /mosquitto/data/",
    "log_dest file /mosquitto/log/mosquitto.log",
    "allow_anonymous true",
    "listener 1883",
    "protocol websockets",
)


def _settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_committed_mosquitto_configuration_begins_with_the_subjects() -> None:
    assert tuple(_settings(_COMMITTED)[: len(_SUBJECT)]) == _SUBJECT


def test_mosquitto_gets_loopback_its_ports_and_its_folders() -> None:
    text = render_mosquitto(_COMMITTED, Ports(mqtt_ws=21, mqtt_tcp=22), Path("/s/data"), Path("/s/log"), user="root")
    settings = _settings(text)
    assert "listener 21 127.0.0.1" in settings
    assert "listener 22 127.0.0.1" in settings
    assert settings[settings.index("listener 21 127.0.0.1") + 1 :][:2] == ["protocol websockets", "socket_domain ipv4"]
    assert "persistence_location /s/data/" in settings
    assert "log_dest file /s/log" in settings
    assert settings[-1] == "user root"
    assert "/mosquitto/" not in "\n".join(settings)


def test_mosquitto_has_no_websockets_of_its_own_where_ours_stand_before_it() -> None:
    for committed in (_COMMITTED, (ROOT / "configs" / "secure" / "mosquitto.conf").read_text()):
        text = render_mosquitto(
            committed, Ports(mqtt_ws=21, mqtt_tcp=22), Path("/s/data"), Path("/s/log"), websockets=False
        )
        settings = _settings(text)
        assert [line for line in settings if line.startswith(("listener", "protocol"))] == [
            "listener 22 127.0.0.1",
            "protocol mqtt",
        ]
        assert "allow_anonymous" in text
        assert "max_queued_messages 720000" in settings


def test_the_queue_is_sized_for_an_hour_of_200_movements_a_second() -> None:
    sizes = dict(re.findall(r"^(max_queued_\w+) (\d+)$", _COMMITTED, re.MULTILINE))
    assert int(sizes["max_queued_messages"]) >= 3600 * 200
    assert int(sizes["max_queued_bytes"]) >= 3600 * 200 * 64


@pytest.mark.parametrize("folder", [".", "secure"])
def test_every_mosquitto_of_ours_bounds_bytes(folder: str) -> None:
    text = (ROOT / "configs" / folder / "mosquitto.conf").read_text()
    bounds = dict(re.findall(r"^(max_\w+_bytes|max_packet_size|message_size_limit) (\d+)$", text, re.MULTILINE))
    assert set(bounds) == {"max_queued_bytes", "max_inflight_bytes", "max_packet_size", "message_size_limit"}
    assert all(0 < int(bound) < 200_000_000 for bound in bounds.values()), "0 is no bound"
    # What the bridge can carry into Kafka gets through.
    assert LARGEST_RECORD <= int(bounds["message_size_limit"]) <= int(bounds["max_packet_size"])


def test_kafka_is_on_loopback_only_and_makes_no_topic_by_itself() -> None:
    properties = dict(line.split("=", 1) for line in _settings((ROOT / "configs" / "kafka.properties").read_text()))
    for key in ("listeners", "advertised.listeners"):
        assert all("://127.0.0.1:" in listener for listener in properties[key].split(","))
    assert properties["auto.create.topics.enable"] == "false"


def test_properties_are_replaced_by_their_whole_key() -> None:
    committed = "# listeners=no\nlisteners=a\nadvertised.listeners=b\n"
    assert (
        render_properties(committed, {"listeners": r"c\1"})
        == "# listeners=no\nlisteners=c\\1\nadvertised.listeners=b\n"
    )
    with pytest.raises(KeyError, match="unknown"):
        render_properties(committed, {"unknown": "x"})
