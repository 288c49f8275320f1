"""What every fault has: a time that it lasts, a sentence that says what it does, and the doing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["Fault"]


@dataclass(frozen=True)
class Fault(ABC):
    """One fault.

    Attributes:
        seconds: how long it lasts.
    """

    seconds: float

    @property
    @abstractmethod
    def text(self) -> str:
        """What it does, as a person reads it."""

    @property
    @abstractmethod
    def touches(self) -> frozenset[str]:
        """The servers, engines and networks that it acts upon: two faults at once must not share one."""

    @abstractmethod
    async def strike(self, world: World) -> None:
        """Do it and undo it; when this returns every server runs and the network is whole."""
