"""The compose file against its schema and our rules; `containers test` runs it in a real engine."""

from __future__ import annotations

import copy
import importlib.util
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from bridge.settings.load import load_settings
from stack.webserver.__main__ import read_arguments
from stack.websockets.__main__ import read_arguments as read_websockets_arguments
from tests.unit.composed import COMPOSE, ROOT, SCHEMA, SERVICES, missing_imports

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = pytest.mark.parametrize("name", SERVICES)


ONCE = {"topics", "secrets", "catalogue"}
"""The services that do one thing and end."""


def _published(name: str, port: int) -> str:
    return f"${{OPSCI_PUBLISH:-127.0.0.1}}:${{OPSCI_PORT_{name}:-{port}}}:{port}"


def test_the_published_schema_takes_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(COMPOSE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda services: services["kafka"].update(port=["9092:9092"]),
        lambda services: services["bridge"]["depends_on"]["strapi"].update(condition="service_started_well"),
        lambda services: services["strapi"]["healthcheck"].update(test=5),
    ],
)
def test_the_schema_refuses_a_mistake(spoil: Callable[[dict[str, Any]], object]) -> None:
    spoilt = copy.deepcopy(COMPOSE)
    spoil(spoilt["services"])
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(spoilt)


def test_kafka_is_reached_on_the_inner_network_alone() -> None:
    kafka = SERVICES["kafka"]
    assert "ports" not in kafka
    assert "network_mode" not in kafka
    assert kafka["networks"] == ["inner"]
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "inner" in service.get("networks", [])} == {
        "kafka",
        "topics",
        "bridge",
        "tui",
    }


def test_only_mqtt_strapi_and_the_page_are_published_and_to_this_machine_by_default() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "websockets": [_published("WEBSOCKETS", 1883)],
        "mosquitto": [_published("MQTT", 1884)],
        "strapi": [_published("STRAPI", 1337)],
        "web": [_published("WEB", 8000)],
    }


@EVERY
def test_no_service_is_root_or_may_become_it(name: str) -> None:
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


@EVERY
def test_each_service_is_pinned_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    tag = service["image"].partition(":")[2]
    assert tag not in {"", "latest"} if "build" not in service else tag == ""
    assert service["restart"] == ("on-failure:5" if name in ONCE else "no" if name == "tui" else "unless-stopped")


@EVERY
def test_each_service_has_a_limit_of_its_memory(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])


@EVERY
def test_who_waits_for_a_service_waits_for_what_it_can_become(name: str) -> None:
    for other, dependency in SERVICES[name].get("depends_on", {}).items():
        condition = dependency["condition"]
        assert condition in {"service_healthy", "service_completed_successfully"}
        if condition == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
        else:
            assert SERVICES[other]["restart"] not in {"always", "unless-stopped"}, f"{other} never completes"


def test_every_server_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {*ONCE, "tui"}


@EVERY
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, where = volume.partition(":")
        if source.startswith("."):
            assert (ROOT / "stack" / source).is_file()
            assert where.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_the_tokens_are_shared_by_those_who_need_them() -> None:
    mounts = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if "tokens" in volume
    }
    readers = dict.fromkeys(("catalogue", "bridge", "web", "tui"), "tokens:/tokens:ro")
    assert mounts == {"strapi": "tokens:/tokens", **readers}
    # The token's file is for its owner alone to read.
    assert {SERVICES[name]["user"] for name in mounts} == {SERVICES["strapi"]["user"]}


def test_the_administrators_password_is_kept_where_no_other_container_sees_it() -> None:
    strapi = SERVICES["strapi"]
    folder = strapi["environment"]["OPSCI_ADMIN_PASSWORD_FILE"].rpartition("/")[0]
    volume = next(volume for volume in strapi["volumes"] if volume.endswith(f":{folder}")).partition(":")[0]
    mounting = [
        name for name, service in SERVICES.items() if any(volume in mount for mount in service.get("volumes", []))
    ]
    assert mounting == ["strapi"]
    assert not any("tokens" in mount for mount in strapi["volumes"] if mount.startswith(f"{volume}:"))


