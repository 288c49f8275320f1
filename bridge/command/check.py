"""`opsci-bridge check`: test each server and each right, and print one line each with what is wrong and what to do."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiomqtt
from aiokafka.errors import KafkaError, for_code
from msgspec.structs import replace
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.apply.foreign_members import told_of
from bridge.command.health import needed
from bridge.errors import ForeignServerError, RefusedError, ServerError, SettingsError
from bridge.ingest.claim import Claim, ClaimState
from bridge.journal import Journal, Server
from bridge.kafka.cluster import admin_client
from bridge.kafka.connect import connection_error, reach_of
from bridge.kafka.group import named, read_group
from bridge.kafka.record_time import LOG_APPEND_TIME, by_writers_clock, goes_by_writer
from bridge.kafka.refusal import is_compacted, set_topic, topic_configs
from bridge.mqtt._private import OwnSocketClient
from bridge.mqtt.client_id import FORMER, is_guessable
from bridge.mqtt.connect import mqtt_options, publishing, server_error
from bridge.mqtt.session import REFUSED, codes_of, refusal_advice
from bridge.phrase import Phrase
from bridge.route import RouteKind, unshared
from bridge.secret import warning_of_open_secrets
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.content import CONTENT
from bridge.strapi.documents import ONE_ROW, find_dimensions
from bridge.strapi.gateway import ApiKind, caveats_of, detect
from bridge.strapi.ledger import find_ledger
from bridge.strapi.products import path_of, read_latest
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping

    from aiokafka.admin import AIOKafkaAdminClient

    from bridge.settings import MqttSettings, Settings

__all__ = ["Finding", "check", "check_kafka", "check_mqtt", "check_strapi", "failure", "try_servers"]

_HANDED_OUT: Final = 10.0
"""Seconds to wait for a group to finish its rebalance."""

_MODES: Final = {
    ApiKind.LEDGER: Phrase("it has the ledger: each movement counts once"),
    ApiKind.REST5: Phrase("it is a plain Strapi 5: a crash at the wrong moment can count a movement twice"),
    ApiKind.REST4: Phrase("it is a plain Strapi 4: a crash at the wrong moment can count a movement twice"),
    None: Phrase("it has no ledger, and no product that would tell its version"),
}

_DIMENSIONS: Final = {
    (True, False): Phrase("Draft & Publish is on: all rows of a product keep the same stock"),
    (False, True): Phrase("products have locales: all rows of a product keep the same stock"),
    (True, True): Phrase("Draft & Publish is on and products have locales: all rows of a product keep the same stock"),
}
"""What to say of a ledger where products have drafts, locales, or both."""

_GUESSABLE: Final = (
    "mqtt.client_id: others can guess {client_id!r}, and whoever connects under it can end the queue, unless the "
    "broker gives each user client ids of its own. Leave it empty for one made at random; of what waits under an "
    "earlier name, only that of {former!r} is taken in by itself"
)


class Finding(NamedTuple):
    """The result of one test.

    Attributes:
        server: where.
        ok: whether it passed.
        what: what was tested and found.
        advice: what to do about it, empty if it passed.
    """

    server: Server
    ok: bool
    what: str
    advice: str = ""


def failure(server: Server, error: ServerError, what: str = "") -> Finding:
    """Make a finding of an error, after what was tested."""
    told = Phrase("{tried}: {why}", tried=what, why=error.what) if what else error.what
    return Finding(server, False, told, error.advice)


async def check_kafka(settings: Settings) -> AsyncIterator[Finding]:
    """Test the cluster without creating or changing anything.

    Args:
        settings: the cluster's, and the routes with the topics to check.
    """
    kafka = settings.kafka
    try:
        reach = await reach_of(kafka)
    except SettingsError as error:
        yield failure(Server.KAFKA, await connection_error(kafka, error))
        return
    if reach.answered:
        how = f" and knows {kafka.username!r}" if kafka.security.startswith("sasl_") else ""
        yield Finding(Server.KAFKA, True, f"{', '.join(reach.answered)} answers{how}")
    for fault in reach.faults:
        yield failure(Server.KAFKA, fault)
    try:
        async with asyncio.timeout(kafka.timeout), admin_client(kafka, remember=False) as admin:
            # All topics are requested: some clusters create a missing topic that is requested by name.
            found = {topic["topic"]: topic for topic in await admin.describe_topics()}
            for finding in _topics(settings, found):
                yield finding
            for finding in await _set_up(settings, found):
                yield finding
            if settings.apply.enabled:
                yield await _group(admin, settings)
            if settings.ingest.enabled:
                yield await _whose(settings)
    except ForeignServerError as error:
        yield failure(Server.KAFKA, error)
    except (KafkaError, OSError, TimeoutError) as error:
        # The faults give the reason already.
        if not reach.faults:
            yield failure(Server.KAFKA, await connection_error(kafka, error))


def _topics(settings: Settings, found: dict[str, Any]) -> Iterator[Finding]:
    for name in dict.fromkeys([*(route.kafka for route in settings.routes), settings.kafka.errors_topic]):
        topic = found.get(name)
        if topic is None:
            advice = f"create it: kafka-topics.sh --create --topic {name} --partitions 6 --bootstrap-server ..."
            yield Finding(Server.KAFKA, False, f"there is no topic {name!r}, or we may not see it", advice)
        elif topic["error_code"]:
            error = for_code(topic["error_code"])
            yield Finding(Server.KAFKA, False, f"the topic {name!r} is not usable: {error.__name__}", error.description)
        else:
            leaderless = [part["partition"] for part in topic["partitions"] if part["error_code"] or part["leader"] < 0]
            if leaderless:
                text = f"the topic {name!r} has partitions without a leader: {leaderless}"
                yield Finding(Server.KAFKA, False, text, "is every broker of the cluster running?")
            else:
                yield Finding(Server.KAFKA, True, f"the topic {name!r} has {len(topic['partitions'])} partitions")


async def _set_up(settings: Settings, found: Collection[str]) -> list[Finding]:
    """List topic settings that do harm, now or when a clock is wrong."""
    errors = settings.kafka.errors_topic
    names = dict.fromkeys([*(route.kafka for route in settings.routes if route.mqtt), errors])
    configs = await topic_configs(settings.kafka, [name for name in names if name in found])
    findings = []
    if theirs := [name for name, config in configs.items() if goes_by_writer(config)]:
        # Not a failure: it works while the clocks are right.
        text = f"{by_writers_clock(theirs)}; better: {set_topic(theirs[0], LOG_APPEND_TIME)}"
        findings.append(Finding(Server.KAFKA, True, text))
    if is_compacted(configs.get(errors, {})):
        text = f"the topic {errors!r} is compacted and takes no dead letters, which have no key"
        findings.append(Finding(Server.KAFKA, False, text, set_topic(errors, "cleanup.policy=delete")))
    return findings


async def _whose(settings: Settings) -> Finding:
    """Check whether another engine receives the MQTT messages."""
    claim = Claim(settings, Journal(1))
    try:
        if await claim.found() is ClaimState.OTHERS:
            return Finding(Server.KAFKA, False, str(claim.what), str(claim.advice))
    except (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError) as error:
        text = f"whether another engine takes the same MQTT messages can't be known: {error or type(error).__name__}"
        return Finding(Server.KAFKA, False, text, f"give the engine's user the right to the group {claim.group!r}")
    return Finding(Server.KAFKA, True, "no other engine takes the same MQTT messages by a subscription of its own")


async def _group(admin: AIOKafkaAdminClient, settings: Settings) -> Finding:
    name = settings.kafka.group
    topics = frozenset(route.kafka for route in settings.routes if route.does is not RouteKind.CARRY)
    deadline = asyncio.get_running_loop().time() + _HANDED_OUT
    try:
        while (group := await read_group(admin, name, topics)).is_changing and group.refusal is None:
            if asyncio.get_running_loop().time() > deadline:
                text = f"the consumer group {name!r} does not come to an end of handing out its partitions"
                return Finding(
                    Server.KAFKA, False, f"{text}: {named(group.members)}", "does one of them start again and again?"
                )
            await asyncio.sleep(0.5)
    except KafkaError as error:
        text = f"the consumer group {name!r} can't be looked at: {type(error).__name__}"
        return Finding(Server.KAFKA, False, text, f"{error.description}; give the engine's user the right to the group")
    if refusal := group.refusal:
        return failure(Server.KAFKA, refusal)
    if group.foreign or group.is_hidden:
        return Finding(Server.KAFKA, False, *told_of(group, topics))
    count = len(group.members)
    return Finding(Server.KAFKA, True, f"the consumer group {name!r} has {count} members ({group.state or 'new'})")


async def check_mqtt(settings: Settings) -> AsyncIterator[Finding]:
    """Test the broker under a temporary client id, so that a running engine keeps its session.

    Args:
        settings: the broker's, and the routes with the filters to test.
    """
    mqtt = settings.mqtt
    own = f"opsci-check-{uuid.uuid4().hex[:12]}"
    try:
        client = OwnSocketClient(identifier=own, **mqtt_options(mqtt, session=False))
        async with client:
            who = f"as {mqtt.username!r}" if mqtt.username else "without user name"
            yield Finding(Server.MQTT, True, f"{mqtt.url} lets us in {who}, MQTT {mqtt.version}")
            for topic_filter in dict.fromkeys(route.mqtt for route in settings.routes if route.mqtt):
                yield await _subscription(client, mqtt, topic_filter, own)
        if mqtt.publish_username:
            publisher = publishing(mqtt)
            async with OwnSocketClient(identifier=f"{own}-p", **mqtt_options(publisher, session=False)):
                yield Finding(Server.MQTT, True, f"{mqtt.url} lets us in as {publisher.username!r}, to publish")
    except aiomqtt.MqttError as error:
        yield failure(Server.MQTT, server_error(error, mqtt))
    except RefusedError as error:
        yield failure(Server.MQTT, error)


async def _subscription(client: aiomqtt.Client, mqtt: MqttSettings, topic_filter: str, own: str) -> Finding:
    alone = unshared(topic_filter)
    # A member of the real group would take messages away from the engines in it.
    tried = topic_filter if alone == topic_filter else f"$share/{own}/{alone}"
    options: Any = {"qos": 1}
    if mqtt.version == "5":
        options = {"options": SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)}
    (code,) = codes_of(await client.subscribe(tried, **options))
    if code >= REFUSED:
        advice = str(refusal_advice(code))
        return Finding(Server.MQTT, False, f"the subscription to {topic_filter!r} is refused (code {code})", advice)
    if code == 0:
        advice = "let the broker grant QoS 1: at QoS 0 it keeps nothing while the engine is away"
        return Finding(Server.MQTT, False, f"the subscription to {topic_filter!r} is granted at QoS 0 only", advice)
    return Finding(Server.MQTT, True, f"the subscription to {topic_filter!r} is granted at QoS 1")


async def check_strapi(settings: Settings) -> AsyncIterator[Finding]:
    """Test Strapi without creating or changing anything.

    Args:
        settings: Strapi's, and the routes, which determine the rights that are needed.
    """
    # Detected whatever the settings say: a Strapi without the ledger would fail with mode `ledger` at the first
    # movement.
    async with StrapiClient(replace(settings.strapi, mode="auto")) as client:
        try:
            _, count = await read_latest(client, 1)
        except ServerError as error:
            yield failure(Server.STRAPI, error)
            return
        told = Phrase("{url} knows the token and shows {count} products", url=settings.strapi.url, count=f"{count:,}")
        yield Finding(Server.STRAPI, True, told)
        if not settings.apply.enabled:
            return
        try:
            api_kind = await detect(client)
        except ServerError as error:
            yield failure(Server.STRAPI, error, Phrase("the ledger's batch route"))
            return
        wanted = settings.strapi.mode
        if api_kind is None or wanted in {"auto", api_kind}:
            yield Finding(Server.STRAPI, True, _MODES[api_kind])
        else:
            text = Phrase("strapi.mode is {wanted}, and {found}", wanted=wanted, found=_MODES[api_kind])
            ok = api_kind is ApiKind.LEDGER and wanted == "rest5"
            yield Finding(Server.STRAPI, ok, text, Phrase("set it to auto"))
        async for finding in _versions(client, api_kind):
            yield finding
        rights: list[tuple[str, str, str]] = []
        if api_kind is not ApiKind.LEDGER:
            rights.append(("PUT", f"{path_of(settings.strapi)}/0", Phrase("change products")))
        for does in dict.fromkeys(route.does for route in settings.routes if route.does in CONTENT):
            rights += CONTENT[does].rights(settings.strapi)
        # An empty request is answered as invalid if the token has the right, else as forbidden.
        for method, path, what in dict.fromkeys(rights):
            yield await _right(client, method, path, what)


async def _versions(client: StrapiClient, api_kind: ApiKind | None) -> AsyncIterator[Finding]:
    """What applies to products with several rows, and to edits in the admin panel."""
    try:
        dimensions = await find_dimensions(client) or ONE_ROW
        alike = await find_ledger(client) is not False if api_kind is ApiKind.LEDGER else True
    except ServerError as error:
        yield failure(Server.STRAPI, error, Phrase("in what a product's rows differ"))
        return
    for caveat in caveats_of(api_kind, dimensions, alike=alike).values():
        yield Finding(Server.STRAPI, alike, caveat)
    if api_kind is ApiKind.LEDGER and alike and any(dimensions):
        yield Finding(Server.STRAPI, True, _DIMENSIONS[dimensions.drafts, dimensions.locales])


async def _right(client: StrapiClient, method: str, path: str, what: str) -> Finding:
    try:
        await client.call(method, path, {})
    except RefusedError as error:
        return failure(Server.STRAPI, error, Phrase("the token may not {what}", what=what))
    except StrapiRejectedError as error:
        if error.status == 405 or (error.status == 404 and method == "POST"):
            return failure(Server.STRAPI, error, Phrase("there is no way to {what}", what=what))
    except ServerError as error:
        return failure(Server.STRAPI, error, Phrase("whether the token may {what}", what=what))
    return Finding(Server.STRAPI, True, Phrase("the token may {what}", what=what))


_CHECKS: Final[Mapping[Server, Callable[[Settings], AsyncIterator[Finding]]]] = {
    Server.MQTT: check_mqtt,
    Server.KAFKA: check_kafka,
    Server.STRAPI: check_strapi,
}


def check(settings: Settings) -> int:
    """Test what this engine needs by its settings, and print a line for each test.

    Args:
        settings: the engine's.

    Returns:
        The exit code: 0 if all tests passed, else 1.
    """
    if warning := warning_of_open_secrets(settings):
        print(f"warning settings {readable(warning)}")
    if settings.ingest.enabled and settings.mqtt.client_id and is_guessable(settings.mqtt.client_id):
        print(f"warning settings {readable(_GUESSABLE.format(client_id=settings.mqtt.client_id, former=FORMER))}")
    failed = asyncio.run(_check(settings))
    print(f"{failed} to fix" if failed else "all is well")
    return 1 if failed else 0


async def try_servers(settings: Settings, servers: Iterable[Server]) -> AsyncIterator[Finding]:
    """Test servers one after the other, without changing anything there.

    Args:
        settings: the engine's.
        servers: which.

    Yields:
        Each finding as soon as it is made.
    """
    for server in servers:
        async for finding in _CHECKS[server](settings):
            yield finding


async def _check(settings: Settings) -> int:
    failed = 0
    async for finding in try_servers(settings, needed(settings)):
        failed += not finding.ok
        advice = f" -> {finding.advice}" if finding.advice else ""
        word = "ok" if finding.ok else "FAILED"
        print(f"{word:<7} {finding.server.value:<7} {readable(finding.what + advice)}", flush=True)
    return failed
