"""Settings from the environment and the command line: our names, the course's names, and their precedence."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import pytest

from bridge.errors import SettingsError
from bridge.route import Route, RouteKind
from bridge.settings import Settings
from bridge.settings.load import load_settings
from bridge.settings.names import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path


def test_each_setting_has_a_variable() -> None:
    values = {"routes": '[{"mqtt": "topic", "kafka": "stock"}]', "kafka.brokers": "a:1, b:2,", "watch.names": ""}
    environ = {}
    for setting in SETTINGS.values():
        section = getattr(Settings(), setting.section) if setting.section else Settings()
        environ[setting.variable] = values.get(setting.key, str(getattr(section, setting.name)))
    settings = load_settings(None, environ)
    assert settings.kafka.brokers == ["a:1", "b:2"]
    assert settings.routes == [Route("topic", "stock", RouteKind.MOVEMENT)]
    assert (settings.mqtt, settings.strapi, settings.apply) == (Settings().mqtt, Settings().strapi, Settings().apply)


def test_precedence(tmp_path: Path) -> None:
    file = tmp_path / "opsci.toml"
    file.write_text('drain = 1\n[mqtt]\nurl = "ws://file:1"\nkeepalive = 11\nusername = "file"\n')
    environ = {"OPSCI_MQTT_URL": "ws://variable:1", "OPSCI_MQTT_KEEPALIVE": "12", "MQTT_ENDPOINT": "ws://course:1"}
    settings = load_settings(file, environ, {"mqtt.url": "ws://flag:1"})
    assert settings.mqtt.url == "ws://flag:1"
    assert settings.mqtt.keepalive == 12
    assert settings.mqtt.username == "file"
    assert settings.drain == 1
    assert settings.mqtt.version == "5"
    assert load_settings(file, environ).mqtt.url == "ws://variable:1"
    del environ["OPSCI_MQTT_URL"]
    assert load_settings(file, environ).mqtt.url == "ws://course:1"


def test_a_token_file_covers_a_token_that_was_given_with_less_right(tmp_path: Path) -> None:
    file = tmp_path / "opsci.toml"
    file.write_text('[strapi]\ntoken = "old"\n')
    settings = load_settings(file, {"STRAPI_TOKEN_FILE": "/run/secrets/token"})
    assert (settings.strapi.token, settings.strapi.token_file) == ("", "/run/secrets/token")
    assert load_settings(file, {"STRAPI_TOKEN_FILE": ""}).strapi.token == "old"
    both = {"STRAPI_TOKEN": "new", "STRAPI_TOKEN_FILE": "/run/secrets/token"}
    assert load_settings(file, both).strapi.token == "new"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"OPSCI_MQTT_KEEPALIVE": "soon"},
            'environment: OPSCI_MQTT_KEEPALIVE: found "soon"; allowed: a whole number from 1 to 65,535',
        ),
        ({"OPSCI_APPLY_ENABLED": "yes"}, 'environment: OPSCI_APPLY_ENABLED: found "yes"; allowed: true or false'),
        (
            {"OPSCI_MQTT_ULR": "ws://h"},
            "environment: OPSCI_MQTT_ULR: there is no such setting; did you mean OPSCI_MQTT_URL?",
        ),
        ({"BEGINNING": "maybe"}, 'environment: BEGINNING: found "maybe"; allowed: true or false'),
        (
            {"BROKER_1": "a:1", "BROKER_2": "b"},
            'environment: BROKER_1, BROKER_2: found ["a:1", "b"]; allowed: a list of at least 1, each host:port',
        ),
        (
            {"KAFKA_TOPIC": "a b"},
            'environment: KAFKA_TOPIC: found "a b"; allowed: 1 to 249 of the characters '
            "a-z, A-Z, 0-9, '.', '_' and '-'",
        ),
        (
            {"MQTT_TOPIC": "a/#/b"},
            "environment: MQTT_TOPIC: 'a/#/b' is no MQTT filter: # stands alone and at the end, as in a/#",
        ),
        (
            {"ERROR_TOPIC": "stock"},
            "environment: ERROR_TOPIC: the dead letters' topic 'stock' is routes[0]'s too: kafka.errors_topic needs "
            "one of its own",
        ),
        (
            {"OPSCI_ROUTES": "topic"},
            "environment: OPSCI_ROUTES: it is a JSON list of routes, and this is no JSON: JSON is malformed: invalid "
            "character (byte 4)",
        ),
        (
            {"OPSCI_ROUTES": '[{"mqtt":"a","kafka":"a","does":"event"}]', "TOPIC": "x"},
            None,
        ),
    ],
)
def test_wrong_variables_are_named(environ: dict[str, str], problem: str | None) -> None:
    if problem is None:
        assert load_settings(None, environ).routes == [Route("a", "a", RouteKind.EVENT)]
        return
    with pytest.raises(SettingsError) as caught:
        load_settings(None, environ)
    assert str(caught.value) == problem


def test_a_course_topic_needs_a_route_that_does_movement(tmp_path: Path) -> None:
    file = tmp_path / "opsci.toml"
    file.write_text('[[routes]]\nmqtt = "a"\nkafka = "a"\ndoes = "carry"\n')
    with pytest.raises(SettingsError, match="environment: TOPIC: no route does movement"):
        load_settings(file, {"TOPIC": "x"})


def test_variables_of_other_programs_are_no_mistakes(caplog: pytest.LogCaptureFixture) -> None:
    others = ("CONFIG", "STATE", "CACHE", "BRIDGE_TOKEN_FILE", "READ_TOKEN_FILE", "SERVE_ADMIN", "TEST_STATE")
    with caplog.at_level(logging.WARNING):
        assert load_settings(None, {f"OPSCI_{name}": "x" for name in others}) == Settings()
        assert caplog.messages == []
        assert load_settings(None, {"OPSCI_DRIAN": "3"}) == Settings()
    assert caplog.messages == ["the environment variable OPSCI_DRIAN is none of opsci-bridge's and changes nothing"]


def test_a_secret_is_not_in_the_message_about_a_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {"OPSCI_MQTT_URL": "ws://ada:hunter2@h:1", "STRAPI_URL": "http://ada:hunter2@h"})
    assert "hunter2" not in str(caught.value)


def test_flags_are_read_by_their_type_and_unknown_ones_told() -> None:
    settings = load_settings(None, {}, {"mqtt.keepalive": "7", "apply.enabled": False, "kafka.brokers": ["a:1"]})
    assert (settings.mqtt.keepalive, settings.apply.enabled, settings.kafka.brokers) == (7, False, ["a:1"])
    with pytest.raises(
        SettingsError, match=r"command line: mqtt\.urls: there is no such setting; did you mean mqtt\.url"
    ):
        load_settings(None, {}, {"mqtt.urls": "x"})


class TestInPlaceOfTheCoursesConnector:
    """`opsci-bridge --only ingest` with the connector's variables."""

    ALONE: ClassVar[dict[str, object]] = {"apply.enabled": False}

    def test_its_defaults_are_ours(self) -> None:
        environ = {
            **dict.fromkeys(("BROKER_1", "BROKER_2", "BROKER_3"), "localhost:9092"),
            "KAFKA_TOPIC": "stock",
            "MQTT_TOPIC": "topic",
            "MQTT_ENDPOINT": "ws://localhost:1883",
        }
        settings = load_settings(None, environ, self.ALONE)
        assert settings.kafka.brokers == ["localhost:9092"]
        assert settings.mqtt.url == "ws://localhost:1883"
        assert settings.routes == Settings().routes
        assert settings.mqtt.publish_topic == "topic"

    def test_its_brokers_keep_their_order(self) -> None:
        environ = {"BROKER_1": "c:1", "BROKER_2": " a:1", "BROKER_3": "c:1"}
        assert load_settings(None, environ, self.ALONE).kafka.brokers == ["c:1", "a:1"]

    def test_its_topics_are_those_of_the_movements(self) -> None:
        settings = load_settings(None, {"KAFKA_TOPIC": "moves", "MQTT_TOPIC": "shop/+"}, self.ALONE)
        assert settings.routes[0] == Route("shop/+", "moves", RouteKind.MOVEMENT)
        assert settings.routes[1:] == Settings().routes[1:]
        assert settings.mqtt.publish_topic == "topic"
        assert load_settings(None, {"MQTT_TOPIC": "shop"}, self.ALONE).mqtt.publish_topic == "shop"

    def test_topic_alone_names_both_as_in_the_program(self) -> None:
        assert load_settings(None, {"TOPIC": "both"}, self.ALONE).routes[0] == Route("both", "both", RouteKind.MOVEMENT)

    def test_the_documented_names_win_over_topic(self) -> None:
        environ = {"TOPIC": "both", "MQTT_TOPIC": "in"}
        assert load_settings(None, environ, self.ALONE).routes[0] == Route("in", "both", RouteKind.MOVEMENT)
        environ = {"TOPIC": "both", "KAFKA_TOPIC": "out"}
        assert load_settings(None, environ, self.ALONE).routes[0] == Route("topic", "out", RouteKind.MOVEMENT)

    def test_ours_win_over_its(self) -> None:
        environ = {"MQTT_ENDPOINT": "ws://course:1", "OPSCI_MQTT_URL": "ws://ours:1", "MQTT_TOPIC": "in"}
        environ["OPSCI_MQTT_PUBLISH_TOPIC"] = "form"
        settings = load_settings(None, environ, self.ALONE)
        assert (settings.mqtt.url, settings.mqtt.publish_topic) == ("ws://ours:1", "form")


