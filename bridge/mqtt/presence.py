"""Presence of engines: each keeps a sign of life at the broker, through which the others know of it.

An engine keeps a retained message on its own topic below `mqtt.presence`, and its last will is an empty message, which
deletes that one (MQTT 5 sections 3.1.2.5 and 3.3.1.3). So a new engine knows of the others within a round trip, and of
an engine's death as soon as the broker does. A broker that is killed sends no wills: a sign that is not renewed for
`_SILENT` seconds no longer counts, nor does that of a process of this machine which has ended.

Two engines with one client id would keep taking the session from each other. Only one of them carries (ingests and
applies): the last one told to take over; else the one that already does; else the one that started first. The others
wait. Such a sign is authenticated with the client id, which is a secret (`mqtt.client_id_file`): others who may publish
there can't make an engine wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import socket
import time
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiomqtt
import msgspec
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.backoff import Backoff, pause
from bridge.errors import ServerError, SettingsError
from bridge.mqtt._private import connect, session_client
from bridge.mqtt.client_id import KeptId, shown
from bridge.mqtt.connect import mqtt_options
from bridge.mqtt.session import REFUSED, codes_of
from bridge.route import filters_overlap

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings, Settings

__all__ = ["Presence", "Sign", "presence_topic"]

_log = logging.getLogger(__name__)

_RENEW: Final = 10.0
"""Seconds between two signs of life of an engine whose state does not change."""

_SILENT: Final = 25.0
"""Seconds without a new sign after which an engine counts as gone."""

_OLD: Final = 15.0
"""The greatest age in seconds, by both clocks, of a retained sign that counts at once; a running engine soon sends
another.
"""

_REPEATED: Final = 120.0
"""The same for a sign that is not retained: somebody may have recorded it and sent it again."""

_HEARD: Final = 1.0
"""The longest wait in seconds, once the subscription is granted, for the broker's retained signs, which precede this
engine's own.
"""

_LOOK: Final = 0.25

_LONGEST: Final = 65_536
"""The largest sign in bytes; larger messages are ignored."""


class Sign(msgspec.Struct, frozen=True):
    """The state that an engine publishes.

    Attributes:
        engine: a random id of the process, new at each start.
        client_id: a digest of the MQTT client id with which it ingests; empty where it does not ingest.
        host: the machine's name.
        program: the name of the program, for the user.
        process: its process in a form that only processes of the same machine recognise; empty where not available.
        carries: whether it takes part at present, as opposed to waiting for another engine.
        since: when it started, in seconds since the epoch by its clock.
        at: when it published this.
        took_over: when the user told it to take over, 0 where nobody did.
        account: its counts since it started, by name; see `bridge.watch.engine_counts`.
        proof: a digest that proves knowledge of the client id.
    """

    engine: str
    client_id: str
    host: str
    program: str
    process: str
    carries: bool
    since: float
    at: float
    took_over: float = 0.0
    account: dict[str, int] = {}
    proof: str = ""

    @property
    def name(self) -> str:
        """A description of the engine for the user."""
        return f"{self.program} on {self.host}, since {time.strftime('%H:%M:%S', time.localtime(self.since))}"

    @property
    def _rank(self) -> tuple[float, bool, float, str]:
        return -self.took_over, not self.carries, self.since, self.engine

    def goes_before(self, other: Sign) -> bool:
        """Whether this one, of two engines with one client id, carries."""
        return self._rank < other._rank


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Sign).decode


def presence_topic(settings: Settings) -> str:
    """The MQTT topic below which the engines of the settings' consumer group publish their signs."""
    return f"{settings.mqtt.presence}/{quote(settings.kafka.group, safe='')}"


