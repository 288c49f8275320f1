"""Messages that are difficult or impossible to apply: malformed, unknown, too much, too large, too wide."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.movement import MAX_PAYLOAD
from tests.faults.fault import Fault
from tests.faults.register import movement_payload

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["LargeFlood", "Oversized", "Poison", "WideNames"]

_POISON: Final = (
    b'not JSON "number":%d',
    b'{"number":%d',
    b'{"number":%d}',
    b'{"number":%d,"id":1,"amount":0,"type":"IN"}',
    b'{"number":%d,"id":1,"amount":-3,"type":"IN"}',
    b'{"number":%d,"id":1,"amount":3,"type":"SIDEWAYS"}',
    b'{"number":%d,"id":"no such product","amount":3,"type":"IN"}',
    b'{"number":%d,"id":1e400,"amount":3,"type":"IN"}',
    b'{"number":%d,"id":"\xff\xfe","amount":3,"type":"IN"}',
    b'{"number":%d,"id":"a\\u0000b","amount":3,"type":"IN"}',
    b'{"number":%d,"id":' + b"[" * 3000 + b"]" * 3000 + b',"amount":3,"type":"IN"}',
)
_SIZES: Final = (1_000_500, 1_300_000, 5_000_000)
_WIDE: Final = 60
_CHARACTERS: Final = (
    "\N{GRINNING FACE}",
    "\N{CJK UNIFIED IDEOGRAPH-20000}",
    "\N{MATHEMATICAL BOLD CAPITAL A}",
    "\uff21",
)
_LARGE: Final = (60_000, 400_000, 900_000)
_ROUNDS: Final = 60


@dataclass(frozen=True)
class Poison(Fault):
    """Payloads that are not movements, and one that takes more than is in stock."""

    @property
    def text(self) -> str:
        return f"{len(_POISON) + 1} poison payloads"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"payloads"})

    async def strike(self, world: World) -> None:
        tasks = []
        for poison in _POISON:
            sent = world.register.enter(0, 0, named=False, refused=True)
            tasks.append(await world.prober.start(sent, poison % sent.number))
        sent = world.register.enter(world.products[0], -2_000_000_000, named=False, refused=True)
        tasks.append(await world.prober.start(sent, movement_payload(sent)))
        await asyncio.wait(tasks, timeout=self.seconds)


@dataclass(frozen=True)
class Oversized(Fault):
    """Movements larger than the limit of a Kafka record."""

    @property
    def text(self) -> str:
        return "oversized payloads: " + ", ".join(f"{size / 1e6:.1f} MB" for size in _SIZES)

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"payloads"})

    async def strike(self, world: World) -> None:
        tasks = []
        for size in _SIZES:
            sent = world.register.enter(world.products[0], 1, named=False, refused=True)
            payload = b'{"number":%d,"id":1,"amount":3,"type":"IN","more":"%b"}' % (sent.number, b"x" * size)
            tasks.append(await world.prober.start(sent, payload))
        await asyncio.wait(tasks, timeout=self.seconds)


@dataclass(frozen=True)
class WideNames(Fault):
    """Movements of products whose names are short in characters and long in UTF-16 units, which JavaScript counts.

    They are mixed with all others: if one of them makes a whole batch fail, recovery takes long.
    """

    @property
    def text(self) -> str:
        return f"{_WIDE} movements of unknown products with names of 128 to 255 emoji and other wide characters"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"payloads"})

    async def strike(self, world: World) -> None:
        tasks = []
        for number in range(_WIDE):
            character = _CHARACTERS[number % len(_CHARACTERS)]
            sent = world.register.enter(0, 0, named=False, refused=True)
            name = character * (128 + number * 127 // (_WIDE - 1))
            payload = f'{{"number":{sent.number},"id":"{name}","amount":3,"type":"IN"}}'.encode()
            tasks.append(await world.prober.start(sent, payload))
        await asyncio.wait(tasks, timeout=self.seconds)


@dataclass(frozen=True)
class LargeFlood(Fault):
    """Large movements while Kafka is paused: a third is applied, the others are too long and become dead letters.

    Their bytes have to be bounded in the broker and in the engine; a broker that does not accept messages of that size
    may refuse them, and then they are not expected.
    """

    @property
    def text(self) -> str:
        size = sum(_LARGE) * _ROUNDS / 1e6
        return f"{_ROUNDS * len(_LARGE)} movements of {size:.0f} MB while Kafka is paused, for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"kafka", "payloads"})

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(world.stack.pause_server, "kafka")
        try:
            tasks = []
            async with asyncio.timeout(self.seconds * 2):
                for number in range(_ROUNDS * len(_LARGE)):
                    product, size = world.products[number % len(world.products)], _LARGE[number % len(_LARGE)]
                    sent = world.register.enter(product, 1, named=False, refused=size > MAX_PAYLOAD)
                    padding = b',"more":"%b"}' % (b"x" * size)
                    tasks.append(await world.prober.start(sent, movement_payload(sent)[:-1] + padding))
                await asyncio.sleep(self.seconds)
        finally:
            world.stack.resume_server("kafka")
