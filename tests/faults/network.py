"""Network faults between any two: cut, refused, slow, narrow, silent, and silent in one direction only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stack.servers.server import BROKERS
from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.proxy import Proxy
    from tests.faults.world import World

__all__ = ["LINKS", "WAYS", "Network"]

LINKS: Final = ("mosquitto", "kafka", "strapi", "objects", "websockets")
"""Between the engine and each server, and between the publishers and Mosquitto over TCP and over websockets."""

WAYS: Final = {
    "cut": "is cut again and again",
    "refused": "is cut and refuses connections",
    "slow": "takes 0.4 s in each direction",
    "narrow": "lets 20 kB/s through",
    "silent": "is silent, then delivers what waited",
    "silent-cut": "is silent, then forgets every connection",
    "no-answers": "carries no answers, then forgets every connection",
}
"""What it does."""

_EVERY: Final = 0.7


@dataclass(frozen=True)
class Network(Fault):
    """A faulty network.

    Attributes:
        link: one of LINKS; `kafka` is the network to all brokers, and `kafka-2` to that one.
        way: one of WAYS.
    """

    link: str = "kafka"
    way: str = "cut"

    @property
    def text(self) -> str:
        ends = f"publishers and Mosquitto ({'TCP' if self.link == 'objects' else 'websockets'})"
        if self.link in {*LINKS[:3], *BROKERS}:
            ends = f"engine and {self.link}"
        return f"the network between {ends} {WAYS[self.way]}, for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({f"to {self.link}"})

    async def strike(self, world: World) -> None:
        every = [self.link] if self.link != "kafka" else world.brokers
        await asyncio.gather(*(self._strike(world.proxies[name]) for name in every))

    async def _strike(self, proxy: Proxy) -> None:
        match self.way:
            case "cut":
                for _ in range(max(1, int(self.seconds / _EVERY))):
                    proxy.cut()
                    await asyncio.sleep(_EVERY)
                return
            case "refused":
                await proxy.set(refused=True)
                proxy.cut()
            case "slow":
                await proxy.set(delay=0.4)
            case "narrow":
                await proxy.set(rate=20_000)
            case "no-answers":
                await proxy.set(silent_down=True)
            case _:
                await proxy.set(silent_up=True, silent_down=True)
        await asyncio.sleep(self.seconds)
        if self.way in {"silent-cut", "no-answers"}:
            proxy.cut()
        await proxy.mend()
