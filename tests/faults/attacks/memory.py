"""Attacks by size: the bytes that a publisher can make the broker and the engine hold, and the time they cost."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from tests.faults.attacks.attack import Outcome, attack, judged
from tests.faults.attacks.target import resident
from tests.faults.attacks.wire import Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tests.faults.attacks.target import Target

LARGE: Final = 1_000
"""How many large messages; 1,500 in the issue."""

_SIZE: Final = 900_000
UNKNOWN: Final = 100_000
_MOST_BROKER: Final = 500
_MOST_ENGINE: Final = 400
_GROWTH: Final = 120


class Peak:
    """Samples the memory of broker and engine ten times a second.

    Args:
        target: the target.

    Attributes:
        broker: Mosquitto's peak, in MB.
        engine: the engine's peak, in MB.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._broker = target.processes("mosquitto")
        self.before = resident([target.engine.pid])
        self.broker = self.engine = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while True:
            self.broker = max(self.broker, resident(self._broker))
            self.engine = max(self.engine, resident([self._target.engine.pid]))
            await asyncio.sleep(0.1)


async def _publish(target: Target, payload: Callable[[int], bytes], count: int) -> tuple[int, int]:
    """Publish large messages, over a new connection whenever the broker ends one.

    Returns:
        The number of acknowledged messages, and of connections.
    """
    taken = connections = fruitless = 0
    while taken < count and fruitless < 3:
        connections += 1
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with Client(target.tcp, f"large-{secrets.token_hex(4)}", target.owner) as client:
                more = await client.flood("topic", payload, count - taken)
                taken += more
                fruitless = 0 if more else fruitless + 1
                continue
        fruitless += 1
    return taken, connections


async def _large(target: Target, *, away: str) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    begun, pid = time.monotonic(), target.engine.pid
    movement = b'{"id":%d,"amount":1,"type":"IN","more":"%b"}' % (product, b"x" * _SIZE)
    async with Peak(target) as peak:
        if away == "kafka":
            await asyncio.to_thread(target.stack.pause_server, "kafka")
        else:
            target.engine.end()
        try:
            taken, connections = await _publish(target, lambda _number: movement, LARGE)
            await asyncio.sleep(2)
        finally:
            if away == "kafka":
                target.stack.resume_server("kafka")
        alive = target.engine.pid == pid or away != "kafka"
        await target.start_engine()
        small = (await target.make_product(0))["id"]
        await target.move(small, 10)
        stock = await target.shows(small, 10, 240)
    seen = (
        f"{taken} of {LARGE} taken over {connections} connections in {time.monotonic() - begun:.0f} s; "
        f"Mosquitto at most {peak.broker:.0f} MB, engine {peak.engine:.0f} MB; {stock} of 10 afterwards"
    )
    breaches = [f"Mosquitto took {peak.broker:.0f} MB"] if peak.broker > _MOST_BROKER else []
    breaches += [f"the engine took {peak.engine:.0f} MB"] if peak.engine > _MOST_ENGINE else []
    breaches += [] if alive else ["the engine ended"]
    breaches += [] if stock == 10 else [f"{stock} of 10 small movements were applied afterwards"]
    return judged([f"{'; '.join(breaches)} ({seen})"] if breaches else [], seen)


_LARGE_WANTED: Final = (
    f"Mosquitto stays under {_MOST_BROKER} MB, the engine under {_MOST_ENGINE} MB and alive, and a small movement is "
    "applied afterwards"
)


@attack(
    "memory-large-messages-kafka-away",
    "4",
    f"Publish {LARGE:,} movements of 900 KB while Kafka stands still",
    _LARGE_WANTED,
    seconds=600,
)
async def large_kafka_away(target: Target) -> Outcome:
    return await _large(target, away="kafka")


@attack(
    "memory-large-messages-engine-away",
    "4",
    f"Publish {LARGE:,} movements of 900 KB while the engine is away, so that they wait in the broker",
    _LARGE_WANTED,
    seconds=600,
)
async def large_engine_away(target: Target) -> Outcome:
    return await _large(target, away="engine")


