"""`opsci-bridge send FILE`: publish the rows of a CSV file over MQTT, and confirm its movements with the ledger.

Each movement has an identity, by which the ledger counts it once. It is derived from the run, the file and the line, so
that a run that was killed can be repeated: `--run` with the name that it printed at its start.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
import sys
import time
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.backoff import Backoff
from bridge.command.confirmation import Published, wait_for_stock
from bridge.command.progress import Progress
from bridge.command.rows import BadRow, RowOrder, read_rows, recognise
from bridge.errors import OpsciError, PublishError, SettingsError
from bridge.movement import Movement, read_movement
from bridge.mqtt.publisher import Publisher
from bridge.route import RouteKind, carries_movements, unshared
from bridge.settings.constraints import topic_problem
from bridge.text import readable_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.command.confirmation import Confirmation
    from bridge.command.rows import Layout, Row
    from bridge.settings import Settings

__all__ = ["PATIENCE", "WAIT", "Sending", "send", "topic_for"]

_IN_FLIGHT: Final = 200
PATIENCE: Final = 30.0
"""Seconds for which a row is retried while the broker acknowledges nothing, or reports that nobody subscribes."""

_SHOWN: Final = 5
_LISTED: Final = 20
_NAMESPACE: Final = uuid.UUID("6f707363-6900-5000-8000-73656e640000")


WAIT: Final = 30.0
"""The default number of seconds without news from the ledger that `send` waits."""


class Sending(NamedTuple):
    """What to send, and how.

    Attributes:
        file: a CSV file; `-` is standard input.
        topic: the MQTT topic, None for the one from the settings.
        rate: the most rows a second, None for no limit.
        resumable: whether each identity is derived from the file and the line only.
        run: the name of the run to repeat, empty for a new one.
        wait: seconds without news from the ledger after which missing movements count as unknown; 0 relies on the
            broker's acknowledgement.
        dry_run: whether to only print what would be sent.
    """

    file: Path
    topic: str | None = None
    rate: float | None = None
    resumable: bool = False
    run: str = ""
    wait: float = WAIT
    dry_run: bool = False


class _UnconfirmedError(OpsciError):
    """The broker acknowledges nothing any more; the text says from which line on rows are missing."""


def send(settings: Settings, sending: Sending) -> int:
    """Send a file.

    Args:
        settings: the broker's, and the routes with the topics.
        sending: what to send, and how.

    Returns:
        The exit code: 0 if each row was acknowledged and, unless there is no ledger or no wait, the ledger has a
        verdict on each movement; else 1. Invalid, unacknowledged and unknown rows are printed with their lines.

    Raises:
        SettingsError: the file can't be read, or there is no topic to publish its rows on.
        UnknownFileError: its header is not known.
    """
    if (sending.resumable or sending.run) and settings.mqtt.version != "5":
        option = "--resumable" if sending.resumable else "--run"
        msg = f"{option}: an identity travels in MQTT 5 only; mqtt.version is 3.1.1"
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
    digest = hashlib.sha256(content).hexdigest()
    run = "" if sending.resumable else sending.run or f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
    if run and layout.does is RouteKind.MOVEMENT and settings.mqtt.version == "5":
        print(
            f"run {run}: should this be cut short, --run {run} sends the rest under the same identities",
            file=sys.stderr,
        )
    follows = layout.does is RouteKind.MOVEMENT and carries_movements(settings.routes, topic)
    return asyncio.run(_Send(settings, sending, topic, _Identities(run, digest), follows=follows).all_of(rows))


def topic_for(settings: Settings, does: RouteKind) -> str:
    """The MQTT topic on which to publish rows of a kind.

    Args:
        settings: with the routes and `mqtt.publish_topic`.
        does: what the rows are.

    Returns:
        For movements `mqtt.publish_topic`; for others the topic of the first route of that kind, without a final `/#`.

    Raises:
        SettingsError: no route has such a topic.
    """
    if does is RouteKind.MOVEMENT:
        return settings.mqtt.publish_topic
    for route in settings.routes:
        if route.does is does and route.mqtt:
            # `a/#` matches `a` itself too (MQTT 5 section 4.7.1.2).
            topic = unshared(route.mqtt).removesuffix("/#")
            if not topic_problem(topic):
                return topic
    msg = f"routes: no route that does {does.value} names an MQTT topic without wildcards; say it with --topic"
    raise SettingsError(msg)


class _Identities:
    """The identity of each row of a run: a UUIDv7 of the run's time (RFC 9562 section 5.7) that counts up by the line.

    Args:
        run: its name, 22 hexadecimal digits that begin with its time in milliseconds; empty uses only the file.
        digest: of the file.
    """

    def __init__(self, run: str, digest: str) -> None:
        self._run = run
        self._digest = digest
        mixed = int(hashlib.sha256(f"{run}:{digest}".encode()).hexdigest()[:8], 16)
        self._head = f"{run[:8]}-{run[8:12]}-7{mixed & 0xFFF:03x}-{0x8000 | mixed >> 12 & 0x3FFF:04x}-"

    def of(self, line: int) -> str:
        if not self._run:
            return str(uuid.uuid5(_NAMESPACE, f"{self._digest}:{line}"))
        return f"{self._head}{line:012x}"


class _Send:
    def __init__(
        self, settings: Settings, sending: Sending, topic: str, identities: _Identities, *, follows: bool
    ) -> None:
        self._settings = settings
        self._sending = sending
        self._topic = topic
        self._identities = identities
        self._follows = (
            follows and sending.wait > 0 and settings.mqtt.version == "5" and settings.strapi.mode in {"auto", "ledger"}
        )
        self._published: list[Published] = []
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._confirmed = 0
        self._confirmed_at = time.monotonic()
        self._order = RowOrder()
        self._waits = False
        self._bad: list[BadRow] = []

    async def all_of(self, rows: list[Row | BadRow]) -> int:
        began = time.monotonic()
        gone: _UnconfirmedError | None = None
        word: Confirmation | None = None
        async with Publisher(self._settings.mqtt, _IN_FLIGHT) as publisher:
            with Progress(len(rows), f"{self._sending.file.name} to {self._topic}") as progress:
                try:
                    # In a separate task, as Python 3.11 leaves a task whose TaskGroup failed marked as cancelled.
                    await asyncio.create_task(self._publish(publisher, rows, progress, began))
                except* _UnconfirmedError as group:
                    found = group.exceptions[0]
                    gone = found if isinstance(found, _UnconfirmedError) else _UnconfirmedError(str(found))
            took = max(time.monotonic() - began, 0.001)
            print(
                f"{self._confirmed:,} of {len(rows):,} rows confirmed by the broker in {took:.1f} s "
                f"({self._confirmed / took:,.0f}/s)" + (f", {len(self._bad):,} are no rows" if self._bad else ""),
                flush=True,
            )
            if gone is not None:
                print(f"opsci-bridge: {gone}", file=sys.stderr)
            if self._published:
                word = await wait_for_stock(
                    self._settings.strapi,
                    publisher,
                    self._topic,
                    self._published,
                    patience=self._sending.wait,
                    say=_complain,
                )
        lacks = word is not None and not _tell_word(word)
        return 1 if self._bad or gone is not None or lacks else 0

    async def _publish(self, publisher: Publisher, rows: list[Row | BadRow], progress: Progress, began: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, row in enumerate(rows):
                if isinstance(row, BadRow):
                    self._bad.append(row)
                    progress.say(f"line {row.line}: {row.why}")
                    progress.step()
                    continue
                await self._pace(began, number)
                await self._slots.acquire()
                tasks.create_task(self._one(publisher, row, progress))

    async def _pace(self, began: float, number: int) -> None:
        if self._sending.rate is not None:
            await asyncio.sleep(max(0.0, began + number / self._sending.rate - time.monotonic()))

    async def _one(self, publisher: Publisher, row: Row, progress: Progress) -> None:
        identity = self._identities.of(row.line)
        backoff = Backoff(first=0.5, longest=5.0)
        while True:
            await self._order.turn(row.line)
            try:
                if await publisher.publish(self._topic, row.payload, identity):
                    break
                why = f"no one subscribes to {self._topic!r}, so the broker threw it away; start an engine first"
                if not self._waits:
                    self._waits = True
                    progress.say(f"no one subscribes to {self._topic!r} yet: waiting {PATIENCE:.0f} s for an engine")
            except PublishError as error:
                why = str(error)
            # With its identity, a row that the broker has already counts once; without, it may count twice.
            again = self._settings.mqtt.version == "5"
            if not again or time.monotonic() - self._confirmed_at > PATIENCE:
                msg = f"line {row.line}: {why}; {self._confirmed:,} rows were confirmed"
                raise _UnconfirmedError(msg)
            if self._order.failed(row.line):
                await asyncio.sleep(backoff.pause())
        self._order.passed(row.line)
        self._confirmed += 1
        self._confirmed_at = time.monotonic()
        # Anything but a movement becomes a dead letter, which the ledger does not know.
        if self._follows and isinstance(read_movement(row.payload), Movement):
            self._published.append(Published(row.line, identity, row.payload, time.time()))
        self._slots.release()
        progress.step()


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell_word(word: Confirmation) -> bool:
    """Print the ledger's answers.

    Returns:
        Whether nothing is unknown that could be known.
    """
    if not word.has_ledger:
        print("whether the stock shows them can't be asked for: this Strapi has no ledger, and nothing is sent again")
        return True
    said = ", ".join(f"{verdict} {count:,}" for verdict, count in sorted(word.verdicts.items())) or "nothing"
    print(f"the stock says: {said}" + (f"; {word.again:,} times one was sent again" if word.again else ""))
    if not word.unknown:
        return True
    lines = ", ".join(map(str, word.unknown[:_LISTED])) + (" ..." if len(word.unknown) > _LISTED else "")
    why = word.problem or "does an engine run? The broker may have them still"
    _complain(f"unknown: {len(word.unknown):,} movements, on the lines {lines} ({why})")
    return False


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
