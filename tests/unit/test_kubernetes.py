"""The manifests for Kubernetes against the published schema and the rules of the compose file. No cluster ran them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from bridge.settings.load import load_settings
from stack.webserver.__main__ import read_arguments
from tests.unit.composed import ROOT, missing_imports

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = ROOT / "stack" / "kubernetes"
SCHEMA = json.loads((ROOT / "tests" / "unit" / "schemas" / "kubernetes-1.34.json").read_text())
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: dict[str, dict[str, Any]] = {
    f"{found['kind']}/{found['metadata']['name']}": found
    for file in KUSTOMIZATION["resources"]
    for found in yaml.safe_load_all((FOLDER / file).read_text())
}
PODS: dict[str, dict[str, Any]] = {
    name: found["spec"]["template"] for name, found in OBJECTS.items() if "template" in found.get("spec", {})
}
SETTINGS = dict(
    line.split("=", 1) for line in (FOLDER / "settings.env").read_text().splitlines() if not line.startswith("#")
)
EVERY_POD = pytest.mark.parametrize("name", PODS)


def _container(name: str) -> dict[str, Any]:
    (container,) = PODS[name]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def test_the_published_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_published_schema_takes_it(name: str) -> None:
    Draft202012Validator(SCHEMA).validate(OBJECTS[name])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found["spec"].update(replica=2),
        lambda found: found["spec"].update(replicas="two"),
        lambda found: found["spec"].pop("selector"),
        lambda found: found.update(kind="Deploiment"),
        lambda found: found["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0].pop("mountPath"),
    ],
)
def test_the_schema_refuses_a_mistake(spoil: Callable[[dict[str, Any]], object]) -> None:
    spoilt = copy.deepcopy(OBJECTS["Deployment/apply"])
    spoil(spoilt)
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(spoilt)


def test_every_manifest_is_named() -> None:
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert {_container(name)["image"] for name in PODS} == {image["name"] for image in KUSTOMIZATION["images"]}


@EVERY_POD
def test_no_pod_is_root_or_may_become_it_and_its_memory_is_bounded(name: str) -> None:
    spec, container = PODS[name]["spec"], _container(name)
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


@EVERY_POD
def test_what_is_mounted_is_a_volume_and_secrets_are_for_the_group_alone(name: str) -> None:
    spec = PODS[name]["spec"]
    claims = OBJECTS[name]["spec"].get("volumeClaimTemplates", [])
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    known = {*volumes, *(claim["metadata"]["name"] for claim in claims)}
    assert {mount["name"] for mount in _container(name).get("volumeMounts", [])} == known
    assert all(volume["secret"]["defaultMode"] == 0o440 for volume in volumes.values() if "secret" in volume)


def test_the_engine_takes_what_it_is_given_and_each_half_runs_once_or_shares() -> None:
    for half, kind in (("ingest", "StatefulSet"), ("apply", "Deployment")):
        container = _container(f"{kind}/{half}")
        assert container["args"] == ["opsci-bridge", "run", "--only", half]
        settings = load_settings(None, SETTINGS | {entry["name"]: entry["value"] for entry in container["env"]})
        assert settings.mqtt.url == "mqtt://mosquitto.example.org:1884"
        assert len(settings.kafka.brokers) == 3
        assert settings.strapi.url == "http://strapi:1337"
        assert settings.watch.host == "0.0.0.0"  # noqa: S104 -- the probes ask by the address of the pod
        assert container["ports"] == [{"name": "watch", "containerPort": settings.watch.port}]
    # Two that ingest would each take what is published; the group shares what is applied.
    assert OBJECTS["StatefulSet/ingest"]["spec"]["replicas"] == 1
    assert OBJECTS["Deployment/apply"]["spec"]["replicas"] > 1


def test_the_page_takes_its_arguments_and_no_token_that_writes() -> None:
    module, *words = _container("Deployment/web")["args"][2:]
    assert module == "stack.webserver"
    assert read_arguments(words).strapi == "http://strapi:1337"
    (tokens,) = PODS["Deployment/web"]["spec"]["volumes"]
    assert tokens["secret"]["items"] == [{"key": "read.token", "path": "read.token"}]


def test_kafka_is_reached_by_the_engine_alone() -> None:
    label = "opsci.invalid/reaches-kafka"
    assert {name for name in PODS if label in PODS[name]["metadata"]["labels"]} == {
        "StatefulSet/ingest",
        "Deployment/apply",
        "Job/topics",
    }
    policy = OBJECTS["NetworkPolicy/kafka-for-the-engine-alone"]["spec"]
    assert policy["podSelector"] == {"matchExpressions": [{"key": label, "operator": "DoesNotExist"}]}
    ranges = [(port["port"], port.get("endPort", port["port"])) for port in policy["egress"][0]["ports"]]
    assert not any(first <= 9092 <= last for first, last in ranges)
    services = [found for found in OBJECTS.values() if found["kind"] == "Service"]
    assert all(port["port"] != 9092 for service in services for port in service["spec"]["ports"])
    assert all(service["spec"].get("type", "ClusterIP") == "ClusterIP" for service in services)


def test_what_the_job_imports_is_there() -> None:
    assert missing_imports(_container("Job/topics")["command"][-1]) == []
