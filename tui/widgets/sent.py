"""Movements sent from the keyboard: the progress of each, which are pending, and which can be undone."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from textual.content import Content

from bridge.errors import OpsciError
from bridge.journal import Verdict
from bridge.text import readable
from tui.format import clock, duration, signed, waited
from tui.language import say
from tui.outcome import STYLES, Tone
from tui.timeline import dots, result
from tui.widgets.cached_static import CachedStatic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from bridge.journal import Journal, Journey, StockTable
    from bridge.movement import Movement, Rejection

__all__ = ["Sent", "SentList", "SentMovements"]


_ENTRIES: Final = 50
"""How many sent movements are kept."""

_STEPS: Final = 200
"""How many steps are kept. A step is what one Enter sent: one movement, or one per marked row."""


class Sent:
    """One movement that was passed to the engine.

    Args:
        movement: what was sent.
        name: the product's name as it was shown, may be empty.
        answer: the engine's future, done when the broker has answered.
        journal: where its progress is noted.
        undoes: the movement that it undoes, if any.
    """

    def __init__(
        self, movement: Movement, name: str, answer: Future[Journey], journal: Journal, undoes: Sent | None = None
    ) -> None:
        self.movement = movement
        self.name = name
        self.at = time.time()
        self.answer = answer
        self.undoes = undoes
        self.restored = False
        """Whether it was sent before this start; its outcome may then be unknown here."""
        self._undo: Sent | None = None
        if undoes is not None:
            undoes._undo = self
        self._journal = journal
        self._journey: Journey | None = None
        self._drawn: tuple[tuple[int, str, Rejection | None], Content] | None = None
        """Its last drawn line, once it is decided, with the width, name and rejection it was drawn for."""

    @property
    def journey(self) -> Journey | None:
        """Its journey, once the broker has it: the journal's, or the last known one if the journal has dropped it."""
        if self._journey is None and self.answer.done() and not self.problem:
            self._journey = self.answer.result()
        if self._journey is not None:
            # What arrives over MQTT is a separate journey with the same identity; of several, the one that counted has
            # the result.
            name = self._journey.movement_id
            arrived = self._journal.known(name)
            counted = next((one for one in arrived if one.verdict not in {None, Verdict.DUPLICATE}), None)
            self._journey = counted or self._journal.journey(name) or self._journey
        return self._journey

    @property
    def over(self) -> bool:
        """Whether its state is final: it is decided, permanently unknown, or not at the broker."""
        journey = self.journey
        if journey is None:
            return bool(self.problem)
        settled = journey.verdict is not None or journey.elsewhere is not None
        return bool(self.problem) or settled or journey.given_up or self.unknown

    @property
    def unknown(self) -> bool:
        """Whether it was sent before this start and its outcome is unknown."""
        journey = self.journey
        if journey is None or not self.restored or journey.verdict is not None:
            return False
        return self._journal.journey(journey.movement_id) is None and not self._journal.known(journey.movement_id)

    @property
    def applied(self) -> bool:
        return self.journey is not None and self.journey.verdict is Verdict.APPLIED

    @property
    def undone(self) -> bool:
        """Whether a movement that undoes it was sent and has been, or may still be, applied."""
        return self._undo is not None and (self._undo.applied or not self._undo.over)

    @property
    def problem(self) -> str:
        """Why the broker does not have it, for the user; empty if it has, or if that is not known yet."""
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

    def line(self, width: int, now: float) -> Content:
        """Format it on one line: time, amount, product, its hops as dots, and the result.

        The product's name is shortened first, and the result is not cut while the line has room for it.

        Args:
            width: the available cells.
            now: seconds since the epoch.
        """
        journey = self.journey
        # A watcher learns of a refusal first, and from the ledger later at which stock it was refused.
        shown = width, self.name, None if journey is None else journey.rejection
        if self._drawn is not None and self._drawn[0] == shown:
            return self._drawn[1]
        said, style = self._result(journey)
        took = self._took(journey, now)
        head = Content.assemble(
            (f"{clock(self.at)} ", STYLES[Tone.MUTED]),
            (f"{signed(self.movement.delta):>6} ", f"bold {STYLES[Tone.IN if self.movement.delta > 0 else Tone.OUT]}"),
        )
        room = width - head.cell_length - len(said) - len(took) - _BESIDE
        product = Content(readable(self.name or self.movement.product))
        name = product.truncate(max(8, min(room, width * 2 // 5)), ellipsis=True, pad=True)
        line = Content.assemble(head, name, "  ", dots(journey), "  ", (said, style))
        gap = width - line.cell_length - len(took)
        if took and gap > 0:
            line = Content.assemble(line, " " * gap, (took, STYLES[Tone.MUTED]))
        if journey is not None and journey.verdict is not None:
            self._drawn = shown, line
        return line

    def _result(self, journey: Journey | None) -> tuple[str, str]:
        problem = self.problem or _said(journey)
        if not problem and self.unknown:
            return say("open at the last end"), STYLES[Tone.MUTED]
        if problem:
            failed = bool(self.problem) or (journey is not None and journey.given_up)
            return (f"✗ {problem}", STYLES[Tone.REJECTED]) if failed else (problem, STYLES[Tone.PENDING])
        return (say("sending"), STYLES[Tone.PENDING]) if journey is None else result(journey)

    def _took(self, journey: Journey | None, now: float) -> str:
        """Its total duration, so far if it is not decided."""
        if journey is None or self.problem or journey.elsewhere is not None or self.unknown:
            return ""
        began = journey.published_at or journey.received_at
        if began is None:
            return ""
        if journey.verdict is None:
            return waited(now - began)
        return duration(journey.decided_at - began) if journey.verdict is Verdict.APPLIED and journey.decided_at else ""


def _said(journey: Journey | None) -> str:
    """Remarks on a movement besides its result; may be empty."""
    if journey is None or journey.verdict is not None:
        return ""
    if journey.given_up:
        return say("unknown: the stock did not show it within a day, and it is no longer sent again")
    # Once it is in Kafka, it no longer matters how often it was sent.
    return readable(say(journey.resent)) if journey.acknowledged_at is None else ""


_BESIDE: Final = 12
"""The cells of the dots and the gaps in a line."""


class SentList(CachedStatic):
    """The movements sent last, the latest on top, as many as fit.

    Args:
        sent_movements: the movements that are added here are added to it too.
    """

    def __init__(self, sent_movements: SentMovements) -> None:
        super().__init__(id="sent", markup=False)
        self._sent_movements = sent_movements
        self.entries: deque[Sent] = deque(maxlen=_ENTRIES)

    def add(self, *step: Sent) -> None:
        """Add movements that were sent together."""
        self._sent_movements.add(step)
        self.entries.extendleft(step)
        self.pull()

    def restore(self, steps: Sequence[Sequence[Sent]]) -> None:
        """Go on with what was sent before this start, the latest step first, instead of what was restored before."""
        self._sent_movements.restore(steps)
        own = [sent for sent in self.entries if not sent.restored]
        self.entries = deque([*own, *(sent for step in steps for sent in reversed(step))][:_ENTRIES], _ENTRIES)
        self.pull()

    def pull(self) -> None:
        rows = self.size.height
        width, now = self.size.width, time.time()
        lines = [sent.line(width, now) for sent, _ in zip(self.entries, range(rows), strict=False)]
        said = (
            Content("\n").join(lines)
            if lines
            else Content.styled(say("what you send shows its way here, hop by hop"), "$foreground-disabled")
        )
        self.update(said, layout=False)


class SentMovements:
    """The sent movements, step by step.

    Args:
        board: the products of the movements.
    """

    def __init__(self, board: StockTable) -> None:
        self._board = board
        self._steps: deque[Sequence[Sent]] = deque(maxlen=_STEPS)
        self._open: list[Sent] = []

    def add(self, step: Sequence[Sent]) -> None:
        """Note what one Enter sent."""
        self._steps.appendleft(step)
        self._open += step

    @property
    def steps(self) -> Sequence[Sequence[Sent]]:
        """What was sent, the latest step first."""
        return tuple(self._steps)

    def restore(self, steps: Sequence[Sequence[Sent]]) -> None:
        """Go on with what was sent before this start, the latest step first, instead of what was restored before."""
        own = [step for step in self._steps if not step[0].restored]
        self._steps = deque([*own, *steps][:_STEPS], _STEPS)
        self._open = [sent for step in self._steps for sent in step]

    def pending(self) -> dict[int, int]:
        """The sum of what is sent and not decided, by the product's id."""
        # Of one that was sent before this start more may be heard yet.
        self._open = [sent for sent in self._open if not sent.over or sent.unknown]
        pending: dict[int, int] = {}
        for sent in self._open:
            if sent.unknown:
                continue
            product = self._board.find(sent.movement.product)
            if product is not None:
                pending[product.id] = pending.get(product.id, 0) + sent.movement.delta
        return pending

    def undoable(self) -> list[list[Sent]]:
        """What can be undone, the latest step first: movements that were applied and neither undone nor an undo."""
        steps = (
            [sent for sent in step if sent.applied and sent.undoes is None and not sent.undone] for step in self._steps
        )
        return [step for step in steps if step]
