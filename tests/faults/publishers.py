"""The publishers: each sends at a steady rate over its own connection and reconnects when it is lost.

With movement-ids a publisher resends a message until the broker's PUBACK comes, as the id makes that harmless. Without
ids it sends each message once: without a PUBACK it is unknown whether the broker has it, and it may arrive or not, but
not twice. A PUBACK with "no matching subscribers", sent by a broker that was killed and lost the engine's session, does
not count: the broker has discarded the message, and both kinds resend it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.identity import MOVEMENT_ID
from tests.faults.alike import alike_payload
from tests.faults.puback import PubackClient
from tests.faults.register import NUMBER, movement_payload

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from tests.faults.register import Sent

__all__ = ["Line", "Publisher"]

_PATIENCE: Final = 4.0
"""Seconds to wait for a PUBACK or a connection."""

_AGAIN: Final = 0.3
_UNDER_WAY: Final = 400
"""How many messages wait for their PUBACK at most; beyond it the publisher waits as well."""


@dataclass(frozen=True)
class Line:
    """How a publisher reaches the broker.

    Attributes:
        transport: `tcp` or `websockets`.
        port: on 127.0.0.1.
        tls: the TLS context, None for a listener without TLS.
        login: the user and the password, if the broker requires them.
    """

    transport: Literal["tcp", "websockets"]
    port: int
    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None


class Publisher:
    """One publisher.

    Args:
        line: how it reaches the broker.
        aside: whether the number is sent as a user property, so that all payloads of a product are equal.
    """

    def __init__(self, line: Line, *, aside: bool = False) -> None:
        self._line = line
        self.aside = aside
        self._client: PubackClient | None = None
        self._connecting = asyncio.Lock()
        self._slots = asyncio.Semaphore(_UNDER_WAY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, rate: Callable[[], float], next_message: Callable[[], Sent]) -> None:
        """Send until cancelled.

        Args:
            rate: returns messages per second, called before each.
            next_message: enters the next message.
        """
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            # What could not be sent in time is sent later, at most a second's worth at once.
            due = max(due + 1 / rate(), clock() - 1)
            await asyncio.sleep(max(0.0, due - clock()))
            await self.start(next_message())

    async def start(self, sent: Sent, payload: bytes | None = None) -> asyncio.Task[None]:
        """Start sending a message, once fewer than 400 are in flight.

        Args:
            sent: the message.
            payload: a payload to send instead of the movement.
        """
        await self._slots.acquire()
        task = asyncio.create_task(self._send(sent, self._payload(sent) if payload is None else payload))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Wait until each message is acknowledged or given up, and disconnect."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._drop(self._client)

    def abandon(self) -> None:
        """Stop at once."""
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    def _payload(self, sent: Sent) -> bytes:
        if sent.unmarked:
            return alike_payload(sent.product)
        payload = movement_payload(sent)
        return payload.split(b',"number"')[0] + b"}" if self.aside else payload

    async def _send(self, sent: Sent, payload: bytes) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        marks = [(MOVEMENT_ID, sent.movement_id)] if sent.movement_id else []
        if self.aside and not sent.unmarked:
            marks.append((NUMBER, str(sent.number)))
        for mark in marks:
            properties.UserProperty = mark
        while not sent.acknowledged_at:
            client = await self._connected()
            sent.sends += 1
            try:
                taken = await client.send("topic", payload, properties)
            except aiomqtt.MqttError:
                await self._drop(client)
                if sent.movement_id is None:
                    return
            else:
                if taken:
                    sent.acknowledged_at = time.time()
                else:
                    # No one had it, so that sending it again is no second time.
                    sent.sends -= 1
                    await asyncio.sleep(_AGAIN)

    async def _connected(self) -> PubackClient:
        async with self._connecting:
            while self._client is None:
                line = self._line
                client = PubackClient(line.transport, line.port, _PATIENCE, tls=line.tls, login=line.login)
                try:
                    await client.__aenter__()
                except (aiomqtt.MqttError, OSError):
                    await client.leave()
                    await asyncio.sleep(_AGAIN)
                else:
                    self._client = client
            return self._client

    async def _drop(self, client: PubackClient | None) -> None:
        if client is not None and client is self._client:
            self._client = None
            await client.leave()
