"""Which engine of a group ingests: a single one, or several that use a shared subscription.

Two engines of one group with plain subscriptions each receive every message, and a movement without an identity from
its publisher would count twice. So Kafka stores the holder of each MQTT filter of a broker: a session, or the name of a
shared subscription. It is stored as metadata of a committed offset of the group `GROUP.ingest`, from which no consumer
reads: it outlives all engines, and every member of the group may read and write it. An engine whose filters have
another holder stands by: it applies, but opens no MQTT session, in which copies would pile up.

A session remains the holder while its engine is away, as the broker queues messages in it. Another engine takes over
only where the holder was not seen for so long that the broker has ended its session (`mqtt.session_expiry`), or with
`ingest.take_over` where no engine of the holder runs. Engines with the same client id are one holder: the broker
accepts only one of them at a time.

A broker is identified by its host. Where Kafka refuses to store this, the engine ingests, and logs that it cannot know
about others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
import zlib
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from bridge.backoff import pause
from bridge.errors import ForeignServerError, SettingsError
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster, close_admin, start_admin
from bridge.kafka.connect import new_consumer
from bridge.kafka.group_offsets import committed_at
from bridge.mqtt.address import read_address
from bridge.mqtt.client_id import KeptId, shown
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["SILENT", "Claim", "ClaimState"]

_log = logging.getLogger(__name__)

_LOOK: Final = 5.0
"""Seconds between two looks; within them a holder notices that another engine took over."""

_SURE: Final = 0.3
"""Seconds after a claim to check whether another engine claimed at the same moment."""

_AGAIN: Final = 1.0
_RENEW: Final = 10.0
"""Seconds between two signs of life of a holder."""

SILENT: Final = 2 * (_RENEW + _LOOK)
"""Seconds without a new sign of life after which no engine of the holder runs, for whoever watches that long."""

_AWAY: Final = 150.0
"""Seconds since the last sign of life after which the holder's engine counts as stopped."""

