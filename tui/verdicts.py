"""What became of a movement, as a glyph, a few words and a tone: three ways to tell, so that none depends on colour."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal import Stage, Verdict

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["GLYPHS", "PENDING", "STYLES", "Outcome", "Tone", "outcome"]


class Tone(StrEnum):
    """What a piece of text means to the eye; the stylesheet gives each its colour."""

    PLAIN = "plain"
    MUTED = "muted"
    STRONG = "strong"
    IN = "in"
    OUT = "out"
    APPLIED = "applied"
    REJECTED = "rejected"
    PENDING = "pending"
    DUPLICATE = "duplicate"
    CARRIED = "carried"
    HEADING = "heading"


GLYPHS: Final = {Verdict.APPLIED: "✓", Verdict.DUPLICATE: "≡", Verdict.REJECTED: "✗", Verdict.CARRIED: "→"}
"""The sign of each verdict."""

PENDING: Final = "…"
"""The sign of a movement that is on its way."""

_TONES: Final = {
    Verdict.APPLIED: Tone.APPLIED,
    Verdict.DUPLICATE: Tone.DUPLICATE,
    Verdict.REJECTED: Tone.REJECTED,
    Verdict.CARRIED: Tone.CARRIED,
}

_WAITS: Final = {
    Stage.PUBLISHED: "sent",
    Stage.RECEIVED: "to Kafka",
    Stage.ACKNOWLEDGED: "in Kafka",
    Stage.CONSUMED: "to Strapi",
    Stage.DECIDED: "decided",
}


class Outcome(NamedTuple):
    """A verdict, or how far a movement has come, in one glyph and a few words."""

    glyph: str
    words: str
    tone: Tone


def outcome(journey: Journey) -> Outcome:
    """Say what became of a movement, or where it is while nothing is decided."""
    verdict = journey.verdict
    if verdict is None:
        return Outcome(PENDING, _WAITS[journey.stage], Tone.PENDING)
    words: str = verdict.value
    if verdict is Verdict.REJECTED and journey.rejection is not None:
        words = journey.rejection.reason.value.replace("-", " ")
    return Outcome(GLYPHS[verdict], words, _TONES[verdict])


STYLES: Final = {
    Tone.PLAIN: "",
    Tone.MUTED: "$foreground-muted",
    Tone.STRONG: "bold",
    Tone.IN: "$text-success",
    Tone.OUT: "$text-warning",
    Tone.APPLIED: "$text-success",
    Tone.REJECTED: "$text-error",
    Tone.PENDING: "$text-primary",
    Tone.DUPLICATE: "$text-warning",
    Tone.CARRIED: "$text-primary",
    Tone.HEADING: "bold $text-primary",
}
"""The same tones as styles of Textual's `Content`, for text outside the panes."""
