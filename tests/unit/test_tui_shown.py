"""Which records of a ring a pane shows, against a plain list of what a reader would expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.journal import Ring
from tui.panes.shown import Pulled, Shown

if TYPE_CHECKING:
    from collections.abc import Callable

CAPACITY = 20


def even(number: int) -> bool:
    return number % 2 == 0


class ShownAgainstAList(RuleBasedStateMachine):
    """A ring of 20 under any order of writes, pulls, filters, clears and pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: Ring[int] = Ring(CAPACITY)
        self.shown: Shown[int] = Shown(self.ring)
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
        pulled = self.shown.pull()
        assert len(self.shown) == before - pulled.dropped + pulled.added
        self.take_over()

    @rule(passes=st.sampled_from([None, even]))
    def only(self, passes: Callable[[int], bool] | None) -> None:
        self.passes = passes
        self.shown.only(passes)
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
    shown = Shown(ring)
    ring.extend(range(8))
    assert shown.pull() == Pulled(0, 8)
    ring.extend(range(5))
    assert shown.pull() == Pulled(3, 5)
    ring.extend(range(100))
    assert shown.pull() == Pulled(10, 10)


def test_an_item_is_found_by_identity() -> None:
    ring: Ring[str] = Ring(10)
    shown = Shown(ring)
    ring.extend(["a", "b", "c"])
    shown.pull()
    assert shown.find("b") == 1
    assert shown.find("z") is None


def test_a_filter_over_many_records_goes_on_slice_by_slice_from_the_latest() -> None:
    ring: Ring[int] = Ring(500_000)
    ring.extend(range(500_000))
    shown = Shown(ring)
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
