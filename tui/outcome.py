"""The outcome of a movement and the state of a product as a symbol, a few words and a tone; none relies on colour."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal import Elsewhere, Stage, Verdict
from bridge.movement import Reason
from bridge.phrase import Phrase
from tui.format import count
from tui.language import msgid, say

if TYPE_CHECKING:
    from bridge.journal import Journey, Product
    from bridge.movement import Rejection

__all__ = [
    "EARLIER",
    "ELSEWHERE",
    "EMPTY",
    "GLYPHS",
    "PENDING",
    "REASONS",
    "STYLES",
    "VERDICTS",
    "WAITS",
    "Outcome",
    "Tone",
    "briefly",
    "contradiction",
    "outcome",
    "refusal",
    "shown_status",
]

GLYPHS: Final = {Verdict.APPLIED: "✓", Verdict.DUPLICATE: "≡", Verdict.REJECTED: "✗", Verdict.CARRIED: "→"}
"""The symbol of each verdict."""

EARLIER: Final = "↶"
"""The symbol of a record that was read back from Kafka at the start."""

PENDING: Final = "…"
"""The symbol of a movement that is in flight."""

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
    Reason.NOT_UTF8: msgid("not UTF-8"),
    Reason.NOT_JSON: msgid("not JSON"),
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
    Reason.REFUSED_BY_STRAPI: msgid("refused by Strapi"),
    Reason.REFUSED_BY_KAFKA: msgid("refused by Kafka"),
    Reason.UNSTATED: msgid("unstated"),
}
"""The words for each reason, in English."""

_BRIEFLY: Final = {
    Reason.RETAINED_COPY: msgid("retained"),
    Reason.EMPTY_PAYLOAD: msgid("no payload"),
    Reason.SEVERAL_VALUES: msgid("several"),
    Reason.DUPLICATE_NAME: msgid("twice"),
    Reason.NOT_AN_OBJECT: msgid("no object"),
    Reason.ZERO_AMOUNT: msgid("zero"),
    Reason.NEGATIVE_AMOUNT: msgid("negative"),
    Reason.NO_PRODUCT: msgid("nameless"),
    Reason.NO_AMOUNT: msgid("amountless"),
    Reason.OVER_LIMIT: msgid("too many"),
    Reason.UNKNOWN_PRODUCT: msgid("unknown"),
    Reason.INSUFFICIENT_STOCK: msgid("too few"),
    Reason.REFUSED_BY_STRAPI: msgid("refused"),
    Reason.REFUSED_BY_KAFKA: msgid("refused"),
}
"""The shortest words for reasons that take more than ten cells, in English."""

WAITS: Final = "◌"
"""The symbol of a movement that waits, in the panes and in its timeline."""

_WAITS: Final = {
    Stage.PUBLISHED: msgid("sent"),
    Stage.RECEIVED: msgid("to Kafka"),
    Stage.ACKNOWLEDGED: msgid("in Kafka"),
    Stage.CONSUMED: msgid("to Strapi"),
    Stage.DECIDED: msgid("decided"),
}

EMPTY: Final = "empty"


class Tone(StrEnum):
    """The meaning of a piece of text; the stylesheet gives each tone its colour."""

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
    MQTT = "mqtt"
    KAFKA = "kafka"
    STRAPI = "strapi"
    HEADING = "heading"
    FRESH_IN = "fresh-in"
    FRESH_OUT = "fresh-out"


_TONES: Final = {
    Verdict.APPLIED: Tone.APPLIED,
    Verdict.DUPLICATE: Tone.DUPLICATE,
    Verdict.REJECTED: Tone.REJECTED,
    Verdict.CARRIED: Tone.CARRIED,
}


class Outcome(NamedTuple):
    """A verdict, or how far a movement has come, as a symbol and a few words."""

    glyph: str
    words: str
    tone: Tone


ELSEWHERE: Final = {
    Elsewhere.SETTLED: Outcome("↗", msgid("by another engine"), Tone.CARRIED),
    Elsewhere.UNKNOWN: Outcome("?", msgid("not in the ledger"), Tone.OUT),
}
"""The texts, in English, for a record that another engine settled, if nothing more is known."""


def refusal(rejection: Rejection) -> str:
    """Say in few words why a movement was rejected: `unknown product`, `only 1 in stock`."""
    text = rejection.text
    if rejection.reason is Reason.INSUFFICIENT_STOCK and isinstance(text, Phrase) and "stock" in text.values:
        stock = int(text.values["stock"])
        return say("only {stock} in stock").format(stock=count(stock)) if stock > 0 else say("none in stock")
    return say(REASONS[rejection.reason])


def briefly(journey: Journey) -> str:
    """Describe the outcome of a movement in one or two words, for a narrow column."""
    if journey.verdict is None and journey.elsewhere is None:
        return say("waits")
    if journey.verdict is None:
        return say("elsewhere")
    if journey.verdict is Verdict.REJECTED and journey.rejection is not None:
        return say(_BRIEFLY.get(journey.rejection.reason, REASONS[journey.rejection.reason]))
    return say(VERDICTS[journey.verdict])


def outcome(journey: Journey) -> Outcome:
    """Return the outcome of a movement, or its stage while it is undecided."""
    verdict = journey.verdict
    if verdict is None and journey.elsewhere is not None:
        glyph, words, tone = ELSEWHERE[journey.elsewhere]
        is_settled = journey.earlier and journey.elsewhere is Elsewhere.SETTLED
        return Outcome(glyph, say("settled earlier") if is_settled else say(words), tone)
    if verdict is None:
        return Outcome(PENDING, say(_WAITS[journey.stage]), Tone.PENDING)
    words = say(VERDICTS[verdict])
    if verdict is Verdict.REJECTED and journey.rejection is not None:
        words = refusal(journey.rejection)
    return Outcome(GLYPHS[verdict], words, _TONES[verdict])


STYLES: Final = {
    Tone.PLAIN: "",
    Tone.MUTED: "$foreground-muted",
    Tone.STRONG: "bold",
    Tone.IN: "$text-success",
    Tone.OUT: "$text-warning",
    Tone.APPLIED: "$text-success",
    Tone.REJECTED: "$text-error",
    Tone.PENDING: "$text-warning",
    Tone.DUPLICATE: "$text-warning",
    Tone.CARRIED: "$text-primary",
    Tone.MQTT: "$mqtt",
    Tone.KAFKA: "$kafka",
    Tone.STRAPI: "$strapi",
    Tone.HEADING: "bold $text-primary",
    Tone.FRESH_IN: "$text-success",
    Tone.FRESH_OUT: "$text-warning",
}
"""The tones as styles of Textual's `Content`, for text outside the panes."""


def shown_status(product: Product) -> str:
    """Return the product's status unless its stock contradicts it.

    Strapi's attribute (`statuss`, or `status` in version 4) is written by people and by the course's product programs;
    movements change only the stock. So it may say `safe` while nothing is in stock, or `empty` while something is.

    Returns:
        `empty` if nothing is in stock; else the stored status, or nothing if that is `empty`.
    """
    if product.stock <= 0:
        return EMPTY
    return "" if product.status == EMPTY else product.status


def contradiction(product: Product) -> str:
    """Say how Strapi's status contradicts the stock; empty if they agree or the status is empty."""
    if not product.status or product.status == shown_status(product):
        return ""
    return say("Strapi's attribute says {status}").format(status=product.status)
