"""The result of one run of one contender."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

__all__ = ["OWN", "Outcome"]

OWN: Final = "contender"
"""What the names of a contender's own processes begin with; all others are servers."""


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        value: what the work measures, in its unit.
        seconds: the length of the measured window.
        messages: messages moved in that window; 0 if nothing is counted.
        cpu: CPU seconds in that window, by process; the contender's own begin with `OWN`.
        memory: the most resident bytes, by process.
        missing: messages that did not arrive.
        twice: messages that arrived more than once.
        limit: what else was at its limit: the load generator, the broker; empty if only the contender was.
        notes: what a reader must know of this run.
        parts: more figures of this run, each by its name and unit.
    """

    value: float
    seconds: float = 0.0
    messages: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    twice: int = 0
    limit: str = ""
    notes: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def cpu_a_message(self) -> float | None:
        """The contender's CPU seconds per message, or None if nothing was counted."""
        own = [seconds for name, seconds in self.cpu.items() if name.startswith(OWN)]
        return sum(own) / self.messages if self.messages and own else None

    def as_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return asdict(self)
