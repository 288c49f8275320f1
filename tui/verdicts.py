"""What became of a movement, as a glyph, a few words and a tone: three ways to tell, so that none depends on colour."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal import Stage, Verdict
from bridge.movement import Reason
from tui.language import say

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["GLYPHS", "PENDING", "REASONS", "STYLES", "VERDICTS", "Outcome", "Tone", "outcome"]


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

VERDICTS: Final = {
    Verdict.APPLIED: say("applied"),
    Verdict.DUPLICATE: say("duplicate"),
    Verdict.REJECTED: say("rejected"),
    Verdict.CARRIED: say("carried"),
}
"""The word for each verdict."""

REASONS: Final = {
    Reason.NO_ROUTE: say("no route"),
    Reason.RETAINED_COPY: say("retained copy"),
    Reason.TOO_LONG: say("too long"),
    Reason.NOT_JSON: say("not json"),
    Reason.NOT_AN_OBJECT: say("not an object"),
    Reason.NO_PRODUCT: say("no product"),
    Reason.NO_AMOUNT: say("no amount"),
    Reason.ZERO_AMOUNT: say("zero amount"),
    Reason.NEGATIVE_AMOUNT: say("negative amount"),
    Reason.NOT_WHOLE: say("not whole"),
    Reason.TOO_LARGE: say("too large"),
    Reason.BAD_TYPE: say("bad type"),
    Reason.UNKNOWN_PRODUCT: say("unknown product"),
    Reason.INSUFFICIENT_STOCK: say("insufficient stock"),
    Reason.OVER_LIMIT: say("over limit"),
    Reason.CONFLICT: say("conflict"),
    Reason.REFUSED_BY_STRAPI: say("refused by strapi"),
    Reason.REFUSED_BY_KAFKA: say("refused by kafka"),
    Reason.UNSTATED: say("unstated"),
}
"""The words for each reason."""

_TONES: Final = {
    Verdict.APPLIED: Tone.APPLIED,
    Verdict.DUPLICATE: Tone.DUPLICATE,
    Verdict.REJECTED: Tone.REJECTED,
    Verdict.CARRIED: Tone.CARRIED,
}

_WAITS: Final = {
    Stage.PUBLISHED: say("sent"),
    Stage.RECEIVED: say("to Kafka"),
    Stage.ACKNOWLEDGED: say("in Kafka"),
    Stage.CONSUMED: say("to Strapi"),
    Stage.DECIDED: say("decided"),
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
    words = VERDICTS[verdict]
    if verdict is Verdict.REJECTED and journey.rejection is not None:
        words = REASONS[journey.rejection.reason]
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
