"""The order of the faults: drawn from a seed only, so that a run can be repeated. Pure."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from stack.servers.server import BROKERS
from tests.faults.answers import ANSWERS, Answers
from tests.faults.clock import ClockStep
from tests.faults.fault import Fault
from tests.faults.flood import Flood
from tests.faults.foreign_cluster import ForeignCluster
from tests.faults.foreign_member import ForeignMember
from tests.faults.group import SecondEngine
from tests.faults.kill import EngineAlone, KillBrokers, KillEngine, KillInBatch, KillServer, RestartThenKillBroker
from tests.faults.lost_session import LostSession
from tests.faults.network import LINKS, WAYS, Network
from tests.faults.panel import PanelEdits
from tests.faults.pause import PauseEngine, PauseServer
from tests.faults.payloads import LargeFlood, Oversized, Poison, WideNames
from tests.faults.restored import Restored
from tests.faults.retention import RetentionBeyond
from tests.faults.rival import Rival
from tests.faults.stranger import SessionTakeover
from tests.faults.take_over import TakeOver, Watchers
from tests.faults.transactions import AbortedTransactions
from tests.faults.went_back import WentBack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.world import World

__all__ = ["Together", "draw", "draw_cluster", "draw_take_overs", "short", "short_cluster", "short_drafts"]

_SERVERS: Final = ("websockets", "mosquitto", "kafka", "strapi")


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
        # Where one breaks off the other still undoes what it did.
        both = await asyncio.gather(self.first.strike(world), self.second.strike(world), return_exceptions=True)
        for error in both:
            if error is not None:
                raise error


def draw(seed: int, *, alone: bool = False, file: bool = True, drafts: bool = False) -> Iterator[Fault]:
    """Draw faults endlessly: every kind once, in random order, then every kind again; each fourth with a second one.

    Args:
        seed: of the random order.
        alone: leave out second engines, the replay, and deletions by Kafka, which plain REST does not survive.
        file: whether Strapi's database is a file, which a backup can replace.
        drafts: whether products have drafts, which are edited in the panel.
    """
    by_ledger = (SecondEngine, Rival, Restored, RetentionBeyond, ForeignMember, TakeOver)
    left_out: tuple[type[Fault], ...] = by_ledger if alone else ()
    left_out += (() if file else (Restored,)) + (() if drafts else (PanelEdits,))
    chance = random.Random(seed)  # noqa: S311 - a plan need not be a secret
    yield from _dealt(chance, lambda: [fault for fault in _deck(chance) if not isinstance(fault, left_out)])


def draw_take_overs(seed: int) -> Iterator[Fault]:
    """Draw faults without end, every third one a take-over or watchers that come and go.

    Args:
        seed: what they are drawn from.
    """
    chance = random.Random(seed)  # noqa: S311 - a plan need not be a secret
    yield from _dealt(chance, lambda: _take_over_deck(chance))


def draw_cluster(seed: int) -> Iterator[Fault]:
    """Draw faults endlessly for three brokers, two engines that share the work, and two Strapis.

    Args:
        seed: of the random order.
    """
    chance = random.Random(seed)  # noqa: S311 - a plan need not be a secret
    yield from _dealt(chance, lambda: _cluster_deck(chance))


def _dealt(chance: random.Random, decks: Callable[[], list[Fault]]) -> Iterator[Fault]:
    """Yield every fault of a deck once, in random order, each fourth time two at once; then those of the next deck."""
    while True:
        deck = decks()
        chance.shuffle(deck)
        singles = iter(deck)
        while batch := list(islice(singles, 3)):
            yield from batch
            first, second = chance.sample(deck, 2)
            while first.touches & second.touches:
                first, second = chance.sample(deck, 2)
            yield Together(max(first.seconds, second.seconds), first, second)


def short() -> list[Fault]:
    """Return the faults of the short run, about a minute."""
    return [
        KillEngine(1.0, times=2),
        Poison(10.0),
        WideNames(10.0),
        SessionTakeover(0.5),
        AbortedTransactions(1.5),
        KillInBatch(1.0, victim="strapi"),
        Network(1.5, "kafka", "cut"),
        Answers(2.0, "500"),
        RetentionBeyond(1.5),
        ForeignMember(1.0),
        Together(2.0, SecondEngine(2.0, killed=True), Network(2.0, "strapi", "no-answers")),
        KillInBatch(0.0, victim="engine"),
        KillServer(0.5, "kafka"),
        KillServer(0.5, "mosquitto"),
        LostSession(0.5),
        LostSession(1.0, away=True),
        ForeignCluster(1.0, killed=True),
        Together(2.0, TakeOver(1.0), Watchers(2.0)),
        TakeOver(0.5, killed="screen"),
    ]


def short_cluster() -> list[Fault]:
    """Return the faults of the short run on three brokers, two engines and two Strapis."""
    return [
        KillServer(1.0, "kafka"),
        KillEngine(0.5, which=1),
        KillServer(1.0, "strapi-2"),
        Together(2.0, KillServer(1.0, "kafka-3"), KillInBatch(1.0, victim="strapi")),
        KillBrokers(3.0),
        Together(1.5, KillEngine(0.0), Network(1.5, "kafka-2", "silent-cut")),
        KillServer(0.5, "mosquitto"),
    ]


def _cluster_deck(chance: random.Random) -> list[Fault]:
    def some(least: float, most: float) -> float:
        return round(chance.uniform(least, most), 1)

    pair = tuple(chance.sample(BROKERS, 2))
    return [
        *(KillEngine(some(0.3, 2), times=2, which=which) for which in (0, 1)),
        *(PauseEngine(some(9, 14), which=which) for which in (0, 1)),
        *(KillServer(some(1, 8), server) for server in (*BROKERS, "strapi", "strapi-2", "mosquitto")),
        *(PauseServer(some(7, 12), server) for server in (*BROKERS, "strapi", "strapi-2")),
        KillBrokers(some(3, 9), away=pair),
        KillInBatch(some(0, 3), victim="strapi"),
        KillInBatch(0.0, victim="engine"),
        *(Network(some(2, 9), "kafka-2", way) for way in chance.sample(tuple(WAYS), 2)),
        *(Network(some(2, 9), link, way) for link in LINKS[:3] for way in chance.sample(tuple(WAYS), 1)),
        AbortedTransactions(some(2, 6)),
        Poison(10.0),
    ]


def _take_over_deck(chance: random.Random) -> list[Fault]:
    def some(least: float, most: float) -> float:
        return round(chance.uniform(least, most), 1)

    return [
        *_take_overs(some),
        KillEngine(some(0.3, 3), times=2),
        KillInBatch(0.0, victim="engine"),
        *(KillServer(some(1, 6), server) for server in _SERVERS),
        PauseEngine(some(9, 14)),
        *(Network(some(2, 6), link, chance.choice(tuple(WAYS))) for link in LINKS[:3]),
        SecondEngine(some(2, 6), killed=True),
        LostSession(some(2, 6), away=True),
    ]


def _take_overs(some: Callable[[float, float], float]) -> list[Fault]:
    return [
        TakeOver(some(1, 5)),
        TakeOver(some(1, 4), turns=3),
        TakeOver(some(1, 4), killed="screen"),
        TakeOver(some(1, 4), killed="engine"),
        *(Watchers(some(4, 8)) for _ in range(2)),
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
        Restored(some(2, 8)),
        WentBack(some(1, 4), engines=0),
        WentBack(some(1, 4), engines=2),
        WideNames(10.0),
        LargeFlood(some(4, 8)),
        SessionTakeover(some(1, 3)),
        AbortedTransactions(some(2, 6)),
        RetentionBeyond(some(2, 6)),
        ForeignMember(some(1, 5)),
        ForeignMember(some(1, 5), takes=False),
        RestartThenKillBroker(some(2, 6)),
        LostSession(some(0, 4)),
        LostSession(some(2, 6), away=True),
        EngineAlone(some(4, 9)),
        ForeignCluster(some(3, 8)),
        ForeignCluster(some(2, 6), killed=True),
        Rival(some(3, 6)),
        Rival(some(4, 14), alone=True),
        *(PanelEdits(some(5, 15)) for _ in range(3)),
        *_take_overs(some),
    ]


def short_drafts(*, alone: bool) -> list[Fault]:
    """Return the faults of the short run on products with drafts.

    Args:
        alone: leave out second engines, which plain REST does not survive.
    """
    return [
        PanelEdits(4.0),
        Together(3.0, PanelEdits(3.0), KillEngine(0.5, times=2)),
        KillInBatch(0.5, victim="strapi"),
        KillInBatch(0.0, victim="engine"),
        Together(3.0, PanelEdits(3.0), KillServer(0.5, "strapi")),
        *([] if alone else [SecondEngine(2.0, killed=True)]),
        Together(3.0, PanelEdits(3.0), Network(2.0, "strapi", "no-answers")),
        KillServer(0.5, "kafka"),
        PanelEdits(3.0),
    ]