_LEAVE: Final = 2.0
"""Seconds to wait, while stopping, for Kafka to store that this engine stopped."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_REFUSALS: Final = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)

_decode = msgspec.json.Decoder(dict[str, tuple[str, int]]).decode


class ClaimState(Enum):
    """Whether this engine may ingest."""

    UNKNOWN = "unknown"
    """Kafka has not answered yet."""
    OURS = "ours"
    OTHERS = "others"


class _Held(NamedTuple):
    """What Kafka stores about the filters.

    Attributes:
        holders: by filter, its holder and when the holder's engine was last seen, in seconds since the epoch.
        topic: the topic in whose partition 0 it is stored.
    """

    holders: Mapping[str, tuple[str, int]]
    topic: str

    @classmethod
    def of(cls, topic: str, metadata: str) -> Self:
        try:
            return cls(_decode(metadata), topic)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return cls({}, topic)


class Claim:
    """Looks up the holders of our filters, and claims the filters that are free.

    Args:
        settings: the engine's.
        journal: where it is noted that another engine ingests.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self.group = f"{settings.kafka.group}.ingest"
        self._filters = dict.fromkeys(route.mqtt for route in settings.routes if route.mqtt)
        self._changed = asyncio.Condition()
        self._admin: Any = None
        self._remember = True
        self._left = False
        self._take_over = settings.ingest.take_over
        self.state = ClaimState.OURS if not self._filters else ClaimState.UNKNOWN
        self.taken_over = False
        """Whether we took the filters over from another holder, which then also received what waits in our session."""
        self.what: str = ""
        """The message for the user where another engine holds the filters; set by each look."""
        self.advice: str = ""

    async def run(self) -> None:
        """Look periodically until cancelled."""
        refused = False
        try:
            while self._filters and not self._left:
                try:
                    await self._look()
                except _REFUSALS as error:
                    if not refused:
                        _log.warning("whether another engine takes the same messages can't be known: %r", error)
                    refused = True
                    await self._set(ClaimState.OURS)
                except (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError) as error:
                    _log.debug("whether another engine takes the same messages is not known now: %r", error)
                    await self.close()
                await pause(_LOOK if self.state is not ClaimState.UNKNOWN else _AGAIN)
        finally:
            await self.close()

    async def seen(self) -> int:
        """When an engine that ingests from our filters, this one included, was last seen.

        Returns:
            Seconds since the epoch by that engine's clock; 0 where none was seen within 150 s, or the last one stopped.

        Raises:
            KafkaError: Kafka does not answer; also OSError and TimeoutError.
            SettingsError: a file named in the settings can't be read.
            ForeignServerError: another cluster answers.
        """
        held = await self._read()
        seen = max((held.holders[key][1] for key in self._mine() if key in held.holders), default=0)
        return seen if seen > time.time() - _AWAY else 0

    async def leave(self) -> None:
        """Store that this engine stops: it remains the holder, but nobody waits for its sign of life."""
        if not self._filters or self.state is not ClaimState.OURS or self._left:
            return
        self._left = True
        with contextlib.suppress(KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError):
            async with asyncio.timeout(_LEAVE):
                await self._write(await self._read(), self._mine(), int(time.time() - _AWAY))

    async def is_not(self, state: ClaimState, seconds: float | None = None) -> None:
        """Wait until the state is a different one.

        Args:
            state: the one to wait for the end of.
            seconds: the longest wait; None waits for ever.
        """
        # Asked before every write: only a wait needs the lock and a timer.
        if self.state is not state:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.state is not state)

    async def becomes(self, state: ClaimState) -> None:
        """Wait until the state is this one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state is state)

    async def found(self) -> ClaimState:
        """Look once, without claiming anything.

        Raises:
            KafkaError: Kafka does not answer; also OSError and TimeoutError.
            SettingsError: a file named in the settings can't be read.
            ForeignServerError: another cluster answers.
        """
        self._remember = False
        try:
            held = await self._read()
        finally:
            await self.close()
        return ClaimState.OTHERS if self._others(held) else ClaimState.OURS

    async def _look(self) -> None:
        held, mine, own = await self._read(), self._mine(), self._own()
        others = self._others(held)
        if others and not (self._take_over and self._are_away(held)):
            await self._set(ClaimState.OTHERS)
            return
        found = [(held.holders.get(key), name) for key, name in mine.items()]
        known = all(holder is not None and holder[0] == name for holder, name in found)
        if not known or any(holder is None or holder[1] < time.time() - _RENEW for holder, _ in found):
            await self._write(held, mine, int(time.time()))
        if not known:
            await pause(_SURE)
            if self._others(await self._read()):
                await self._set(ClaimState.OTHERS)
                return
            _log.info("mqtt: this engine takes what is published on %s", ", ".join(self._filters))
            self.taken_over = any(holder is not None and holder[0] not in {name, own} for holder, name in found)
        self._take_over = False
        await self._set(ClaimState.OURS)

    def _own(self) -> str:
        """The name of this engine's session among the holders."""
        kept = KeptId.of(self._settings.mqtt)
        return f"session {shown(kept.read_or_make() if kept else self._settings.mqtt.client_id)}"

    def _mine(self) -> dict[str, str]:
        """By filter, the holder's name under which this engine claims it."""
        mqtt = self._settings.mqtt
        address = read_address(mqtt.url)
        # At a loopback address, each machine has a broker of its own.
        host = socket.gethostname() if address.host in _LOOPBACK else address.host
        mine, session = {}, self._own()
        for topic_filter in self._filters:
            levels = topic_filter.split("/", 2)
            shared = levels[0] == "$share" and len(levels) == 3
            key = f"{zlib.crc32(f'{host} {levels[2] if shared else topic_filter}'.encode()):08x}"
            mine[key] = f"share {levels[1]}" if shared else session
        return mine

    def _others(self, held: _Held) -> bool:
        """Whether another engine holds one of our filters; sets `what` and `advice`."""
        own = self._own()
        gone = time.time() - max(_AWAY, self._settings.mqtt.session_expiry)
        for key, name in self._mine().items():
            holder, seen = held.holders.get(key, (name, 0))
            # A single engine may change to a shared subscription, but not back to a plain one.
            if holder in {name, own} or seen < gone:
                continue
            self.what = Phrase(
                "another engine of group {group!r} takes what is published here ({holder}, seen at {time}); with this "
                "one ({own}) each movement without an id would count twice, so it only applies",
                group=self._settings.kafka.group,
                holder=holder,
                own=own,
                time=time.strftime("%Y-%m-%d %H:%M", time.localtime(seen)),
            )
            self.advice = Phrase(
                "to ingest with both, write the filters of all routes as $share/NAME/FILTER in both; if the other is "
                "gone for good, start this one once with ingest.take_over: it begins 150 s after the other was seen"
            )
            return True
        return False

    def _are_away(self, held: _Held) -> bool:
        """Whether no engine runs that holds one of our filters."""
        seen = [held.holders[key][1] for key in self._mine() if key in held.holders]
        return max(seen, default=0) < time.time() - _AWAY

    async def _set(self, state: ClaimState) -> None:
        if state is ClaimState.OTHERS and self.state is not ClaimState.OTHERS:
            _log.warning("mqtt: %s (%s)", self.what, self.advice)
        self._journal.stands_by = state is ClaimState.OTHERS
        async with self._changed:
            self.state = state
            self._changed.notify_all()

    async def _read(self) -> _Held:
        kafka = self._settings.kafka
        place = TopicPartition(kafka.errors_topic, 0)
        async with asyncio.timeout(kafka.timeout):
            if self._admin is None:
                self._admin = await start_admin(kafka, remember=self._remember)
            admin = self._admin
            found = await committed_at(admin, self.group, [place])
        return _Held.of(place.topic, found[place].metadata)

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await close_admin(admin)

    async def _write(self, held: _Held, mine: Mapping[str, str], seen: int) -> None:
        kafka = self._settings.kafka
        holders: dict[str, Any] = {**held.holders, **{key: (name, seen) for key, name in mine.items()}}
        place = TopicPartition(held.topic, 0)
        consumer = new_consumer(kafka, group_id=self.group)
        try:
            async with asyncio.timeout(kafka.timeout):
                await Cluster(kafka).start(consumer)
                consumer.assign([place])
                await consumer.commit({place: (0, msgspec.json.encode(holders).decode())})
        finally:
            await stop_consumer(consumer, 1.0)
