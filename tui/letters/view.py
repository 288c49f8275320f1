"""The table of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from bridge.journal import Journey, Verdict
from bridge.text import readable
from tui import figures
from tui.language import say
from tui.panes import cells
from tui.panes.cells import Cell
from tui.panes.columns import EXTRA, Column
from tui.panes.line_view import LineView
from tui.verdicts import GLYPHS, PENDING, REASONS, Tone

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bridge.journal import DeadLetter
    from tui.letters.box import LetterBox

__all__ = ["LettersView"]


def _why(journey: Journey, now: float) -> Cell:
    return Cell(readable(say(journey.rejection.text)) if journey.rejection else "", Tone.MUTED)


class LettersView(LineView[Journey]):
    """The letters that wait, the latest at the bottom.

    Args:
        box: what is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # Here and not at the screen: in the other tables these keys do something else with a record.
        Binding(
            "e",
            "screen.mend",
            say("Mend"),
            id="letters.mend",
            tooltip=say("Edit the payload, send it as a new movement"),
        ),
        Binding(
            "r",
            "screen.again",
            say("Send again"),
            id="letters.again",
            tooltip=say("Send it as it is, as a new movement"),
        ),
    ]

    def __init__(self, box: LetterBox) -> None:
        columns = (
            Column(say("age"), 4, 4, 4, 1, self._age, "right"),
            Column(say("reason"), 8, 20, 24, 0, self._reason),
            Column(say("origin"), 8, 24, 40, 4, self._origin),
            Column(say("prod."), 5, 8, 14, 2, cells.product, "right"),
            Column(say("amount"), 6, 6, 14, 3, cells.amount, "right"),
            Column(say("payload"), 10, 40, 400, 5, cells.payload),
            Column(say("why"), 20, 40, 60, EXTRA, _why),
        )
        super().__init__(columns, "letters", say("no dead letter waits: everything was applied, sent again or dropped"))
        self._box = box
        self._version = -1
        self._letters: list[DeadLetter] = []
        self._rows: dict[str, int] = {}

    @property
    def rows(self) -> int:
        """How many letters are shown."""
        return len(self._letters)

    def key_at(self, row: int) -> str | None:
        """The movement-id of the letter in a row."""
        return self._letters[row].journey.movement_id if 0 <= row < len(self._letters) else None

    def row_of(self, key: Hashable) -> int | None:
        """The row of a movement-id."""
        return self._rows.get(key) if isinstance(key, str) else None

    def item_of(self, key: Hashable) -> Journey | None:
        """What the letter of that movement-id says."""
        row = self.row_of(key)
        return None if row is None else self._letters[row].journey

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """A letter looks different while it is sent again, and as its age grows."""
        return (self._box.is_under_way(item.movement_id), self._age(item, now).text), ""

    def pull(self, now: float) -> None:
        """Show what waits; a cursor whose letter is gone goes to the one that took its place."""
        if self._version != self._box.version:
            self._version = self._box.version
            row = None if self.cursor is None else self.row_of(self.cursor)
            self._letters = self._box.waiting()
            self._rows = {letter.journey.movement_id: row for row, letter in enumerate(self._letters)}
            self.resize_rows()
            if row is not None and self.cursor is not None and self.row_of(self.cursor) is None:
                self.cursor = None
                self.move_cursor(row)
            self.refresh()
        self.repaint_changed(now)

    def selected(self) -> DeadLetter | None:
        """The letter under the cursor, the latest one where it is on none."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        if row is None:
            self.action_last()
            row = self.rows - 1
        return self._letters[row] if 0 <= row < len(self._letters) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no filter here."""
        return action != "seek" and super().check_action(action, parameters)

    def _age(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(figures.age(letter.at if letter else 0, now), Tone.MUTED)

    def _reason(self, journey: Journey, now: float) -> Cell:
        if self._box.is_under_way(journey.movement_id):
            return Cell(f"{PENDING} " + say("sending again"), Tone.PENDING, PENDING)
        # Not the verdict, which a letter may get a moment later than its place here.
        reason = REASONS[journey.rejection.reason] if journey.rejection else ""
        return Cell(f"{GLYPHS[Verdict.REJECTED]} {reason}", Tone.REJECTED)

    def _origin(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(readable(letter.origin) if letter else "", Tone.MUTED)
