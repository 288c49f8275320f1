"""Which faults come in which order: drawn from a seed alone, so that a run can be made again. Pure."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from tests.faults.answers import ANSWERS, Answers
from tests.faults.clock import ClockStep
from tests.faults.fault import Fault
from tests.faults.flood import Flood
from tests.faults.group import SecondEngine
from tests.faults.kill import KillEngine, KillInBatch, KillServer
from tests.faults.network import LINKS, WAYS, Network
from tests.faults.pause import PauseEngine, PauseServer
from tests.faults.payloads import Oversized, Poison

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.world import World

__all__ = ["Together", "draw", "short"]

_SERVERS: Final = ("mosquitto", "kafka", "strapi")


@dataclass(frozen=True)
class Together(Fault):
    """Two faults at once.

    Attributes:
        first: one.
        second: the other, which acts upon nothing that the first acts upon.
    """

    first: Fault
    second: Fault

    @property
    def text(self) -> str:
        return f"at once: {self.first.text}; and {self.second.text}"

    @property
    def touches(self) -> frozenset[str]:
        return self.first.touches | self.second.touches

    async def strike(self, world: World) -> None:
        await asyncio.gather(self.first.strike(world), self.second.strike(world))


def draw(seed: int, *, alone: bool = False) -> Iterator[Fault]:
    """Draw faults without end: every kind once, in any order, then every kind again; each fourth comes with another.

    Args:
        seed: what they are drawn from.
        alone: leave out the second engine, which plain REST does not stand.
    """
    chance = random.Random(seed)  # noqa: S311 - a plan need not be a secret
    while True:
        deck = [fault for fault in _deck(chance) if not (alone and isinstance(fault, SecondEngine))]
        chance.shuffle(deck)
        singles = iter(deck)
        while batch := list(islice(singles, 3)):
            yield from batch
            first, second = chance.sample(deck, 2)
            while first.touches & second.touches:
                first, second = chance.sample(deck, 2)
            yield Together(max(first.seconds, second.seconds), first, second)


def short() -> list[Fault]:
    """The faults of the short run, under a minute."""
    return [
        KillEngine(1.0, times=2),
        Poison(10.0),
        KillInBatch(1.0, victim="strapi"),
        Network(1.5, "kafka", "cut"),
        Answers(2.0, "500"),
        Together(2.0, SecondEngine(2.0, killed=True), Network(2.0, "strapi", "no-answers")),
        KillInBatch(0.0, victim="engine"),
        KillServer(0.5, "kafka"),
    ]


def _deck(chance: random.Random) -> list[Fault]:
    def some(least: float, most: float) -> float:
        return round(chance.uniform(least, most), 1)

    return [
        KillEngine(0.0),
        KillEngine(some(0.3, 3), times=3),
        KillInBatch(some(0, 3), victim="strapi"),
        KillInBatch(0.0, victim="engine"),
        *(KillServer(some(0, 8), server) for server in _SERVERS),
        *(PauseServer(some(7, 12), server) for server in _SERVERS),
        PauseEngine(some(9, 14)),
        *(Network(some(2, 9), link, way) for way in WAYS for link in chance.sample(LINKS, 2)),
        *(Answers(some(2, 7), answer) for answer in ANSWERS),
        SecondEngine(some(2, 6)),
        SecondEngine(some(2, 6), killed=True),
        ClockStep(some(4, 8), step=chance.choice((3600.0, 90.0))),
        ClockStep(some(4, 8), step=chance.choice((-3600.0, -90.0))),
        Flood(some(4, 8)),
        Poison(10.0),
        Oversized(10.0),
    ]
