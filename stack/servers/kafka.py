"""Apache Kafka: KRaft nodes with local ports and folders, their storage, the topics and the users' rights.

Each node is broker and controller in one process. With three, each record is stored by all of them and counts as
written once two have it, so that any one may be down.

The topics of the chain are created explicitly, as the broker creates none automatically. The engine's user may read and
write the chain's topics and commit for its group, nothing else. It may also see the topics' settings, from which it
explains why Kafka refuses a record.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import subprocess
import threading
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from bridge.child_environment import server_environment
from bridge.known_servers import KnownServers
from bridge.phrase import Phrase
from stack.errors import ServerStartError
from stack.paths import ROOT, Paths
from stack.ports import LOOPBACK, Ports
from stack.run_state import write_whole
from stack.secure.credentials import Credentials
from stack.servers.health import ask_kafka
from stack.servers.kafka_files import cluster_id, keep_identity, repair_data
from stack.servers.server import BROKERS, Launch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stack.install import Programs
    from stack.run_state import Damage

__all__ = ["GROUP", "TOPICS", "give_rights", "launch_kafka", "make_topics", "render_properties"]


TOPICS: Final = {"stock": 6, "product": 1, "event": 1, "errors": 1}
"""Partitions by topic. Up to six engines can share the stock movements."""

_CONFIGS: Final = {
    # Kafka's clock sets the timestamps, and so the retention. With the writer's clock, Kafka's default, a wrong one has
    # records deleted early or refused.
    name: {"message.timestamp.type": "LogAppendTime"}
    for name in TOPICS
}
# What could not be applied is kept until the user has dealt with it.
_CONFIGS["errors"]["retention.ms"] = "-1"

_REPLICATED: Final = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
_IN_SYNC: Final = ("min.insync.replicas", "transaction.state.log.min.isr", "share.coordinator.state.topic.min.isr")

_OF_SEVERAL: Final = {
    # A quarter of the smaller memory that each gets.
    "queued.max.request.bytes": "67108864",
}

_formatting: Final = threading.Lock()
"""Held while a node is formatted: the first one of a cluster creates the id that the others use."""

_TOPIC: Final = ConfigResourceType.TOPIC
_OF_THE_TOPIC: Final = 1
"""In DescribeConfigs, the source of a setting of the topic itself."""

GROUP: Final = "stock-creator"
"""The consumer group that the engine may use."""

_WHO_INGESTS: Final = f"{GROUP}.ingest"
"""The group in which engines store which of them ingests."""

# The codes of Kafka's AclOperation, ResourceType, PatternType and AclPermissionType.
_READ: Final = 3

_WRITE: Final = 4

_DESCRIBE_CONFIGS: Final = 10

_TOPIC_RESOURCE: Final = 2

_OF_GROUP: Final = 3

_LITERAL: Final = 3

_ALLOW: Final = 3


async def _make(brokers: str, options: Mapping[str, Any], replicas: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers, request_timeout_ms=10_000, **options)
    await admin.start()
    try:
        missing = TOPICS.keys() - set(await admin.list_topics())
        await _bring_over(admin, TOPICS.keys() - missing)
        if not missing:
            return
        safety = {"min.insync.replicas": str(_in_sync(replicas))} if replicas > 1 else {}
        topics = [
            NewTopic(name, TOPICS[name], replicas, topic_configs={**_CONFIGS[name], **safety})
            for name in sorted(missing)
        ]
        answer = await admin.create_topics(topics)
        # aiokafka returns the errors of each topic and raises nothing.
        for topic, code, *message in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise ConnectionError(f"Kafka did not make the topic {topic}: error {code} {message}")
    finally:
        await admin.close()


async def _bring_over(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Update topics created by an earlier version; other settings of the user are kept."""
    for answer in await admin.describe_configs([ConfigResource(_TOPIC, name) for name in names]):
        for code, message, _, name, entries in answer.resources:
            if code:
                raise ConnectionError(f"Kafka does not tell how the topic {name} is set up: error {code} {message}")
            own = {entry[0]: entry[1] for entry in entries if entry[3] == _OF_THE_TOPIC}
            wanted = {"message.timestamp.type": _CONFIGS[name]["message.timestamp.type"]}
            if wanted.items() <= own.items():
                continue
            # This replaces all of the topic's own settings.
            (done,) = await admin.alter_configs([ConfigResource(_TOPIC, name, {**own, **wanted})])
            for failed, why, *_ in done.resources:
                if failed:
                    raise ConnectionError(f"Kafka did not set up the topic {name}: error {failed} {why}")


