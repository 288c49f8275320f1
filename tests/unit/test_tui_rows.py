"""Rows against a sorted list: added at both ends, dropped from below, inserted and removed."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tui.widgets.view_model import Rows


class RowsAgainstAList(RuleBasedStateMachine):
    """Numbers around 1,000."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows()
        self.expected: list[int] = []

    @rule(gaps=st.lists(st.integers(1, 5), max_size=5))
    def grow_down(self, gaps: list[int]) -> None:
        lowest = self.expected[0] if self.expected else 1_000
        falling = [lowest - sum(gaps[: place + 1]) for place in range(len(gaps))]
        self.rows.before(falling)
        self.expected = falling[::-1] + self.expected

    @rule(gaps=st.lists(st.integers(1, 5), max_size=5))
    def grow_up(self, gaps: list[int]) -> None:
        highest = self.expected[-1] if self.expected else 1_000
        growing = [highest + sum(gaps[: place + 1]) for place in range(len(gaps))]
        self.rows.after(growing)
        self.expected += growing

    @rule(number=st.integers(950, 1_050))
    def drop(self, number: int) -> None:
        left = [kept for kept in self.expected if kept >= number]
        assert self.rows.drop_below(number) == len(self.expected) - len(left)
        self.expected = left

    @rule(number=st.integers(950, 1_050))
    def put(self, number: int) -> None:
        assert self.rows.put(number) is (number not in self.expected)
        self.expected = sorted({*self.expected, number})

    @rule(number=st.integers(950, 1_050))
    def take(self, number: int) -> None:
        assert self.rows.take(number) is (number in self.expected)
        self.expected = [kept for kept in self.expected if kept != number]

    @invariant()
    def rows_are_the_list(self) -> None:
        assert list(self.rows) == self.expected
        assert len(self.rows) == len(self.expected)
        assert self.rows[1:3] == self.expected[1:3]
        assert [self.rows[-1]] == self.expected[-1:] if self.expected else True


TestRows = RowsAgainstAList.TestCase
