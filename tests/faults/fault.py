"""The interface of faults: a duration, a description, and the action."""

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
        seconds: its duration.
    """

    seconds: float

    @property
    @abstractmethod
    def text(self) -> str:
        """Describe the fault in a sentence."""

    @property
    @abstractmethod
    def touches(self) -> frozenset[str]:
        """Return the servers, engines and networks that it acts upon: two simultaneous faults must not share one."""

    @abstractmethod
    async def strike(self, world: World) -> None:
        """Apply and undo the fault; when this returns, every server runs and the network works."""
