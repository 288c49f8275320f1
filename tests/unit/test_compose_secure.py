"""The secured profile's compose file: each server's configuration, and that it sees no more than it needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bridge.settings.load import load_settings
from stack.docker.make_credentials import make_credentials
from stack.secure.certificates import OpenSsl
from stack.webserver.__main__ import read_arguments
from stack.websockets.__main__ import read_arguments as read_websockets_arguments
from tests.containers.project import read_compose
from tests.unit.composed import ROOT, SERVICES, missing_imports

if TYPE_CHECKING:
    from pathlib import Path

OVER = read_compose(ROOT / "stack" / "compose.secure.yaml")["services"]
FOLDERS = ("all", "engine", "kafka", "mosquitto", "strapi", "topics", "web", "websockets")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the service `certificates`."""
    folder = tmp_path_factory.mktemp("secure")
    for name in FOLDERS:
        (folder / name).mkdir(mode=0o700)
    make_credentials(folder, ["stock.example.org", "192.0.2.7"])
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_volume_of_the_certificates_is_in_the_image_with_its_owner() -> None:
    dockerfile = (ROOT / "stack" / "docker" / "bridge.Dockerfile").read_text()
    mounts = {volume.partition(":")[2] for volume in OVER["certificates"]["volumes"]}
    assert mounts == {f"/credentials/{name}" for name in FOLDERS}
    assert all(f" /credentials/{name}" in dockerfile for name in FOLDERS)
    # Else an empty volume would be given what the image has at /secure, with its owner.
    assert "secure/" not in dockerfile.replace("compose.secure.yaml", "")
    user, group = OVER["certificates"]["user"].split(":")
    assert (user, group) == ("1000", SERVICES["mosquitto"]["user"].partition(":")[2])


def test_the_services_that_are_laid_over_are_there_and_one_alone_sees_the_authoritys_key(made: Path) -> None:
    assert OVER.keys() - SERVICES.keys() == {"certificates"}
    key = (made / "all" / "certs" / "ca.key").read_bytes()
    assert {name for name, content in _files(made).items() if content == key} == {"all/certs/ca.key"}
    mounting = [name for name, one in OVER.items() if any("secure-all" in mount for mount in one.get("volumes", []))]
    assert mounting == ["certificates"]


def test_every_file_that_a_server_is_told_of_is_given_to_it(made: Path) -> None:
    for name, service in OVER.items():
        mount = next((one for one in service.get("volumes", []) if ":/secure:ro" in one), None)
        if mount is None:
            continue
        folder = made / mount.partition(":")[0].removeprefix("secure-")
        environment = service.get("environment", {}).values()
        told = [word for word in [*service.get("command", []), *environment] if word.startswith("/secure/")]
        assert told
        assert {word.removeprefix("/secure/") for word in told} <= {path.name for path in folder.iterdir()}, name


def test_files_are_for_their_server_alone(made: Path) -> None:
    modes = {path.parent.name: path.stat().st_mode & 0o777 for path in made.glob("*/*") if path.is_file()}
    assert modes.pop("mosquitto") == 0o640
    modes.pop("all")
    assert set(modes.values()) == {0o600}


def test_kafka_has_its_users_in_its_file_and_no_line_of_the_committed_one_is_lost(made: Path) -> None:
    text = (made / "kafka" / "server.properties").read_text()
    password = (made / "engine" / "kafka-bridge").read_text().strip()
    assert f'user_bridge="{password}"' in text
    assert "sasl.enabled.mechanisms=PLAIN" in text
    assert "scram" not in text.lower().replace("scram-sha-512=[name", "")[text.index("process.roles") :]
    committed = (ROOT / "configs" / "secure" / "kafka.properties").read_text()
    assert len(text.splitlines()) == len(committed.splitlines())


def test_mosquittos_file_names_only_what_is_there(made: Path) -> None:
    lines = (made / "mosquitto" / "mosquitto.conf").read_text().splitlines()
    named = [line.split()[1] for line in lines if line.split()[:1] and line.split()[0].endswith(("file", "_file"))]
    files = {path.name for path in (made / "mosquitto").iterdir()}
    secure = {word.removeprefix("/secure/") for word in named if word.startswith("/secure/")}
    assert secure == {"mosquitto.pem", "mosquitto.key", "passwords", "mosquitto.acl"} & files
    assert "/mosquitto/config" not in "".join(named)


def test_what_was_made_stays_and_its_certificates_are_good_for_every_name(made: Path) -> None:
    before = _files(made / "engine") | _files(made / "strapi")
    make_credentials(made)
    assert _files(made / "engine") | _files(made / "strapi") == before
    names = OpenSsl().hosts(made / "strapi" / "strapi.pem")
    assert {"strapi", "localhost", "127.0.0.1", "stock.example.org", "192.0.2.7"} <= names


def test_the_engine_is_told_who_it_is_and_whom_to_believe() -> None:
    settings = load_settings(None, {**SERVICES["bridge"]["environment"], **OVER["bridge"]["environment"]})
    assert (settings.mqtt.url, settings.strapi.url) == ("mqtts://mosquitto:1884", "https://strapi:1337")
    assert (settings.kafka.security, settings.kafka.mechanism, settings.kafka.username) == (
        "sasl_ssl",
        "PLAIN",
        "bridge",
    )
    assert {settings.mqtt.ca_file, settings.kafka.ca_file, settings.strapi.ca_file} == {"/secure/ca.pem"}


def test_the_page_and_the_websockets_take_their_arguments() -> None:
    page = read_arguments(OVER["web"]["command"][3:])
    assert page.mqtt == "wss://{host}:${OPSCI_PORT_WEBSOCKETS:-1883}"
    assert (str(page.password_file), page.user) == ("/secure/mqtt-publisher", "publisher")
    relay = read_websockets_arguments(OVER["websockets"]["command"][3:])
    assert (relay.broker_host, str(relay.certificate)) == ("mosquitto", "/secure/mosquitto.pem")


def test_what_it_runs_of_ours_is_there() -> None:
    for service in OVER.values():
        for command in (service.get("command", []), service.get("healthcheck", {}).get("test", [])[1:]):
            if command[:2] == ["python", "-c"]:
                assert missing_imports(command[2]) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another group")
def test_mosquittos_group_reads_its_files(tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / name).mkdir(mode=0o700)
    os.chown(tmp_path / "mosquitto", 0, 1883)
    make_credentials(tmp_path)
    assert {path.stat().st_gid for path in (tmp_path / "mosquitto").iterdir()} == {1883}
