"""Engines know of each other at the broker: each keeps a sign of life there, which the broker takes away with it.

An engine keeps a retained message on a topic of its own below `mqtt.presence`, and its last will is the empty message
that ends that one (MQTT 5 sections 3.1.2.5 and 3.3.1.3). So whoever starts beside it knows within a round trip, and
that it was killed is known as soon as the broker knows. A broker that was killed sends no wills: a sign that is not
renewed for `_SILENT` seconds counts no more, nor does that of a process of this machine which has ended.

Two engines with one client id would take the session from each other in turn. Of those the one carries that was told
to take over last; else the one that carries already; else the one that started first. The others wait.
Such a sign is proved with the client id itself, which is a secret (`mqtt.client_id_file`): a stranger who may publish
there can make no engine wait.
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
from bridge.mqtt._private import abandon, session_client
from bridge.mqtt.client_id import KeptId, shown
from bridge.mqtt.connect import mqtt_options
from bridge.mqtt.session import REFUSED, codes_of
from bridge.route import filters_overlap

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings, Settings

__all__ = ["Presence", "Sign"]

_log = logging.getLogger(__name__)

_RENEW: Final = 10.0
"""Seconds between two signs of life of an engine of which nothing changes."""

_SILENT: Final = 25.0
"""Seconds without a new one after which an engine counts as gone."""

_OLD: Final = 15.0
"""How many seconds old, by both clocks, a kept sign may be to count at once: a living engine says the next one soon."""

_REPEATED: Final = 120.0
"""The same of one that comes just now: somebody may have kept it, and say it again."""

_HEARD: Final = 1.0
"""Seconds to wait at most for the signs that the broker has, once it has granted the subscription: they come before
this engine's own."""

_LOOK: Final = 0.25

_LONGEST: Final = 65_536
"""Bytes of a sign; what is larger is none."""


class Sign(msgspec.Struct, frozen=True):
    """What an engine says of itself.

    Attributes:
        engine: which process it is; another one at each start.
        client_id: a digest of the MQTT client id that it ingests with; empty where it does not ingest.
        host: the machine's name.
        program: what it is, for a person.
        process: its process, as whoever sees the same processes knows it; empty where that can't be said.
        carries: whether it takes part at present, rather than waits for another engine.
        since: when it started, in seconds since the epoch by its clock.
        at: when it said this.
        took_over: when a person told it to take over, 0 where nobody did.
        account: what it counted since it started, by name; see `bridge.watch.account`.
        proof: that whoever says this knows the client id.
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
        """Which engine it is, for a person."""
        return f"{self.program} on {self.host}, since {time.strftime('%H:%M:%S', time.localtime(self.since))}"

    @property
    def _rank(self) -> tuple[float, bool, float, str]:
        return -self.took_over, not self.carries, self.since, self.engine

    def goes_before(self, other: Sign) -> bool:
        """Whether it is this one of two with one client id that carries."""
        return self._rank < other._rank


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Sign).decode


class Presence:
    """Knows the engines of a group, and says of this one that it is there.

    Args:
        settings: the broker's, the group's, and whether there is to be a presence at all.
        program: what this program is, for a person; empty for one that only looks, and says nothing of itself.
        took_over: when a person told this one to take over, 0 where nobody did.
        account: gives what this engine counted.

    Attributes:
        carries: whether this engine takes part; what it says of itself.
        heard: set once the signs that the broker has were heard, or can't be.
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
        self._below = f"{settings.mqtt.presence}/{quote(settings.kafka.group, safe='')}"
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
        """The other engines of the group that live."""
        oldest = time.monotonic() - _SILENT
        found = [sign for sign, seen in self._signs.values() if seen >= oldest and sign.engine != self._engine]
        return [sign for sign in found if not _has_ended(sign.process)]

    @property
    def before(self) -> Sign | None:
        """An engine with this one's client id that carries in its place; None where none does."""
        own = self._own()
        found = [one for one in self._namesakes(own) if one.goes_before(own)]
        return min(found, key=lambda sign: sign.since, default=None)

    @property
    def withdrawing(self) -> bool:
        """Whether another engine with this one's client id still carries, which is to wait from now on."""
        return any(one.carries for one in self._namesakes(self._own()))

    def _namesakes(self, own: Sign) -> list[Sign]:
        """The others that have this one's client id."""
        if not own.client_id:
            return []
        return [
            one
            for one in self.others
            if one.client_id == own.client_id and hmac.compare_digest(one.proof, self._proof_of(one))
        ]

    def _proof_of(self, sign: Sign) -> str:
        said = msgspec.json.encode([sign.engine, sign.process, sign.carries, sign.since, sign.at, sign.took_over])
        return hmac.new(self._secret.encode(), said, "sha256").hexdigest()

    async def run(self) -> None:
        """Say and hear until cancelled, through every absence of the broker."""
        if not self._enabled:
            self.heard.set()
            return
        backoff = Backoff(first=1.0, longest=60.0)
        while True:
            try:
                if not await self._connected():
                    # The broker does not let this user: no engine is known, as without a presence.
                    self.heard.set()
                    return
            except (aiomqtt.MqttError, ServerError, SettingsError, OSError) as error:
                _log.debug("mqtt: the presence of engines can't be told now: %s", error)
                self.heard.set()
            await pause(backoff.pause())

    def _own(self) -> Sign:
        if self._ingests and self._program and not self._client_id:
            kept = KeptId.of(self._mqtt)
            with contextlib.suppress(SettingsError):
                self._secret = kept.read_or_make() if kept else self._mqtt.client_id
                self._client_id = shown(self._secret)
        own = Sign(
            self._engine,
            self._client_id,
            socket.gethostname(),
            self._program,
            f"{_processes()}{os.getpid()}" if _processes() else "",
            self.carries,
            self._since,
            time.time(),
            self._took_over,
            self._account(),
        )
        return msgspec.structs.replace(own, proof=self._proof_of(own)) if own.client_id else own

    @property
    def _topic(self) -> str:
        return f"{self._below}/{self._engine}"

    async def _connected(self) -> bool:
        """Connect, and say and hear until the connection is lost.

        Returns:
            False where the broker refuses the subscription.
        """
        client = session_client(
            self._mqtt.reader,
            version_5=self._mqtt.version == "5",
            on_chunk=self._received,
            identifier=f"opsci-presence-{self._engine[:16]}",
            will=aiomqtt.Will(self._topic, b"", 1, True) if self._program else None,
            **mqtt_options(self._mqtt, session=False),
        )
        try:
            await client.__aenter__()
        except BaseException:
            abandon(client)
            raise
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
            await client.publish(self._topic, _encode(own), 1, True, timeout=5.0)

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
            # A sign says of itself alone, and one that was kept long ago is of an engine that is gone.
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
    """What the processes that this one sees have in common and no others have; empty where Linux does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    # A digest, as it stands at the broker for everyone who may read there.
    return f"{hashlib.sha256(f'{boot} {space}'.encode()).hexdigest()[:16]}/"


def _has_ended(process: str) -> bool:
    """Whether a process is one that this one would see, and is not there."""
    seen = _processes()
    number = process.removeprefix(seen)
    return bool(seen) and process.startswith(seen) and number.isdecimal() and not Path(f"/proc/{number}").exists()


def _options(settings: MqttSettings) -> Any:
    # With the copies that the broker keeps: they are what is asked for.
    return SubscribeOptions(qos=1) if settings.version == "5" else 1