def _in_sync(replicas: int) -> int:
    """How many brokers must have a record before it counts as written: all but one, but at least one."""
    return max(1, replicas - 1)


def make_topics(brokers: str, options: Mapping[str, Any] | None = None, *, replicas: int = 1) -> None:
    """Create missing topics of the chain, and make existing ones use Kafka's own clock.

    Args:
        brokers: `host:port`, separated by commas.
        options: our login, for aiokafka's clients, where the broker requires one.
        replicas: how many brokers store each record of a new topic.

    Raises:
        ConnectionError: Kafka did not create one, or does not answer.
    """
    try:
        asyncio.run(_make(brokers, options or {}, replicas))
    except KafkaError as error:
        raise ConnectionError(f"Kafka did not make the topics: {error}") from error


def give_rights(broker: str, options: Mapping[str, Any]) -> None:
    """Grant the engine's user its rights; existing ones are kept.

    Args:
        broker: `host:port`.
        options: the login of a user that may grant rights, for aiokafka's clients.

    Raises:
        ConnectionError: Kafka did not do it, or does not answer.
    """
    try:
        asyncio.run(_give(broker, options))
    except KafkaError as error:
        raise ConnectionError(f"Kafka did not give the rights: {error}") from error


async def _give(broker: str, options: Mapping[str, Any]) -> None:
    rights = [
        (_TOPIC_RESOURCE, topic, operation) for topic in TOPICS for operation in (_READ, _WRITE, _DESCRIBE_CONFIGS)
    ]
    rights += [(_OF_GROUP, group, _READ) for group in (GROUP, _WHO_INGESTS)]
    client = AIOKafkaClient(bootstrap_servers=broker, request_timeout_ms=10_000, **options)
    await client.bootstrap()
    try:
        node = client.get_random_node()
        await client.ready(node)
        for kind, name, operation in rights:
            request = CreateAclsRequest(kind, name, _LITERAL, "User:bridge", "*", operation, _ALLOW)
            answer = await client.send(node, request)
            for code, message in answer.creation_responses:
                if code:
                    raise ConnectionError(f"Kafka did not give a right: {for_code(code).__name__} {message or ''}")
    finally:
        await client.close()


def render_properties(committed: str, values: Mapping[str, str]) -> str:
    """Replace the values of some keys in a properties file.

    Args:
        committed: the text of the file.
        values: the new values by key; each key must be in the file, so that the file remains complete.

    Raises:
        KeyError: a key is not in the file.
    """
    text = committed
    for key, value in values.items():
        line = f"{key}={value}".replace("\\", r"\\")
        text, count = re.subn(rf"^{re.escape(key)}=.*$", line, text, flags=re.MULTILINE)
        if not count:
            raise KeyError(key)
    return text


def _render(node: int, listeners: Sequence[tuple[int, int]], data: Path, credentials: Credentials | None) -> str:
    """The configuration of one node.

    Args:
        node: its number, from 1.
        listeners: the ports of all nodes in order, for each that for clients and that of its controller.
        data: its data folder.
        credentials: certificates and passwords of secured servers.
    """
    port, controller = listeners[node - 1]
    client = f"{'SASL_SSL' if credentials else 'PLAINTEXT'}://{LOOPBACK}:{port}"
    several = len(listeners) > 1
    return render_properties(
        (ROOT / "configs" / ("secure" if credentials else ".") / "kafka.properties").read_text(),
        {
            **(credentials.kafka_properties() if credentials else {}),
            "node.id": str(node),
            "listeners": f"{client},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": client,
            "controller.quorum.voters": ",".join(
                f"{number}@{LOOPBACK}:{port}" for number, (_, port) in enumerate(listeners, 1)
            ),
            "log.dirs": str(data),
            **dict.fromkeys(_REPLICATED, str(len(listeners))),
            **dict.fromkeys(_IN_SYNC, str(_in_sync(len(listeners)))),
            **(_OF_SEVERAL if several else {}),
        },
    )


