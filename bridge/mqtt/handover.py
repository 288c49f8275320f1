"""Moving the subscriptions of one kept session to another, so that each message arrives in exactly one of them.

MQTT has no single step for that: if the second session subscribes before the first unsubscribes, messages in between
are delivered twice; if it subscribes later, it misses them. But one SUBSCRIBE can change several subscriptions at once
(MQTT 5 section 3.8), and a message for a shared subscription goes to one of its members (section 4.8.2). So:

1. In one packet, the former session subscribes at QoS 0 to its filters and at QoS 1 to the same filters, shared.
2. The new session joins the shared subscription. From now on each message goes to one of the two, at QoS 1.
3. The former session unsubscribes from everything; what waits in it stays.
4. In one packet, the new session subscribes at QoS 1 to the filters and at QoS 0 to the shared ones. Then it
unsubscribes from the shared ones.

Messages published at QoS 0 during these few round trips are not received. A broker that also queues QoS 0 keeps QoS 0
copies of what arrives while a move is interrupted, in either session; whoever empties the queue must ignore messages at
QoS 0. An interrupted move is repeated from the first step, unless the new session is past the third, which is noted
before the fourth.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from msgspec.structs import replace
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.errors import RefusedError
from bridge.mqtt._private import ChunkClient, OwnSocketClient, connect
from bridge.mqtt.client_id import shown
from bridge.mqtt.connect import mqtt_options, server_error
from bridge.mqtt.session import REFUSED, codes_of
from bridge.phrase import Phrase
from bridge.route import unshared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bridge.settings import MqttSettings

__all__ = ["begin_to_share", "end_session", "filters_of_the_move", "move_subscriptions"]

_UNSUPPORTED_VERSION: Final = (1, 132)
"""CONNACK: the broker does not support this version, in MQTT 3.1.1 (section 3.2.2.3) and MQTT 5 (section 3.2.2.2)."""


def filters_of_the_move(new: MqttSettings, filters: Sequence[str]) -> list[str]:
    """The shared subscriptions that exist only while a move to the session `new` lasts, one for each filter."""
    return [f"$share/{shown(new.client_id)}/{unshared(one)}" for one in filters]


async def move_subscriptions(
    former: MqttSettings,
    new: MqttSettings,
    filters: Sequence[str],
    *,
    moved: bool,
    note_moved: Callable[[], None],
    note_lost: Callable[[], None] = lambda: None,
) -> bool:
    """Move the subscriptions, whichever steps were done before.

    Nothing is received: what the broker sends here stays unacknowledged, so that it is redelivered.

    Args:
        former: how to connect to the session that has the subscriptions.
        new: how to connect to the one that is to have them.
        filters: the filters of the subscriptions.
        moved: whether an earlier move between these two called `note_moved`.
        note_moved: stores that the former session is no longer subscribed, and raises if it can't.
        note_lost: called if the broker no longer has the new session, which an earlier move had subscribed.

    Returns:
        Whether there is a former session, from which waiting messages must still be received.

    Raises:
        UnreachableError: the broker does not answer.
        RefusedError: it refuses a client, a subscription, or MQTT 5, which the move needs.
    """
    async with _connected(former) as old:
        if not old.session_present:
            return False
        async with _connected(new) as own:
            plain = [one for one in filters if not one.startswith("$share/")]
            given = [one for one in filters if one.startswith("$share/")]
            shared = filters_of_the_move(new, plain)
            try:
                if moved and not own.session_present:
                    note_lost()
                if not (moved and own.session_present):
                    await _subscribe(old, qos_0=plain, qos_1=shared)
                    await _subscribe(own, qos_1=[*shared, *given])
                await old.unsubscribe([*filters, *shared])
                note_moved()
                await _subscribe(own, qos_0=shared, qos_1=filters)
                if shared:
                    await own.unsubscribe(shared)
            except aiomqtt.MqttError as error:
                raise server_error(error, new) from error
    return True


async def begin_to_share(settings: MqttSettings, filters: Sequence[str]) -> bool:
    """Change a kept session from plain to shared subscriptions; what waits in it stays.

    In one packet the session subscribes to the shared filters at QoS 1 and to the plain ones at QoS 0, then
    unsubscribes from the latter: so no message at QoS 1 is lost or arrives twice. Nothing is received here.

    Args:
        settings: how to connect to it.
        filters: those to subscribe to; ones that are not shared are left alone.

    Returns:
        Whether the broker still had the session; if not, it has created an empty one.

    Raises:
        UnreachableError: the broker does not answer.
        RefusedError: it refuses the client, a subscription, or MQTT 5, which this needs.
    """
    shared = [one for one in filters if one.startswith("$share/")]
    alone = [unshared(one) for one in shared]
    async with _connected(settings) as client:
        if not client.session_present:
            return False
        try:
            await _subscribe(client, qos_0=alone, qos_1=shared)
            await client.unsubscribe(alone)
        except aiomqtt.MqttError as error:
            raise server_error(error, settings) from error
    return True


async def end_session(settings: MqttSettings) -> None:
    """End a kept session, discarding whatever waits in it.

    Raises:
        UnreachableError: the broker does not answer.
        RefusedError: it refuses the client.
    """
    client = OwnSocketClient(identifier=settings.client_id, **mqtt_options(settings, session=False))
    try:
        await connect(client)
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError as error:
        raise server_error(error, settings) from error


@contextlib.asynccontextmanager
async def _connected(settings: MqttSettings) -> AsyncIterator[ChunkClient]:
    five = replace(settings, version="5", in_flight=1)
    client = ChunkClient(
        version_5=True,
        on_chunk=lambda _chunk: None,
        identifier=settings.client_id,
        **mqtt_options(five, session=True),
    )
    try:
        await connect(client)
    except aiomqtt.MqttError as error:
        code = error.rc.value if isinstance(error, MqttConnectError) and isinstance(error.rc, ReasonCode) else None
        if code in _UNSUPPORTED_VERSION:
            raise _impossible(Phrase("the broker does not speak MQTT 5")) from error
        raise server_error(error, settings) from error
    try:
        yield client
    finally:
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await client.__aexit__(None, None, None)


async def _subscribe(client: ChunkClient, *, qos_1: Sequence[str], qos_0: Sequence[str] = ()) -> None:
    """Subscribe to all filters in one packet, without retained copies: the former session had them."""
    wanted = [(one, _options(0)) for one in qos_0] + [(one, _options(1)) for one in qos_1]
    if not wanted:
        return
    answers = await client.subscribe(wanted)
    for (topic_filter, _), code in zip(wanted, codes_of(answers), strict=True):
        if code >= REFUSED:
            raise _impossible(
                Phrase(
                    "the broker refuses the subscription to {topic_filter!r} (code {code})",
                    topic_filter=topic_filter,
                    code=code,
                )
            )


def _options(qos: int) -> SubscribeOptions:
    return SubscribeOptions(qos=qos, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)


def _impossible(why: Phrase) -> RefusedError:
    return RefusedError(
        "mqtt",
        Phrase("the queue of the engine's earlier client id can't be moved without loss: {why}", why=why),
        Phrase('set mqtt.client_id = "opsci-bridge" to go on with that queue'),
    )
