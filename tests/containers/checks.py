"""The checks of `containers test` on a running project; each raises AssertionError where it fails."""

from __future__ import annotations

import base64
import json
import re
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from stack.servers.health import ask_kafka, ask_mqtt_tcp, ask_mqtt_ws, ask_strapi, ask_web

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.containers.project import Project

__all__ = [
    "check_doors",
    "check_isolation",
    "check_memory",
    "check_page",
    "check_rights",
    "check_secrets",
]

_PROBE: Final = """
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, 9092), 3).close()
    except OSError:
        print("closed")
    else:
        print("open")
"""

_SECRETS: Final = {
    # Service: what it can see of secrets, as `MODE UID PATH`.
    "strapi": {
        "440 1000 /secrets/database/password",
        "400 1000 /secrets/strapi/environment",
        "600 1000 /tokens/bridge.token",
        "600 1000 /tokens/read.token",
        "600 1000 /admin/password",
    },
    "postgres": {"440 1000 /secrets/database/password"},
    "bridge": {"600 1000 /tokens/bridge.token", "600 1000 /tokens/read.token"},
    "web": {"600 1000 /tokens/bridge.token", "600 1000 /tokens/read.token"},
    "websockets": set(),
    "mosquitto": set(),
    "kafka": set(),
}
"""The secrets that each running container may see, and how: the password is 440 for PostgreSQL's group."""

_SECURED: Final = {
    "mosquitto": ("640", "ca.pem mosquitto.pem mosquitto.key mosquitto.conf passwords mosquitto.acl mosquitto_sub"),
    "kafka": ("600", "ca.pem kafka.keystore.pem server.properties"),
    "strapi": ("600", "ca.pem strapi.pem strapi.key"),
    "websockets": ("600", "ca.pem mosquitto.pem mosquitto.key"),
    "web": ("600", "ca.pem web.pem web.key mqtt-publisher"),
    "bridge": ("600", "ca.pem mqtt-engine mqtt-publisher kafka-bridge"),
    "postgres": ("600", ""),
}
"""What each sees of the secured profile beside that, and by which mode."""

_PLAIN_KAFKA: Final = """
import asyncio, logging
from aiokafka import AIOKafkaProducer
logging.disable()
async def main():
    producer = AIOKafkaProducer(bootstrap_servers="kafka:9092", request_timeout_ms=5000)
    try:
        await asyncio.wait_for(producer.start(), 15)
        print("let in")
    except Exception:
        print("turned away")
    finally:
        await producer.stop()
asyncio.run(main())
"""

_WRITES_ITS_ROOT: Final = frozenset({"kafka"})
"""Its image writes its settings, its logs and its scratch files among its programs."""


def running(project: Project) -> Iterator[str]:
    """The services that keep running."""
    return (name for name, service in project.services().items() if service["restart"] == "unless-stopped")


def check_isolation(project: Project) -> str:
    """Kafka is reachable on the inner network, but neither through a published port nor from the other networks."""
    kafka = project.inspect("kafka")
    published = {port: binding for port, binding in kafka["NetworkSettings"]["Ports"].items() if binding}
    assert not published, f"Kafka's container publishes {published}"
    networks: Mapping[str, Any] = kafka["NetworkSettings"]["Networks"]
    assert list(networks) == [f"{project.name}_inner"], f"Kafka is in the networks {list(networks)}"
    address = networks[f"{project.name}_inner"]["IPAddress"]
    opened = []
    for service in project.services():
        for bindings in project.inspect(service)["NetworkSettings"]["Ports"].values():
            opened += [int(binding["HostPort"]) for binding in bindings or ()]
            hosts = {binding["HostIp"] for binding in bindings or ()}
            assert hosts <= {"127.0.0.1"}, f"{service} is published on {hosts}"
    ports = project.ports
    assert sorted(set(opened)) == sorted({ports.mqtt_ws, ports.mqtt_tcp, ports.strapi, ports.web}), opened
    for port in set(opened):
        try:
            ask_kafka(port)
        except OSError:
            continue
        raise AssertionError(f"Kafka answers on the published port {port}")
    for network, wanted in (("inner", "open"), ("outer", "closed"), ("database", "closed")):
        found = project.within_network(network, "python", "-c", _PROBE, "kafka", address).split()
        assert found == [wanted, wanted], f"from the network {network} Kafka's name and address are {found}"
    return (
        f"{len(set(opened))} ports are published and none is Kafka's; by name and address it is closed to both others"
    )


def check_rights(project: Project) -> str:
    """No container runs as root, has a capability or can gain one; read-only file systems are read-only."""
    checked = 0
    for service in running(project):
        status = dict(re.findall(r"^(\w+):\s*(.+)$", project.within(service, "cat", "/proc/1/status"), re.M))
        assert "0" not in status["Uid"].split() + status["Gid"].split(), f"{service} is root: {status['Uid']}"
        for kind in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, f"{service} has {kind} {status[kind]}"
        assert status["NoNewPrivs"] == "1", f"{service} may get privileges"
        root = next(
            line for line in project.within(service, "cat", "/proc/mounts").splitlines() if line.split()[1] == "/"
        )
        options = root.split()[3].split(",")
        wanted = "rw" if service in _WRITES_ITS_ROOT else "ro"
        assert wanted in options, f"the root of {service} is {options[0]}"
        checked += 1
    return f"{checked} containers; all roots but {', '.join(sorted(_WRITES_ITS_ROOT))}'s are read-only"


