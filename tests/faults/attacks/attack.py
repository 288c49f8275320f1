"""The definition of an attack and its outcomes; the other modules register theirs in `ATTACKS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from tests.faults.attacks.target import Target

__all__ = ["ATTACKS", "BOTH", "PROFILES", "Attack", "Outcome", "attack", "held", "impossible", "judged", "succeeded"]

BOTH: Final = ("plain", "secured")
"""The local servers as they start, and those of `--secure`."""

PROFILES: Final = (*BOTH, "lan")
"""All profiles; the last is the local servers with `--lan`, attacked from the network."""


class Outcome(NamedTuple):
    """The outcome of an attack.

    Attributes:
        word: `held`, `SUCCEEDED`, `not possible to run`, or `FAILED` if the attack itself failed.
        seen: what was observed, with status codes, counts and sizes.
    """

    word: str
    seen: str

    @property
    def is_good(self) -> bool:
        """Whether no weakness was found."""
        return self.word in {"held", "not possible to run"}


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        identity: its unique id, for the page and the command line.
        target: the target, named like the module.
        item: its item in issue 16; `new` if there is none.
        title: what is tried, in a sentence.
        wanted: what counts as held.
        profiles: the profiles that it applies to.
        quick: whether it takes only seconds and leaves shared servers unchanged.
        seconds: the timeout.
        attempt: runs it.
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
    """Register a function in ATTACKS; the arguments are those of `Attack`."""

    def enter(attempt: Callable[[Target], Awaitable[Outcome]]) -> Callable[[Target], Awaitable[Outcome]]:
        assert identity not in ATTACKS, f"two attacks are called {identity}"
        target = attempt.__module__.rpartition(".")[2]
        ATTACKS[identity] = Attack(identity, target, item, title, wanted, profiles, quick, seconds, attempt)
        return attempt

    return enter


def held(seen: str) -> Outcome:
    """Return the outcome of an attack that failed."""
    return Outcome("held", seen)


def succeeded(seen: str) -> Outcome:
    """Return the outcome of an attack that succeeded."""
    return Outcome("SUCCEEDED", seen)


def impossible(reason: str) -> Outcome:
    """Return the outcome of an attack that this machine can't carry out."""
    return Outcome("not possible to run", reason)


def judged(breaches: Collection[str], seen: str) -> Outcome:
    """Return succeeded with the breaches, or held, with the observation, if there are none."""
    return succeeded("; ".join(breaches)) if breaches else held(seen)
