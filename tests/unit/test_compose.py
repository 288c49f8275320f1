"""The compose file: no engine runs it here, so it is checked by its schema and by what it promises."""

from __future__ import annotations

import copy
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from bridge.settings.load import load_settings
from stack.webserver.__main__ import read_arguments
from tests.unit.composed import COMPOSE, ROOT, SCHEMA, SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = pytest.mark.parametrize("name", SERVICES)


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
    assert {name for name, service in SERVICES.items() if "inner" in service["networks"]} == {
        "kafka",
        "topics",
        "bridge",
    }


def test_only_mqtt_strapi_and_the_page_are_published_and_to_this_machine_by_default() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "mosquitto": ["${OPSCI_PUBLISH:-127.0.0.1}:1883:1883", "${OPSCI_PUBLISH:-127.0.0.1}:1884:1884"],
        "strapi": ["${OPSCI_PUBLISH:-127.0.0.1}:1337:1337"],
        "web": ["${OPSCI_PUBLISH:-127.0.0.1}:8000:8000"],
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
    assert service["restart"] == ("on-failure:5" if name == "topics" else "unless-stopped")


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
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"topics"}


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
    assert mounts == {"strapi": "tokens:/tokens", "bridge": "tokens:/tokens:ro", "web": "tokens:/tokens:ro"}
    # The token's file is for its owner alone to read.
    assert {SERVICES[name]["user"] for name in mounts} == {SERVICES["strapi"]["user"]}


def test_the_page_is_served_for_the_published_ports_with_the_read_only_token() -> None:
    module, *words = SERVICES["web"]["command"][2:]
    options = read_arguments(words)
    assert module == "stack.webserver"
    assert SERVICES["web"]["ports"] == [f"${{OPSCI_PUBLISH:-127.0.0.1}}:{options.port}:{options.port}"]
    assert f"127.0.0.1:{options.port}/config.json" in SERVICES["web"]["healthcheck"]["test"][-1]
    assert options.mqtt == "ws://{host}:1883"
    assert options.topic == SERVICES["bridge"]["environment"]["MQTT_TOPIC"]
    assert options.strapi == SERVICES["bridge"]["environment"]["STRAPI_URL"]
    assert str(options.token_file) == SERVICES["strapi"]["environment"]["OPSCI_READ_TOKEN_FILE"]


@EVERY
def test_no_secret_stands_in_the_file(name: str) -> None:
    service = SERVICES[name]
    for variable in service.get("environment", {}):
        secret = any(word in variable for word in ("PASSWORD", "TOKEN", "SECRET", "SALT", "KEY"))
        assert not secret or variable.endswith("_FILE")
    for file in (service.get("env_file"), COMPOSE["secrets"]["postgres_password"]["file"]):
        if file is not None:
            ignored = subprocess.run(["git", "check-ignore", "-q", f"stack/{file}"], cwd=ROOT, check=False)
            assert ignored.returncode == 0, f"git would take stack/{file}"


def test_the_engine_takes_the_environment_that_the_bridge_gets() -> None:
    settings = load_settings(None, SERVICES["bridge"]["environment"])
    assert settings.mqtt.url == "ws://mosquitto:1883"
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