class TestInPlaceOfTheCoursesStockConsumer:
    """`opsci-bridge --only apply` with the consumer's variables."""

    ALONE: ClassVar[dict[str, object]] = {"ingest.enabled": False}

    def test_its_names(self) -> None:
        environ = {
            **dict.fromkeys(("BROKER_1", "BROKER_2", "BROKER_3"), "kafka:9092"),
            "STRAPI_TOKEN": "secret",
            "STRAPI_URL": "http://localhost:8080",
            "TOPIC": "moves",
            "BEGINNING": "false",
            "ERROR_TOPIC": "errors",
        }
        settings = load_settings(None, environ, self.ALONE)
        assert settings.kafka.brokers == ["kafka:9092"]
        assert (settings.strapi.token, settings.strapi.url) == ("secret", "http://localhost:8080")
        assert settings.routes[0] == Route("topic", "moves", RouteKind.MOVEMENT)
        assert settings.kafka.beginning is False
        assert settings.kafka.errors_topic == "errors"

    def test_its_group_is_ours(self) -> None:
        assert load_settings(None, {}, self.ALONE).kafka.group == "stock-creator"

    def test_its_empty_token_is_none(self, tmp_path: Path) -> None:
        file = tmp_path / "opsci.toml"
        file.write_text('[strapi]\ntoken = "kept"\n')
        assert load_settings(file, {"STRAPI_TOKEN": ""}, self.ALONE).strapi.token == "kept"

    def test_topic_is_the_kafka_side_beside_ingest_too(self) -> None:
        assert load_settings(None, {"TOPIC": "moves"}).routes[0] == Route("topic", "moves", RouteKind.MOVEMENT)