@attack(
    "memory-unknown-ids",
    "4",
    f"Publish {UNKNOWN:,} movements, each of another product that does not exist, with an id of 245 characters",
    f"the engine grows by less than {_GROWTH} MB, and a movement behind them is applied",
    seconds=600,
)
async def unknown_ids(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    await target.move(product, 10)
    await target.shows(product, 10)
    begun = time.monotonic()
    async with Peak(target) as peak:
        async with Client(target.tcp, f"unknown-{secrets.token_hex(4)}", target.owner) as client:
            taken = await client.flood(
                "topic", lambda number: b'{"id":"%s","amount":1,"type":"IN"}' % _name(number), UNKNOWN, window=500
            )
        await target.move(product, 10)
        stock = await target.shows(product, 20, 400)
        await asyncio.sleep(2)
    grown = peak.engine - peak.before
    seen = (
        f"{taken:,} taken, and the movement behind them applied after {time.monotonic() - begun:.0f} s (stock {stock} "
        f"of 20); the engine from {peak.before:.0f} to at most {peak.engine:.0f} MB"
    )
    return judged([seen] if grown > _GROWTH or stock != 20 or taken < UNKNOWN else [], seen)


def _name(number: int) -> bytes:
    return b"%08d-%b" % (number, b"n" * 236)


@attack(
    "memory-wide-names",
    "5",
    "Among 2,000 movements, 200 whose product is called by 128 to 255 emoji: more than 255 units of UTF-16, and no "
    "more than 255 characters",
    "all others are applied, and it takes at most four times as long as without them, and ten seconds",
    seconds=400,
)
async def wide_names(target: Target) -> Outcome:
    await target.start_engine()
    took = []
    product = (await target.make_product(0))["id"]
    applied = 0
    for wide in (0, 200):
        await asyncio.to_thread(target.stack.pause_server, "strapi")
        try:
            async with Client(target.tcp, f"wide-{secrets.token_hex(4)}", target.owner) as client:
                await client.flood("topic", partial(_wide, product, wide), 2_000, window=500)
        finally:
            target.stack.resume_server("strapi")
        begun = time.monotonic()
        applied += 2_000 - wide
        stock = await target.shows(product, applied, 150)
        took.append(time.monotonic() - begun)
        if stock != applied:
            return judged([f"{stock} of {applied} were applied after {took[-1]:.0f} s"], "")
    seen = f"2,000 movements took {took[0]:.1f} s, 1,800 among 200 wide ones {took[1]:.1f} s; all were applied"
    return judged([seen] if took[1] > 4 * took[0] + 10 else [], seen)


def _wide(product: int, wide: int, number: int) -> bytes:
    if wide and number % (2_000 // wide) == 0:
        name = "\N{GRINNING FACE}" * (128 + number % 128)
        return f'{{"id":"{name}","amount":1,"type":"IN"}}'.encode()
    return b'{"id":%d,"amount":1,"type":"IN"}' % product


async def _costly(target: Target, payloads: list[bytes], properties: bytes = b"") -> Outcome:
    """Publish payloads that are expensive to parse, and measure the delay of a small movement behind them."""
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    pid = target.engine.pid
    async with Peak(target) as peak:
        taken = 0
        for payload in payloads:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with Client(target.tcp, f"costly-{secrets.token_hex(4)}", target.owner) as client:
                    taken += await client.flood("topic", payload, 1, properties=properties)
        begun = time.monotonic()
        await target.move(product, 10)
        stock = await target.shows(product, 10, 60)
        waited = time.monotonic() - begun
    seen = (
        f"{taken} of {len(payloads)} taken; 10 movements behind them applied after {waited:.1f} s (stock {stock}); the "
        f"engine at most {peak.engine:.0f} MB"
    )
    alive = target.engine.pid == pid
    return judged([seen] if stock != 10 or not alive or peak.engine > _MOST_ENGINE else [], seen)


@attack(
    "memory-costly-payloads",
    "new",
    "Publish payloads that cost much to read: numbers of 900,000 digits, 400,000 brackets, 100,000 keys, a million "
    "escapes, as id, amount and type",
    f"the engine stays alive and under {_MOST_ENGINE} MB, and movements behind them are applied within a minute",
    seconds=240,
)
async def costly_payloads(target: Target) -> Outcome:
    digits = b"9" * 900_000
    deep = b"[" * 400_000
    payloads = [
        b'{"id":%b,"amount":1,"type":"IN"}' % digits,
        b'{"id":"1","amount":%b,"type":"IN"}' % digits,
        b'{"id":"1","amount":"%b","type":"IN"}' % digits,
        b'{"id":"1","amount":1e%b,"type":"IN"}' % (b"9" * 1000),
        b'{"id":"1","amount":1,"type":%b}' % digits,
        b'{"id":"1","amount":1,"type":"IN","more":%b%b}' % (deep, deep.replace(b"[", b"]")),
        deep,
        b'{"a":' * 150_000,
        b"{%b}" % b",".join(b'"%d":0' % number for number in range(80_000)),
        b'{"id":"%b","amount":1,"type":"IN"}' % (b"\\u0041" * 150_000),
        b'{"id":"1","amount":1,"type":"%b"}' % (b"\\ud83d" * 140_000),
        b"\xef\xbb\xbf" * 300_000,
    ]
    return await _costly(target, payloads * 4)


@attack(
    "memory-user-properties",
    "new",
    "Publish 40 movements with 4,000 user properties each, among them `movement-id` two hundred times, empty and of "
    "60,000 characters",
    f"the engine stays alive and under {_MOST_ENGINE} MB, and movements behind them are applied within a minute",
    seconds=240,
)
async def user_properties(target: Target) -> Outcome:
    def one(name: str, value: str) -> bytes:
        return b"".join([b"\x26", *(len(part.encode()).to_bytes(2, "big") + part.encode() for part in (name, value))])

    many = b"".join(one(f"name{number % 500}", "v" * 100) for number in range(3_800))
    many += b"".join(one("movement-id", "x" * (number % 40)) for number in range(200)) + one(
        "movement-id", "y" * 60_000
    )
    return await _costly(target, [b'{"id":999999999,"amount":1,"type":"IN"}'] * 40, many)
