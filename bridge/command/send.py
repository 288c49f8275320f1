"""`opsci-bridge send FILE`: the rows of a CSV file over MQTT, as fast as the broker confirms them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import sys
import time
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.backoff import Backoff
from bridge.command.progress import Progress
from bridge.command.rows import BadRow, read_rows, recognise
from bridge.errors import OpsciError, PublishError, SettingsError
from bridge.identity import new_movement_id
from bridge.mqtt.publisher import Publisher
from bridge.route import Does
from bridge.settings.possible import topic_problem
from bridge.text import readable_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.command.rows import Layout, Row
    from bridge.settings import Settings

__all__ = ["Sending", "send", "topic_for"]

_IN_FLIGHT: Final = 200
_PATIENCE: Final = 30.0
"""Seconds for which a row is tried again while the broker confirms nothing."""

_SHOWN: Final = 5
_NAMESPACE: Final = uuid.UUID("6f707363-6900-5000-8000-73656e640000")


class Sending(NamedTuple):
    """What is sent, and how.

    Attributes:
        file: a CSV file; `-` is standard input.
        topic: the MQTT topic, None for the one that the settings name.
        rate: the most rows a second, None for no limit.
        resumable: whether each identity is derived from the file and the line.
        dry_run: whether to send nothing and say what would be sent.
    """

    file: Path
    topic: str | None = None
    rate: float | None = None
    resumable: bool = False
    dry_run: bool = False


class _UnconfirmedError(OpsciError):
    """The broker confirms nothing any more; the text says from which line on rows are missing."""


def send(settings: Settings, sending: Sending) -> int:
    """Send a file.

    Args:
        settings: the broker's, and the routes that name topics.
        sending: what, and how.

    Returns:
        The exit code: 0 each row was confirmed, 1 one was not or is no row; each such row was told with its line.

    Raises:
        SettingsError: the file can't be read, or there is no topic to publish its rows on.
        UnknownFileError: its header is none that is known.
    """
    if sending.resumable and settings.mqtt.version != "5":
        msg = "--resumable: an identity travels in MQTT 5 only; mqtt.version is 3.1.1"
        raise SettingsError(msg)
    content = _read(sending.file)
    text = content.decode("utf-8-sig", "surrogateescape")
    lines = io.StringIO(text, newline="")
    layout = recognise(lines.readline())
    topic = sending.topic or topic_for(settings, layout.does)
    if problem := topic_problem(topic):
        msg = f"--topic: {topic!r} is no topic to publish on: {problem}"
        raise SettingsError(msg)
    rows = list(read_rows(layout, lines))
    if sending.dry_run:
        return _tell(rows, layout, topic)
    digest = hashlib.sha256(content).hexdigest() if sending.resumable else ""
    return asyncio.run(_Send(settings, sending, topic, digest).all_of(rows))


def topic_for(settings: Settings, does: Does) -> str:
    """The MQTT topic to publish rows of a kind on.

    Args:
        settings: whose routes and `mqtt.publish_topic` say.
        does: what the rows are.

    Returns:
        For movements `mqtt.publish_topic`; for others the topic of the first route that does such, without its `/#`.

    Raises:
        SettingsError: no route has such a topic.
    """
    if does is Does.MOVEMENT:
        return settings.mqtt.publish_topic
    for route in settings.routes:
        if route.does is does and route.mqtt:
            topic = route.mqtt.split("/", 2)[2] if route.mqtt.startswith("$share/") else route.mqtt
            # `a/#` takes `a` itself as well (MQTT 5 section 4.7.1.2).
            topic = topic.removesuffix("/#")
            if not topic_problem(topic):
                return topic
    msg = f"routes: no route that does {does.value} names an MQTT topic without wildcards; say it with --topic"
    raise SettingsError(msg)


class _Send:
    def __init__(self, settings: Settings, sending: Sending, topic: str, digest: str) -> None:
        self._settings = settings
        self._sending = sending
        self._topic = topic
        self._digest = digest
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._confirmed = 0
        self._confirmed_at = time.monotonic()
        self._bad: list[BadRow] = []

    async def all_of(self, rows: list[Row | BadRow]) -> int:
        began = time.monotonic()
        gone: _UnconfirmedError | None = None
        with Progress(len(rows), f"{self._sending.file.name} to {self._topic}") as progress:
            try:
                async with Publisher(self._settings.mqtt, _IN_FLIGHT) as publisher, asyncio.TaskGroup() as tasks:
                    for number, row in enumerate(rows):
                        if isinstance(row, BadRow):
                            self._bad.append(row)
                            progress.say(f"line {row.line}: {row.why}")
                            progress.step()
                            continue
                        await self._pace(began, number)
                        await self._slots.acquire()
                        tasks.create_task(self._one(publisher, row, progress))
            except* _UnconfirmedError as group:
                found = group.exceptions[0]
                gone = found if isinstance(found, _UnconfirmedError) else _UnconfirmedError(str(found))
        took = max(time.monotonic() - began, 0.001)
        print(
            f"{self._confirmed:,} of {len(rows):,} rows confirmed by the broker in {took:.1f} s "
            f"({self._confirmed / took:,.0f}/s)" + (f", {len(self._bad):,} are no rows" if self._bad else "")
        )
        if gone is not None:
            print(f"opsci-bridge: {gone}", file=sys.stderr)
        return 1 if self._bad or gone is not None else 0

    async def _pace(self, began: float, number: int) -> None:
        if self._sending.rate is not None:
            await asyncio.sleep(max(0.0, began + number / self._sending.rate - time.monotonic()))

    async def _one(self, publisher: Publisher, row: Row, progress: Progress) -> None:
        identity = self._identity(row)
        backoff = Backoff(first=0.5, longest=5.0)
        while True:
            try:
                await publisher.publish(self._topic, row.payload, identity)
            except PublishError as error:
                # Under one identity a row that the broker has already counts once; without one it may count twice.
                again = self._settings.mqtt.version == "5"
                if not again or time.monotonic() - self._confirmed_at > _PATIENCE:
                    msg = f"line {row.line}: {error}; {self._confirmed:,} rows were confirmed"
                    raise _UnconfirmedError(msg) from error
                await asyncio.sleep(backoff.pause())
            else:
                break
        self._confirmed += 1
        self._confirmed_at = time.monotonic()
        self._slots.release()
        progress.step()

    def _identity(self, row: Row) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._digest}:{row.line}")) if self._digest else new_movement_id()


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        msg = f"{file}: {error.strerror or error}"
        raise SettingsError(msg) from None


def _tell(rows: list[Row | BadRow], layout: Layout, topic: str) -> int:
    bad = [row for row in rows if isinstance(row, BadRow)]
    good = [row for row in rows if not isinstance(row, BadRow)]
    for row in good[:_SHOWN]:
        print(f"line {row.line}: {readable_bytes(row.payload)}")
    if len(good) > _SHOWN:
        print(f"... {len(good) - _SHOWN:,} more")
    for wrong in bad:
        print(f"line {wrong.line}: {wrong.why}", file=sys.stderr)
    print(f"{len(good):,} {layout.does.value}s would go to the MQTT topic {topic!r}; {len(bad):,} are no rows")
    return 1 if bad else 0
