"""What an attack is and what can come of it; the modules beside this one enter theirs into `ATTACKS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tests.faults.attacks.target import Target

__all__ = ["ATTACKS", "BOTH", "Attack", "Outcome", "attack", "held", "impossible", "judged", "succeeded"]

BOTH: Final = ("plain", "secured")
"""The profiles: the local servers as they start, and those of `--secure`."""


class Outcome(NamedTuple):
    """What came of an attack.

    Attributes:
        word: `held`, `SUCCEEDED`, `not possible to run`, or `FAILED` where the attack itself broke off.
        seen: what was observed, with status codes, counts and sizes.
    """

    word: str
    seen: str

    @property
    def is_good(self) -> bool:
        """Whether no door was found open."""
        return self.word in {"held", "not possible to run"}


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        identity: its id, unique, as a page and a command line name it.
        target: what it is directed at: the name of the module.
        item: which item of issue 16 it is from; `new` where no item names it.
        title: what is tried, in a sentence.
        wanted: what counts as held.
        profiles: the profiles that it applies to.
        quick: whether it takes a few seconds and leaves shared servers as they were.
        seconds: after which it counts as broken off.
        attempt: tries it.
    """

    identity: str
    target: str
    item: str
    title: str
    wanted: str
    profiles: tuple[str, ...]
    quick: bool
    seconds: float
    attempt: Callable[[Target], Awaitable[Outcome]]


ATTACKS: Final[dict[str, Attack]] = {}
"""Every attack by its id, in the order in which they are tried."""


def attack(
    identity: str,
    item: str,
    title: str,
    wanted: str,
    *,
    profiles: tuple[str, ...] = BOTH,
    quick: bool = False,
    seconds: float = 120.0,
) -> Callable[[Callable[[Target], Awaitable[Outcome]]], Callable[[Target], Awaitable[Outcome]]]:
    """Enter a function into ATTACKS; the arguments are those of `Attack`."""

    def enter(attempt: Callable[[Target], Awaitable[Outcome]]) -> Callable[[Target], Awaitable[Outcome]]:
        assert identity not in ATTACKS, f"two attacks are called {identity}"
        target = attempt.__module__.rpartition(".")[2]
        ATTACKS[identity] = Attack(identity, target, item, title, wanted, profiles, quick, seconds, attempt)
        return attempt

    return enter


def held(seen: str) -> Outcome:
    """The attack got nowhere."""
    return Outcome("held", seen)


def succeeded(seen: str) -> Outcome:
    """The attack did what it set out to do."""
    return Outcome("SUCCEEDED", seen)


def impossible(reason: str) -> Outcome:
    """It was tried, and this machine cannot carry it out."""
    return Outcome("not possible to run", reason)


def judged(breaches: Collection[str], seen: str) -> Outcome:
    """Succeeded with the breaches that were found; held, with what was seen instead, where none was."""
    return succeeded("; ".join(breaches)) if breaches else held(seen)
