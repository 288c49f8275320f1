"""The movements that the form sent last, each with how far it has come."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from textual.content import Content

from bridge.errors import OpsciError
from bridge.journal import Verdict
from bridge.text import readable
from tui.figures import clock, signed
from tui.language import say
from tui.steady import Steady
from tui.verdicts import GLYPHS, PENDING, STYLES, Tone, outcome
from tui.way import way_line

if TYPE_CHECKING:
    from concurrent.futures import Future

    from bridge.journal import Journal, Journey
    from bridge.movement import Movement
    from tui.form.moves import Moves

__all__ = ["Sent", "SentList"]

REMEMBERED: Final = 50
"""How many sent movements are kept."""


class Sent:
    """One movement that the form handed to the engine.

    Args:
        movement: what was sent.
        name: the product's name as it was shown, may be empty.
        answer: the broker's word, from the engine.
        journal: where its way is written down.
        undoes: the one that it takes back, None where it takes back none.
    """

    def __init__(
        self, movement: Movement, name: str, answer: Future[Journey], journal: Journal, undoes: Sent | None = None
    ) -> None:
        self.movement = movement
        self.name = name
        self.at = time.time()
        self.answer = answer
        self.undoes = undoes
        self._undo: Sent | None = None
        if undoes is not None:
            undoes._undo = self
        self._journal = journal
        self._journey: Journey | None = None

    @property
    def journey(self) -> Journey | None:
        """Its way, once the broker has it: as the journal has it, and as it was last where the journal forgot it."""
        if self._journey is None and self.answer.done() and not self.problem:
            self._journey = self.answer.result()
        if self._journey is not None:
            # What comes back over MQTT is a journey of its own under the same identity.
            self._journey = self._journal.journey(self._journey.movement_id) or self._journey
        return self._journey

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected: it is decided, or the broker has it not."""
        return bool(self.problem) or (self.journey is not None and self.journey.verdict is not None)

    @property
    def applied(self) -> bool:
        """Whether it changed the stock."""
        return self.journey is not None and self.journey.verdict is Verdict.APPLIED

    @property
    def undone(self) -> bool:
        """Whether a movement that takes it back was sent, and may still be applied or was."""
        return self._undo is not None and (self._undo.applied or not self._undo.over)

    @property
    def problem(self) -> str:
        """Why the broker has it not, for a person; empty while that is open or where it has."""
        if not self.answer.done():
            return ""
        if self.answer.cancelled():
            return say("not sent: the chain stopped")
        error = self.answer.exception()
        if error is None:
            return ""
        return (
            readable(say(error.text)) if isinstance(error, OpsciError) else readable(f"{type(error).__name__}: {error}")
        )

    def line(self, width: int) -> Content:
        """Draw it on one line of so many cells; what it names is cut before where it is."""
        journey, problem = self.journey, self.problem
        glyph, tone = PENDING, Tone.PENDING
        if problem:
            glyph, tone = GLYPHS[Verdict.REJECTED], Tone.REJECTED
        elif journey is not None:
            glyph, _, tone = outcome(journey)
        product = Content(f"{readable(self.movement.product)} {readable(self.name)}")
        head = Content.assemble(
            (f"{glyph} ", STYLES[tone]),
            (f"{clock(self.at)} ", STYLES[Tone.MUTED]),
            (f"{signed(self.movement.delta):>6} ", STYLES[Tone.STRONG]),
            product.truncate(max(8, width // 5), ellipsis=True, pad=True),
            "  ",
        )
        if journey is not None:
            return Content.assemble(head, way_line(journey, width - head.cell_length))
        return Content.assemble(head, (problem or say("sending") + f" {PENDING}", STYLES[tone]))


class SentList(Steady):
    """The latest sent movements, the last one on top, as many as there is room for.

    Args:
        moves: gets what is added.
    """

    def __init__(self, moves: Moves) -> None:
        super().__init__(id="sent", markup=False)
        self._moves = moves
        self.entries: deque[Sent] = deque(maxlen=REMEMBERED)

    def add(self, *step: Sent) -> None:
        """Note what was just handed over together."""
        self._moves.add(step)
        self.entries.extendleft(step)
        self.pull()

    def pull(self) -> None:
        """Draw anew what moved on."""
        rows = self.size.height
        lines = [sent.line(self.size.width) for sent, _ in zip(self.entries, range(rows), strict=False)]
        said = (
            Content("\n").join(lines)
            if lines
            else Content.styled(
                say("what you send shows its way here: in MQTT, in Kafka, in Strapi"), "$foreground-disabled"
            )
        )
        self.update(said, layout=False)