def check_secrets(project: Project) -> str:
    """Each container sees its own secrets only, with their modes, and none is in its environment or its log."""
    folders = "/secrets /tokens /admin" + (" /secure /mnt/shared/config" if project.secure else "")
    look = f"find {folders} -type f 2>/dev/null | while read -r f; do stat -c '%a %u %n' $f; done"
    for service, always in _SECRETS.items():
        wanted = set(always)
        if project.secure:
            mode, names = _SECURED[service]
            folder = "/mnt/shared/config" if service == "kafka" else "/secure"
            wanted |= {f"{mode} 1000 {folder}/{name}" for name in names.split()}
        seen = set(project.within(service, "sh", "-c", look).splitlines())
        assert seen == wanted, f"{service} sees {sorted(seen)}"
    values = [
        project.within("strapi", "cat", path).strip()
        for path in ("/secrets/database/password", "/tokens/bridge.token", "/tokens/read.token", "/admin/password")
    ]
    environment = project.within("strapi", "cat", "/secrets/strapi/environment")
    values += [part for line in environment.splitlines() for part in line.partition("=")[2].split(",")]
    if project.secure:
        mine = {"bridge": ("mqtt-engine", "mqtt-publisher", "kafka-bridge")}
        values += [
            project.within(one, "cat", f"/secure/{name}").strip() for one, names in mine.items() for name in names
        ]
    assert all(len(value) >= 12 for value in values), "a secret is short, or missing"
    for service in project.services():
        container = project.container(service)
        told = json.dumps(project.inspect(service)) + project.engine.run("logs", container)
        assert not any(value in told for value in values), f"a secret stands in what the engine tells of {service}"
    return f"{len(values)} secrets, of which each container sees its own"


def check_page(project: Project) -> str:
    """The page knows the broker's published port, and shows the catalogue."""
    s = "s" if project.secure else ""
    base = f"http{s}://127.0.0.1:{project.ports.web}"
    get = partial(_get, project=project)
    config = json.loads(get(f"{base}/config.json"))
    assert config["mqtt"] == f"ws{s}://127.0.0.1:{project.ports.mqtt_ws}", config
    products = json.loads(get(f"{base}/products"))["data"]
    assert products, "the catalogue is empty"
    panel = ""
    if project.panel:
        page = get(f"http{s}://127.0.0.1:{project.ports.strapi}/admin")
        assert b"<html" in page.lower(), page[:200]
        panel = ", and the admin panel is served"
    return f"the page names port {project.ports.mqtt_ws} and has {len(products)} products{panel}"


def check_memory(project: Project) -> str:
    """Each container stayed below its memory limit, and was never killed for lack of memory."""
    said = []
    for service in running(project):
        found = project.inspect(service)
        limit = found["HostConfig"]["Memory"]
        assert limit, f"{service} has no limit"
        assert not found["State"]["OOMKilled"], f"{service} was out of memory"
        peak = int(
            project.within(
                service,
                "sh",
                "-c",
                "cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes",
            )
        )
        said.append(f"{service} {peak >> 20} of {limit >> 20}")
    return "MB at most: " + ", ".join(said)


def check_doors(project: Project) -> str:
    """A secured project rejects anonymous clients, and clients without TLS."""
    trust, ports = project.trust, project.ports
    # Both raise where they are let in without a name, or find no TLS.
    ask_mqtt_tcp(ports.mqtt_tcp, trust)
    ask_mqtt_ws(ports.mqtt_ws, trust)
    ask_strapi(ports.strapi, trust)
    ask_web(ports.web, trust)
    for name, ask, port in (
        ("MQTT over TCP", ask_mqtt_tcp, ports.mqtt_tcp),
        ("MQTT over websockets", ask_mqtt_ws, ports.mqtt_ws),
        ("Strapi", ask_strapi, ports.strapi),
        ("the page", ask_web, ports.web),
    ):
        try:
            ask(port)
        except OSError:
            continue
        raise AssertionError(f"{name} answers in clear on port {port}")
    kafka = project.within_network("inner", "python", "-c", _PLAIN_KAFKA).strip()
    assert kafka == "turned away", f"a client without a name is {kafka} by Kafka"
    return "MQTT, Strapi, the page and Kafka: by TLS alone, and not without a name"


def _get(url: str, *, project: Project) -> bytes:
    request = urllib.request.Request(url)  # noqa: S310 -- the address is ours
    if project.secure:
        login = f"publisher:{project.within('web', 'cat', '/secure/mqtt-publisher').strip()}"
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=10, context=project.trust) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body
