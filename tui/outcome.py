"""What became of a movement, and how a product stands, as a glyph, a few words and a tone: none depends on colour."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal import Elsewhere, Stage, Verdict
from bridge.movement import Reason
from tui.language import msgid, say

if TYPE_CHECKING:
    from bridge.journal import Journey, Product

__all__ = [
    "EARLIER",
    "ELSEWHERE",
    "EMPTY",
    "GLYPHS",
    "PENDING",
    "REASONS",
    "STYLES",
    "VERDICTS",
    "Outcome",
    "Tone",
    "contradiction",
    "outcome",
    "shown_status",
]

GLYPHS: Final = {Verdict.APPLIED: "✓", Verdict.DUPLICATE: "≡", Verdict.REJECTED: "✗", Verdict.CARRIED: "→"}
"""The sign of each verdict."""

EARLIER: Final = "↶"
"""The sign of a record that was read back from Kafka at the start."""

PENDING: Final = "…"
"""The sign of a movement that is on its way."""

VERDICTS: Final = {
    Verdict.APPLIED: msgid("applied"),
    Verdict.DUPLICATE: msgid("duplicate"),
    Verdict.REJECTED: msgid("rejected"),
    Verdict.CARRIED: msgid("carried"),
}
"""The word for each verdict, in English."""

REASONS: Final = {
    Reason.NO_ROUTE: msgid("no route"),
    Reason.RETAINED_COPY: msgid("retained copy"),
    Reason.TOO_LONG: msgid("too long"),
    Reason.EMPTY_PAYLOAD: msgid("empty payload"),
    Reason.NOT_UTF8: msgid("not utf-8"),
    Reason.NOT_JSON: msgid("not json"),
    Reason.CUT_OFF: msgid("cut off"),
    Reason.SEVERAL_VALUES: msgid("several values"),
    Reason.DUPLICATE_NAME: msgid("duplicate name"),
    Reason.NOT_AN_OBJECT: msgid("not an object"),
    Reason.NO_PRODUCT: msgid("no product"),
    Reason.NO_AMOUNT: msgid("no amount"),
    Reason.ZERO_AMOUNT: msgid("zero amount"),
    Reason.NEGATIVE_AMOUNT: msgid("negative amount"),
    Reason.NOT_WHOLE: msgid("not whole"),
    Reason.TOO_LARGE: msgid("too large"),
    Reason.BAD_TYPE: msgid("bad type"),
    Reason.UNKNOWN_PRODUCT: msgid("unknown product"),
    Reason.INSUFFICIENT_STOCK: msgid("insufficient stock"),
    Reason.OVER_LIMIT: msgid("over limit"),
    Reason.CONFLICT: msgid("conflict"),
    Reason.REFUSED_BY_STRAPI: msgid("refused by strapi"),
    Reason.REFUSED_BY_KAFKA: msgid("refused by kafka"),
    Reason.UNSTATED: msgid("unstated"),
}
"""The words for each reason, in English."""

_WAITS: Final = {
    Stage.PUBLISHED: msgid("sent"),
    Stage.RECEIVED: msgid("to Kafka"),
    Stage.ACKNOWLEDGED: msgid("in Kafka"),
    Stage.CONSUMED: msgid("to Strapi"),
    Stage.DECIDED: msgid("decided"),
}

EMPTY: Final = "empty"


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


_TONES: Final = {
    Verdict.APPLIED: Tone.APPLIED,
    Verdict.DUPLICATE: Tone.DUPLICATE,
    Verdict.REJECTED: Tone.REJECTED,
    Verdict.CARRIED: Tone.CARRIED,
}


class Outcome(NamedTuple):
    """A verdict, or how far a movement has come, in one glyph and a few words."""

    glyph: str
    words: str
    tone: Tone


ELSEWHERE: Final = {
    Elsewhere.SETTLED: Outcome("↗", msgid("by another engine"), Tone.CARRIED),
    Elsewhere.UNKNOWN: Outcome("?", msgid("not in the ledger"), Tone.OUT),
}
"""What is said, in English, of a record that another engine settled where no more is known."""


def outcome(journey: Journey) -> Outcome:
    """Say what became of a movement, or where it is while nothing is decided."""
    verdict = journey.verdict
    if verdict is None and journey.elsewhere is not None:
        glyph, words, tone = ELSEWHERE[journey.elsewhere]
        is_settled = journey.earlier and journey.elsewhere is Elsewhere.SETTLED
        return Outcome(glyph, say("settled earlier") if is_settled else say(words), tone)
    if verdict is None:
        return Outcome(PENDING, say(_WAITS[journey.stage]), Tone.PENDING)
    words = VERDICTS[verdict]
    if verdict is Verdict.REJECTED and journey.rejection is not None:
        words = REASONS[journey.rejection.reason]
    return Outcome(GLYPHS[verdict], say(words), _TONES[verdict])


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


def shown_status(product: Product) -> str:
    """The status that the stock does not contradict.

    Strapi's attribute (`statuss`, or `status` in version 4) is written by people and by the course's product
    programs. A movement changes the stock and leaves it as it is. So it says `safe` of an empty shelf and `empty` of
    a full one.

    Returns:
        `empty` where nothing is in stock; else what Strapi stores, and nothing where that is `empty`.
    """
    if product.stock <= 0:
        return EMPTY
    return "" if product.status == EMPTY else product.status


def contradiction(product: Product) -> str:
    """What Strapi's attribute says against the stock, for a person; empty where the two agree or it says nothing."""
    if not product.status or product.status == shown_status(product):
        return ""
    return say("Strapi's attribute says {status}").format(status=product.status)