class Presence:
    """Knows the engines of a group, and publishes the sign of this one.

    Args:
        settings: the broker's, the group's, and whether presence is enabled.
        program: the name of this program, for the user; empty for one that only listens.
        took_over: when the user told this one to take over, 0 where nobody did.
        account: returns this engine's counts.

    Attributes:
        carries: whether this engine takes part; published in its sign.
        heard: set once the broker's signs were received, or can't be.
    """

    def __init__(
        self,
        settings: Settings,
        program: str = "",
        *,
        took_over: float = 0.0,
        account: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._mqtt = settings.mqtt
        self._below = presence_topic(settings)
        self._enabled = bool(settings.mqtt.presence) and not any(
            route.mqtt and filters_overlap(route.mqtt, f"{self._below}/+") for route in settings.routes
        )
        self._ingests = settings.ingest.enabled and any(route.mqtt for route in settings.routes)
        self._program = program
        self._took_over = took_over
        self._account = account
        self._engine = uuid.uuid4().hex
        self._since = time.time()
        self._signs: dict[str, tuple[Sign, float]] = {}
        self._said: tuple[Any, ...] = ()
        self._client_id = self._secret = ""
        self.carries = False
        self.heard = asyncio.Event()

    @property
    def others(self) -> list[Sign]:
        """The other engines of the group that are running."""
        oldest = time.monotonic() - _SILENT
        found = [sign for sign, seen in self._signs.values() if seen >= oldest and sign.engine != self._engine]
        return [sign for sign in found if not _has_ended(sign.process)]

    @property
    def before(self) -> Sign | None:
        """An engine with this one's client id that carries instead of this one; None where there is none."""
        found = [one for one in self._namesakes() if one.goes_before(self._own())]
        return min(found, key=lambda sign: sign.since, default=None)

    @property
    def withdrawing(self) -> bool:
        """Whether another engine with this one's client id, which must now wait, still carries."""
        return any(one.carries for one in self._namesakes())

    def _namesakes(self) -> list[Sign]:
        """The other engines with this one's client id."""
        return [
            one
            for one in self.others
            if one.client_id
            and one.client_id == self._own_client_id()
            and hmac.compare_digest(one.proof, self._proof_of(one))
        ]

    def _proof_of(self, sign: Sign) -> str:
        said = msgspec.json.encode([sign.engine, sign.process, sign.carries, sign.since, sign.at, sign.took_over])
        return hmac.new(self._secret.encode(), said, "sha256").hexdigest()

    async def run(self) -> None:
        """Publish and listen until cancelled, through every outage of the broker."""
        if not self._enabled:
            self.heard.set()
            return
        backoff = Backoff(first=1.0, longest=60.0)
        while True:
            try:
                if not await self._connected():
                    # The broker denies it to this user: no engine is known, as if presence were disabled.
                    self.heard.set()
                    return
            except (aiomqtt.MqttError, ServerError, SettingsError, OSError) as error:
                _log.debug("mqtt: the presence of engines can't be told now: %s", error)
                self.heard.set()
            await pause(backoff.pause())

    def _own(self) -> Sign:
        """This engine's sign, without the proof."""
        return Sign(
            self._engine,
            self._own_client_id(),
            socket.gethostname(),
            self._program,
            f"{_processes()}{os.getpid()}" if _processes() else "",
            self.carries,
            self._since,
            time.time(),
            self._took_over,
            self._account(),
        )

    def _own_client_id(self) -> str:
        """The digest of this engine's client id; empty where it does not ingest, or the id can't be read yet."""
        if self._ingests and self._program and not self._client_id:
            kept = KeptId.of(self._mqtt)
            with contextlib.suppress(SettingsError):
                self._secret = kept.read_or_make() if kept else self._mqtt.client_id
                self._client_id = shown(self._secret)
        return self._client_id

    def _signed(self, own: Sign) -> Sign:
        return msgspec.structs.replace(own, proof=self._proof_of(own)) if own.client_id else own

    @property
    def _topic(self) -> str:
        return f"{self._below}/{self._engine}"

    async def _connected(self) -> bool:
        """Connect, then publish and listen until the connection is lost.

        Returns:
            False if the broker refuses the subscription.
        """
        client = session_client(
            self._mqtt.reader,
            version_5=self._mqtt.version == "5",
            on_chunk=self._received,
            identifier=f"opsci-presence-{self._engine[:16]}",
            will=aiomqtt.Will(self._topic, b"", 1, True) if self._program else None,
            **mqtt_options(self._mqtt, session=False),
        )
        await connect(client)
        try:
            answers = await client.subscribe([(f"{self._below}/+", _options(self._mqtt))])
            if codes_of(answers)[0] >= REFUSED:
                return False
            self._said = ()
            lost = asyncio.create_task(client.disconnected())
            listening = time.monotonic()
            try:
                while not lost.done():
                    await self._say(client)
                    await asyncio.wait({lost}, timeout=_LOOK)
                    if time.monotonic() - listening >= (_HEARD if self._program else _LOOK):
                        self.heard.set()
                await lost
            finally:
                lost.cancel()
                with contextlib.suppress(aiomqtt.MqttError, OSError, asyncio.CancelledError):
                    await lost
        finally:
            with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
                if self._program:
                    await client.publish(self._topic, b"", 1, True, timeout=1.0)
                await client.__aexit__(None, None, None)
        return True

    async def _say(self, client: Any) -> None:
        if not self._program:
            return
        own = self._own()
        told = own.client_id, own.carries, own.took_over, own.account
        due = not self._said or told[:3] != self._said[0][:3]
        due = due or own.at - self._said[1] >= (_RENEW if told == self._said[0] else 1.0)
        if due:
            self._said = told, own.at
            await client.publish(self._topic, _encode(self._signed(own)), 1, True, timeout=5.0)

    def _received(self, chunk: list[Inbound]) -> None:
        for message in chunk:
            engine = message.topic.rpartition("/")[2]
            if not message.payload:
                self._signs.pop(engine, None)
                continue
            try:
                sign = _decode(message.payload) if len(message.payload) <= _LONGEST else None
            except (msgspec.DecodeError, UnicodeDecodeError):
                sign = None
            # A sign is valid only on its engine's own topic, and an old retained one belongs to an engine that is gone.
            if sign is None or sign.engine != engine:
                continue
            age = time.time() - sign.at
            if abs(age) > (_OLD if message.retained else _REPEATED):
                continue
            if engine == self._engine:
                self.heard.set()
            if len(self._signs) < 1_000 or engine in self._signs:
                self._signs[engine] = sign, time.monotonic() - (max(0.0, age) if message.retained else 0.0)


@cache
def _processes() -> str:
    """A prefix common to the processes of this machine only; empty where Linux does not provide one."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    # A digest, as everyone who may read at the broker sees it.
    return f"{hashlib.sha256(f'{boot} {space}'.encode()).hexdigest()[:16]}/"


def _has_ended(process: str) -> bool:
    """Whether a process would be visible to this one, and does not exist."""
    seen = _processes()
    number = process.removeprefix(seen)
    return bool(seen) and process.startswith(seen) and number.isdecimal() and not Path(f"/proc/{number}").exists()


def _options(settings: MqttSettings) -> Any:
    # Including retained messages, which are the signs.
    return SubscribeOptions(qos=1) if settings.version == "5" else 1
