"""A work: what is measured, and the contenders that do it. To add one, make a `Work` and list it in catalogue.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.bench import Bench
    from tests.bench.outcome import Outcome
    from tests.bench.peers.install import Installed

__all__ = ["OURS", "Contender", "Work"]

OURS = "opsci"


@dataclass(frozen=True)
class Contender:
    """One that does the work.

    Attributes:
        name: as the command line and the ratios name it.
        guarantee: what it promises of a message, in one line.
        settings: what it was set to, in one line.
        exact: whether it says that no message arrives twice in an undisturbed run.
        install: makes its environment; None for what is there anyway.
        told: what else its program is told; each work knows what it makes of it.
    """

    name: str
    guarantee: str = ""
    settings: str = ""
    exact: bool = False
    install: Callable[[Bench], Installed] | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether it is our engine: neither a peer, nor a program that stands in for one."""
        return self.install is None and "program" not in self.told


@dataclass(frozen=True)
class Work:
    """One thing to measure.

    Attributes:
        name: as the command line names it.
        about: what is measured, from when to when.
        unit: of its values.
        contenders: in the order of the table.
        run: measures one contender once; called again and again, in turn with the others.
        servers: which of the local servers it needs.
        more_is_better: whether a larger value is better.
        against: the contender that all others are compared with. Where it is ours, the ratio is ours over theirs; where
            it is another, as in a work about growth, each other one over it.
        also: more ratios: (key, numerator, denominator).
        figures: the names of what is measured beside the value, each with its unit.
        warm_up: whether each contender does it once, smaller, before it counts.
    """

    name: str
    about: str
    unit: str
    contenders: Sequence[Contender]
    run: Callable[[Bench, Contender], Outcome]
    servers: frozenset[str] = frozenset()
    more_is_better: bool = True
    against: str = OURS
    also: Sequence[tuple[str, str, str]] = ()
    figures: Sequence[str] = ()
    warm_up: bool = True

    @property
    def pairs(self) -> list[tuple[str, str, str]]:
        """The ratios: (key, numerator, denominator)."""
        others = [contender.name for contender in self.contenders if contender.name != self.against]
        if self.against == OURS:
            return [(f"{self.name}/{other}", OURS, other) for other in others]
        return [(f"{self.name}/{other}", other, self.against) for other in others]
