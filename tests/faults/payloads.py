"""Messages that no one can apply: malformed, unknown, too much, too large."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.fault import Fault
from tests.faults.register import movement_payload

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["Oversized", "Poison"]

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


@dataclass(frozen=True)
class Poison(Fault):
    """Payloads that are no movement, and one that takes more than there is."""

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
    """Movements larger than a Kafka record may be."""

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
