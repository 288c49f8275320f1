"""The table of refused movements: filtered, sorted, selected by reason, and marked."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content
from textual.message import Message

from bridge.journal import DeadLetter, Journey, Verdict
from bridge.movement import Reason
from bridge.text import readable
from tui.actions import bindings
from tui.format import age, count, folded
from tui.language import msgid, say
from tui.outcome import GLYPHS, PENDING, REASONS, Tone
from tui.widgets import columns as cells
from tui.widgets.column_layout import EXTRA, Cell, Column
from tui.widgets.filter import TooLongError, Vocabulary, journey_words, limited, read_filter
from tui.widgets.sorted_view import Order, SortedView
from tui.widgets.tab_line import Part, TabLine

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bridge.journal import StockTable
    from tui.actions import What
    from tui.dead_letters import PendingLetters

__all__ = ["DeadLettersView", "ReasonTabs", "letter_words"]


Asked = TypeVar("Asked")


def _why(journey: Journey, now: float) -> Cell:
    return Cell(readable(say(journey.rejection.text)) if journey.rejection else "", Tone.MUTED)


def letter_words(board: StockTable) -> Vocabulary[DeadLetter]:
    """The fields that a filter can use: those of any movement, and why and where it was refused.

    Args:
        board: the products, whose names a filter knows.
    """
    journeys = journey_words(board)
    return Vocabulary(
        lambda letter: "\n".join((journeys.whole(letter.journey), _reason_words(letter), folded(letter.origin))),
        {
            **{name: _of_journey(text) for name, text in journeys.texts.items()},
            "reason": _reason_words,
            "origin": lambda letter: folded(letter.origin),
        },
        {name: _of_journey(number) for name, number in journeys.numbers.items()},
        exact=journeys.exact,
        foreign=journeys.foreign,
    )


def _of_journey(asked: Callable[[Journey], Asked]) -> Callable[[DeadLetter], Asked]:
    return lambda letter: asked(letter.journey)


def _reason_words(letter: DeadLetter) -> str:
    """The reason, in English too so that a filter works the same in every language, and the full explanation."""
    rejection = letter.journey.rejection
    if rejection is None:
        return ""
    return folded(f"{say(REASONS[rejection.reason])}\n{rejection.reason.replace('-', ' ')}\n{say(rejection.text)}")


class DeadLettersView(SortedView[Journey]):
    """The waiting letters, all of them or those with one reason or matching a filter; at first the newest on top.

    Args:
        box: what is shown.
        board: the products, whose names a filter knows.
    """

    BINDINGS = bindings("letters_table")

    order = Order("age")

    def __init__(self, box: PendingLetters, board: StockTable) -> None:
        columns = (
            Column(
                "age",
                msgid("age"),
                4,
                4,
                4,
                1,
                self._age,
                "right",
                sorts_by=lambda one: -self._letter_of(one).at,
            ),
            Column(
                "reason",
                msgid("reason"),
                19,
                20,
                24,
                0,
                self._reason,
                sorts_by=lambda one: say(REASONS[_reason_of(self._letter_of(one))]),
            ),
            Column(
                "origin",
                msgid("origin"),
                8,
                16,
                40,
                4,
                self._origin,
                sorts_by=lambda one: folded(self._letter_of(one).origin),
            ),
            Column(
                "product",
                msgid("product"),
                5,
                8,
                14,
                2,
                cells.product,
                "right",
                short_title=msgid("prod."),
                sorts_by=lambda one: folded(one.product_name or one.product),
            ),
            Column(
                "amount",
                msgid("move"),
                7,
                7,
                14,
                3,
                cells.amount,
                "right",
                grows=14,
                sorts_by=lambda one: one.delta,
            ),
            Column("payload", msgid("payload"), 16, 40, 400, 5, cells.payload),
            Column("why", msgid("why"), 20, 40, 60, EXTRA, _why),
        )
        super().__init__(columns, "letters", say("nothing refused waits: all was applied, sent again or dropped"))
        self._box = box
        self._words = letter_words(board)
        self._passes: Callable[[DeadLetter], bool] | None = None
        self._version = -1
        self._letters: list[DeadLetter] = []
        self._rows: dict[str, int] = {}
        self.groups: list[tuple[Reason, int]] = []
        """The number of waiting letters by reason, the largest first."""
        self.reason: Reason | None = None
        """The reason whose letters are shown, None for all."""

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
        """The letter's journey by its movement-id."""
        row = self.row_of(key)
        return None if row is None else self._letters[row].journey

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """The look of a letter changes while it is resent, and as its age grows."""
        return (self._box.is_under_way(item.movement_id), self._age(item, now).text), ""

    def pull(self, now: float) -> None:
        """Show the waiting letters; if the letter under the cursor is gone, its row's new letter gets the cursor."""
        if self._version != self._box.version:
            self._version = self._box.version
            row = None if self.cursor is None else self.row_of(self.cursor)
            self._take_over()
            self._rows = {letter.journey.movement_id: row for row, letter in enumerate(self._letters)}
            self.resize_rows()
            if row is not None and self.cursor is not None and self.row_of(self.cursor) is None:
                self.cursor = None
                self.move_cursor(row)
            self.refresh()
        self.repaint_changed(now)

    def _take_over(self) -> None:
        waiting = self._box.waiting()
        self.groups = Counter(map(_reason_of, waiting)).most_common()
        if self.reason is not None and self.reason not in dict(self.groups):
            # The last letter with this reason was handled.
            self.reason = None
        shown = [one for one in waiting if self.reason is None or _reason_of(one) is self.reason]
        self._letters = self._filtered(shown)
        compared = next((one.sorts_by for one in self.columns if one.id == self.order.column), None)
        if compared is not None:
            # Equal ones stay in order of time.
            self._letters.sort(key=lambda letter: compared(letter.journey), reverse=self.order.reverse)
        self.marks &= {one.journey.movement_id for one in waiting}

    def _filtered(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """The letters that match the filter; all of them, and the filter disabled, where it takes too long."""
        passes = self._passes
        if passes is None:
            return letters
        try:
            with limited():
                return [letter for letter in letters if passes(letter)]
        except TooLongError:
            self.filter_trouble = say("takes too long on one record: write a simpler regular expression")
            self._passes = self.sought = None
            return letters

    def set_filter(self, typed: str) -> None:
        """Show only letters that match a filter.

        Raises:
            FilterError: the text is not a valid filter; nothing changed.
        """
        passes = read_filter(typed, self._words)
        self._passes = passes
        self.sought = self.sought if passes is None else lambda one: passes(self._letter_of(one))
        self.filter_text, self.filter_trouble = typed.strip(), ""
        self.forget_widths()
        self._show_again()

    def take_order(self) -> None:
        """Sort the letters again."""
        self._show_again()

    def show_reason(self, reason: Reason | None) -> None:
        """Show only the letters with a reason; None shows all."""
        self.reason = reason
        self.cursor = None
        self._show_again()

    def _show_again(self) -> None:
        self._version = -1
        self.pull(time.time())

    def _letter_of(self, journey: Journey) -> DeadLetter:
        """The letter with this journey."""
        row = self.row_of(journey.movement_id)
        letter = self._box.get(journey.movement_id) or (None if row is None else self._letters[row])
        return letter or DeadLetter(journey, "", 0.0, -1, -1)

    def shown(self) -> list[DeadLetter]:
        """The shown letters, from top to bottom."""
        return list(self._letters)

    def chosen_letters(self) -> list[DeadLetter]:
        """The marked letters, else the one under the cursor, if any."""
        if self.marks:
            return [one for one in self._letters if one.journey.movement_id in self.marks]
        letter = self.selected()
        return [] if letter is None else [letter]

    def action_mark(self) -> None:
        """Mark or unmark the letter under the cursor, and go to the next."""
        letter = self.selected()
        if letter is not None:
            name = letter.journey.movement_id
            self.marks ^= {name}
            self.move_cursor(self._rows[name] + 1)

    def selected(self) -> DeadLetter | None:
        """The letter under the cursor, or the newest if there is no cursor."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        if row is None:
            self.action_first()
            row = 0
        return self._letters[row] if 0 <= row < len(self._letters) else None

    def action_want(self, what: What) -> None:
        """Request an action on the letter under the cursor, or the newest if there is no cursor."""
        if self.selected() is not None:
            super().action_want(what)

    def _age(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(age(letter.at if letter else 0, now), Tone.MUTED)

    def _reason(self, journey: Journey, now: float) -> Cell:
        if self._box.is_under_way(journey.movement_id):
            return Cell(f"{PENDING} " + say("sending again"), Tone.PENDING, PENDING)
        # Not the verdict, which a letter may get a moment after it is shown here.
        reason = say(REASONS[journey.rejection.reason]) if journey.rejection else ""
        return Cell(f"{GLYPHS[Verdict.REJECTED]} {reason}", Tone.REJECTED)

    def _origin(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(readable(letter.origin) if letter else "", Tone.MUTED)


def _reason_of(letter: DeadLetter) -> Reason:
    rejection = letter.journey.rejection
    return Reason.UNSTATED if rejection is None else rejection.reason


class ReasonTabs(TabLine):
    """One line with the number of letters by reason; a click on one shows its letters.

    Args:
        view: the table.
    """

    @dataclass
    class Chosen(Message):
        """A reason was clicked; None for all."""

        reason: Reason | None

    def __init__(self, view: DeadLettersView) -> None:
        super().__init__("letters-reasons")
        self._view = view

    def pull(self) -> None:
        """Update the numbers."""
        total = sum(number for _, number in self._view.groups)
        parts: list[Part] = []
        for reason, number in ((None, total), *self._view.groups):
            words = say("all") if reason is None else say(REASONS[reason])
            is_shown = reason is self._view.reason
            style = "bold $block-cursor-foreground on $block-cursor-background" if is_shown else "$foreground-muted"
            parts += [(Content.styled(f" {words} {count(number)} ", style), reason), (Content(" "), ())]
        self.put(parts)
