"""Which records of a ring a pane shows, against a plain list of what a user would expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.journal import Ring
from tui.widgets.view_model import Pulled, ViewModel

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 20
UNHURRIED = float("inf")
"""Seconds: a filter that is given less leaves the rest to the next pull, on a busy machine after any record."""


def even(number: int) -> bool:
    return number % 2 == 0


class ShownAgainstAList(RuleBasedStateMachine):
    """A ring of 20 under any order of writes, reads, filters, clears and pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: Ring[int] = Ring(CAPACITY)
        self.shown: ViewModel[int] = ViewModel(self.ring)
        self.rows = 0
        self.floor = 0
        self.passes: Callable[[int], bool] | None = None
        self.frozen: list[int] | None = None
        self.expected: list[int] = []

    def source(self) -> list[int]:
        if self.frozen is not None:
            return self.frozen
        return self.ring.slice(self.ring.first, self.ring.next)

    def take_over(self) -> None:
        kept = [number for number in self.source() if number >= self.floor]
        self.expected = [number for number in kept if self.passes is None or self.passes(number)]

    @rule(count=st.integers(0, 50))
    def write(self, count: int) -> None:
        self.ring.extend(range(self.ring.next, self.ring.next + count))

    @rule()
    def pull(self) -> None:
        before = len(self.shown)
        pulled = self.shown.pull(UNHURRIED)
        assert len(self.shown) == before - pulled.dropped + pulled.added
        self.take_over()

    @rule(passes=st.sampled_from([None, even]))
    def only(self, passes: Callable[[int], bool] | None) -> None:
        self.passes = passes
        self.shown.only(passes)
        self.shown.look_back(UNHURRIED)
        self.shown.pull(UNHURRIED)
        self.take_over()

    @rule()
    def clear(self) -> None:
        source = self.source()
        self.floor = source[-1] + 1 if source else self.floor
        self.shown.clear()

    @rule()
    def pause(self) -> None:
        if self.frozen is None:
            self.shown.pause()
            self.shown.pull(UNHURRIED)
            self.take_over()
            self.frozen = self.source()
        assert self.shown.paused

    @rule()
    def resume(self) -> None:
        self.frozen = None
        self.shown.resume()
        assert self.shown.held_back == 0

    @invariant()
    def rows_are_the_expected_sequence_numbers(self) -> None:
        rows = [self.shown.sequence(row) for row in range(len(self.shown))]
        assert rows == self.expected
        for row, sequence in enumerate(self.expected):
            assert self.shown.row(sequence) == row
        assert self.shown.sequence(-1) is None
        assert self.shown.sequence(len(rows)) is None


TestShown = ShownAgainstAList.TestCase


def test_a_pull_says_what_fell_off_and_what_came() -> None:
    ring: Ring[int] = Ring(10)
    shown = ViewModel(ring)
    ring.extend(range(8))
    assert shown.pull() == Pulled(0, 8)
    ring.extend(range(5))
    assert shown.pull() == Pulled(3, 5)
    ring.extend(range(100))
    assert shown.pull() == Pulled(10, 10)


def test_an_item_is_found_by_identity() -> None:
    ring: Ring[str] = Ring(10)
    shown = ViewModel(ring)
    ring.extend(["a", "b", "c"])
    shown.pull()
    assert shown.find("b") == 1
    assert shown.find("z") is None


def test_a_filter_over_many_records_goes_on_slice_by_slice_from_the_latest() -> None:
    ring: Ring[int] = Ring(500_000)
    ring.extend(range(500_000))
    shown = ViewModel(ring)
    shown.only(even)
    assert 0 < shown.left < 500_000
    assert shown.sequence(len(shown) - 1) == 499_998
    ring.extend(range(500_000, 500_010))
    before = len(shown)
    pulled = shown.pull()
    assert (pulled.added, pulled.dropped) == (5, 0)
    assert len(shown) == before + pulled.added + pulled.older
    while shown.look_back():
        shown.pull()
    shown.pull()
    assert shown.left == 0
    assert (len(shown), shown.sequence(0), shown.row(400_000)) == (250_000, 10, 199_995)
    assert shown.find(400_000) == 400_000
    assert shown.find(400_001) is None


@pytest.mark.parametrize("filtered", [False, True])
def test_what_is_of_before_the_first_comes_above_and_counts_as_older(filtered: bool) -> None:
    ring: Ring[int] = Ring(20, reserved=10)
    ring.extend(range(10, 14))
    shown = ViewModel(ring)
    shown.only((lambda item: item % 2 == 0) if filtered else None)
    shown.pull()
    ring.extend([14])
    ring.precede(range(4, 10))
    shown.look_back(1)
    assert shown.pull() == (Pulled(0, 1, 3) if filtered else Pulled(0, 1, 6))
    rows = [shown.get(shown.sequence(row) or 0) for row in range(len(shown))]
    assert rows == ([4, 6, 8, 10, 12, 14] if filtered else list(range(4, 15)))
    assert shown.left == 0
