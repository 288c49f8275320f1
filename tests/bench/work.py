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
    """A participant in a work.

    Attributes:
        name: its name on the command line and in ratios.
        guarantee: what it promises for a message, in one line.
        settings: its settings, in one line.
        exact: whether it claims that no message arrives twice in an undisturbed run.
        install: creates its environment; None if nothing needs installing.
        told: further parameters of its program, interpreted by each work.
    """

    name: str
    guarantee: str = ""
    settings: str = ""
    exact: bool = False
    install: Callable[[Bench], Installed] | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether it is our engine: neither a peer nor a replacement of one."""
        return self.install is None and "program" not in self.told


@dataclass(frozen=True)
class Work:
    """One thing to measure.

    Attributes:
        name: its name on the command line.
        about: what is measured, from when to when.
        unit: of its values.
        contenders: in the order of the table.
        run: measures one contender once; called repeatedly, alternating with the others.
        servers: the local servers it needs.
        more_is_better: whether a larger value is better.
        against: the contender that all others are compared with. If it is ours, the ratio is ours over theirs;
            otherwise, as in a work about growth, each other one over it.
        also: more ratios: (key, numerator, denominator).
        figures: the names of further measurements, each with its unit.
        warm_up: whether each contender first does a smaller run that does not count.
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