def launch_kafka(paths: Paths, programs: Programs, ports: Ports, damage: Damage, name: str = BROKERS[0]) -> Launch:
    """Write a broker's configuration, format its storage where it is new, and return how to start it.

    Args:
        paths: with the state, and its number of brokers.
        programs: where Java and Kafka are.
        ports: the ports to listen on.
        damage: moves damaged files of its storage aside.
        name: which broker, one of BROKERS.

    Raises:
        ServerStartError: the storage can't be formatted.
    """
    node, listeners = BROKERS.index(name) + 1, ports.of_brokers(paths.brokers)
    several = len(listeners) > 1
    folder = paths.state / name
    folder.mkdir(exist_ok=True)
    scratch = folder / "tmp"
    # Left there by a broker that was killed.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    config = folder / "kafka.properties"
    credentials = Credentials.of(paths)
    # Only readable by its owner, as it contains a secured broker's own password.
    write_whole(config, _render(node, listeners, folder / "data", credentials))
    java: list[str | Path] = [
        programs.java,
        "-cp",
        f"{programs.kafka_libs}/*",
        f"-Dlog4j2.configurationFile=file:{ROOT / 'stack' / 'kafka' / 'log4j2.properties'}",
        "-Djava.awt.headless=true",
        # /tmp is shared by all users: its libraries are unpacked elsewhere, and it writes no performance counters.
        f"-Djava.io.tmpdir={scratch}",
        "-XX:-UsePerfData",
    ]
    data, kept = folder / "data", folder / "identity"
    if repair_data(data, kept, damage, replicated=several):
        with _formatting:
            known = next(filter(None, (cluster_id(paths.state / other / "identity") for other in BROKERS)), "")
            _format(java, config, paths.log(name), credentials.scram_arguments() if credentials else [], known)
            keep_identity(data, kept)
        if not known:
            # A new cluster of this state's own, which the engine must not take for somebody else's.
            KnownServers(paths.known_servers).forget(kind="kafka")
    trust = credentials.trust() if credentials else None
    port, _ = listeners[node - 1]
    heap = ["-Xms96m", "-Xmx384m"] if several else ["-Xms128m", "-Xmx512m"]
    return Launch(
        name=name,
        argv=[*java, *heap, "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", config],
        cwd=folder,
        environment=server_environment(os.environ),
        checks={f"Kafka on port {port}": partial(ask_kafka, port, trust)},
        finish=partial(_set_up, f"{LOOPBACK}:{port}", credentials, data, kept, len(listeners), is_first=node == 1),
        repair=partial(_repair, data, damage),
        # It answers once two of them have started in parallel.
        start_timeout=180.0 if several else 60.0,
    )


def _set_up(
    address: str, credentials: Credentials | None, data: Path, kept: Path, replicas: int, *, is_first: bool
) -> None:
    if is_first:
        options = credentials.kafka_options("admin") if credentials else None
        make_topics(address, options, replicas=replicas)
        if options is not None:
            give_rights(address, options)
    keep_identity(data, kept, [f"{topic}-{number}" for topic, count in TOPICS.items() for number in range(count)])


def _repair(data: Path, damage: Damage, said: str) -> bool:
    """Move a file aside that made Kafka end although it seemed intact."""
    for path in map(Path, re.findall(rf"ERROR .*?({re.escape(str(data))}/\S+\w)", said)):
        if path.is_file() and path.suffix != ".log":
            damage.move(path, "can't be read by Kafka", "Kafka starts without it: unknown how much is lost")
            return True
    return False


def _format(java: list[str | Path], config: Path, log: Path, users: Sequence[str], cluster: str) -> None:
    cluster = cluster or base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One argument: an id may begin with a dash, which a separate one would make an option.
    identity = f"--cluster-id={cluster}"
    argv = [*java[1:], "-Xmx128m", "kafka.tools.StorageTool", "format", identity, "-c", config, "--ignore-formatted"]
    for user in users:
        argv += ["--add-scram", user]
    # In a file that only we can read: it contains passwords, and every user of the machine sees a process's arguments.
    arguments = config.with_name(".format.arguments")
    write_whole(arguments, "\n".join(_quoted(str(part)) for part in argv))
    try:
        done = subprocess.run(
            [java[0], f"@{arguments}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=server_environment(os.environ),
        )
    finally:
        arguments.unlink()
    if done.returncode:
        raise ServerStartError(
            "kafka", Phrase("its storage could not be formatted"), str(log), done.stdout + done.stderr
        )


def _quoted(argument: str) -> str:
    """Quote an argument for the argument files of java."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'