def test_the_name_of_the_engines_queue_outlives_its_container() -> None:
    bridge = SERVICES["bridge"]
    file = bridge["environment"]["OPSCI_MQTT_CLIENT_ID_FILE"]
    assert f"bridge-state:{file.rpartition('/')[0]}" in bridge["volumes"]
    dockerfile = (ROOT / "stack" / "docker" / "bridge.Dockerfile").read_text()
    assert f"install -d -m 0700 -o 1000 -g 1000 {file.rpartition('/')[0]} " in dockerfile


def test_pages_reach_the_broker_through_what_looks_at_their_origin() -> None:
    module, *words = SERVICES["websockets"]["command"][2:]
    options = read_websockets_arguments(words)
    assert module == "stack.websockets"
    assert SERVICES["websockets"]["ports"] == [_published("WEBSOCKETS", options.port)]
    assert f"ask_websockets({options.port})" in SERVICES["websockets"]["healthcheck"]["test"][-1]
    assert SERVICES["bridge"]["environment"]["MQTT_ENDPOINT"] == f"mqtt://{options.broker_host}:{options.broker_port}"
    assert SERVICES["mosquitto"]["ports"] == [_published("MQTT", options.broker_port)]


def test_the_page_is_served_for_the_published_ports_with_the_read_only_token() -> None:
    module, *words = SERVICES["web"]["command"][2:]
    options = read_arguments(words)
    assert module == "stack.webserver"
    assert SERVICES["web"]["ports"] == [_published("WEB", options.port)]
    assert f"127.0.0.1:{options.port}/config.json" in SERVICES["web"]["healthcheck"]["test"][-1]
    # The port that the broker's websockets are published on, whichever that is.
    assert options.mqtt == "ws://{host}:${OPSCI_PORT_WEBSOCKETS:-1883}"
    assert options.topic == SERVICES["bridge"]["environment"]["MQTT_TOPIC"]
    assert options.strapi == SERVICES["bridge"]["environment"]["STRAPI_URL"]
    assert str(options.token_file) == SERVICES["strapi"]["environment"]["OPSCI_READ_TOKEN_FILE"]


@EVERY
def test_no_secret_stands_in_the_file(name: str) -> None:
    service = SERVICES[name]
    for variable in service.get("environment", {}):
        secret = any(word in variable for word in ("PASSWORD", "TOKEN", "SECRET", "SALT", "KEY"))
        assert not secret or variable.endswith("_FILE")
    # They are made into volumes: no file of the clone holds one.
    assert "env_file" not in service
    assert "secrets" not in service


def test_the_engine_takes_the_environment_that_the_bridge_gets() -> None:
    settings = load_settings(None, SERVICES["bridge"]["environment"])
    assert settings.mqtt.url == "mqtt://mosquitto:1884"
    assert settings.kafka.brokers == ["kafka:9092"]
    assert settings.strapi.url == "http://strapi:1337"
    assert settings.strapi.token_file == SERVICES["strapi"]["environment"]["OPSCI_BRIDGE_TOKEN_FILE"]
    assert f"127.0.0.1:{settings.watch.port}/healthz" in SERVICES["bridge"]["healthcheck"]["test"][-1]
    assert int(SERVICES["bridge"]["stop_grace_period"].rstrip("s")) > settings.drain


def test_kafka_is_the_version_that_the_tests_run_and_its_settings_are_in_the_mounted_file() -> None:
    version = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"<kafka.version>{version}</kafka.version>" in (ROOT / "stack" / "kafka" / "pom.xml").read_text()
    lines = (ROOT / "configs" / "kafka.properties").read_text().splitlines()
    keys = {line.partition("=")[0] for line in lines}
    given = {name for name in SERVICES["kafka"]["environment"] if name != "KAFKA_HEAP_OPTS"}
    assert {name.removeprefix("KAFKA_").lower().replace("_", ".") for name in given} <= keys
    assert "auto.create.topics.enable=false" in lines


@EVERY
def test_what_it_runs_of_ours_is_there(name: str) -> None:
    service = SERVICES[name]
    for command in (service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]):
        match command:
            case ["python", "-c", program]:
                assert missing_imports(program) == []
            case ["python", "-m", module, *_]:
                assert importlib.util.find_spec(module)


def test_the_screen_in_its_container_watches_and_is_no_second_engine() -> None:
    assert SERVICES["tui"]["command"] == ["opsci-tui", "--watch"]
