"""The ring: the latest items by sequence number, also while it is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Watched(list[int]):
    """A chunk that lets a reader look at the ring before, between and after the ring takes items from it."""

    def __init__(self, items: Sequence[int], look: Callable[[], None]) -> None:
        super().__init__(items)
        self._look = look

    def __getitem__(self, place: Any) -> Any:
        self._look()
        return super().__getitem__(place)


@given(st.integers(1, 12), st.lists(st.integers(0, 14), max_size=5))
def test_it_keeps_the_latest_in_order(capacity: int, chunks: list[int]) -> None:
    ring: Ring[int] = Ring(capacity)
    written: list[int] = []
    for size in chunks:
        chunk = list(range(len(written), len(written) + size))
        ring.extend(chunk)
        written += chunk
        assert ring.next == len(written)
        assert len(ring) == min(capacity, len(written))
        assert ring.first == ring.next - len(ring)
        assert ring.slice(0, ring.next) == written[-capacity:]
        for start in range(-1, len(written) + 2):
            assert ring.get(start) == (start if ring.first <= start < ring.next else None)
            for stop in range(start - 1, len(written) + 2):
                kept = [item for item in range(max(0, start), stop) if ring.first <= item < ring.next]
                assert ring.slice(start, stop) == kept


@given(st.integers(1, 8), st.lists(st.integers(0, 12), max_size=6))
def test_a_reader_in_the_middle_of_a_write_sees_no_item_under_anothers_number(capacity: int, chunks: list[int]) -> None:
    ring: Ring[int] = Ring(capacity)

    def look() -> None:
        upto = ring.next
        found = ring.slice(ring.first, upto)
        assert found == list(range(upto - len(found), upto))
        for sequence in range(ring.first, upto):
            assert ring.get(sequence) in {sequence, None}

    for size in chunks:
        ring.extend(Watched(range(ring.next, ring.next + size), look))
        look()


def test_one_item() -> None:
    ring: Ring[str] = Ring(2)
    ring.append("a")
    assert (ring.first, ring.next, ring.get(0), ring.get(1)) == (0, 1, "a", None)


@given(
    st.integers(1, 8),
    st.integers(0, 30),
    st.lists(st.lists(st.integers(0, 9), max_size=10), max_size=8),
)
def test_what_came_together_goes_together_where_it_weighs_too_much(
    capacity: int, most: int, chunks: list[list[int]]
) -> None:
    ring: Ring[tuple[int, int]] = Ring(capacity, lambda items: sum(weight for _, weight in items), most)
    written: list[tuple[int, int]] = []
    for weights in chunks:
        first = ring.first
        chunk = [(len(written) + place, weight) for place, weight in enumerate(weights)]
        ring.extend(chunk)
        written += chunk
        kept = ring.slice(0, ring.next)
        assert kept == written[len(written) - len(ring) :]
        assert ring.first >= first, "what went does not come back"
        assert len(ring) <= capacity
        assert kept[-len(chunk) :] == chunk[-capacity:] or not chunk, "what came last is there"
        before = kept[: max(0, len(kept) - len(chunk))]
        assert not before or sum(weight for _, weight in before) + sum(weights) <= most or not chunk
        for sequence in range(-1, len(written) + 1):
            assert ring.get(sequence) == (written[sequence] if ring.first <= sequence < ring.next else None)
        assert [item for item in ring._items if item is not None] or not kept, "places of what went are empty"


@given(st.integers(2, 8), st.lists(st.integers(0, 6), max_size=8))
def test_a_reader_in_the_middle_of_letting_go_sees_no_item_under_anothers_number(
    capacity: int, chunks: list[int]
) -> None:
    ring: Ring[int] = Ring(capacity, len, 3)

    def look() -> None:
        upto = ring.next
        found = ring.slice(ring.first, upto)
        assert found == list(range(upto - len(found), upto))
        for sequence in range(ring.first, upto):
            assert ring.get(sequence) in {sequence, None}

    for size in chunks:
        ring.extend(Watched(range(ring.next, ring.next + size), look))
        look()


@pytest.mark.parametrize("written", [0, 3, 9, 10, 11, 25, 40])
@pytest.mark.parametrize("capacity", [1, 4, 10, 17, 40])
def test_a_ring_of_another_size_keeps_the_latest_under_their_numbers(written: int, capacity: int) -> None:
    ring = Ring[int](10)
    for item in range(written):
        ring.append(item)
    ring.resize(capacity)
    kept = list(range(max(0, written - min(10, capacity)), written))
    assert ring.slice(0, written) == kept
    assert ring.next == written
    for item in range(written, written + 2 * capacity + 3):
        ring.append(item)
        kept = [*kept, item][-capacity:]
        assert ring.slice(0, ring.next) == kept
        assert [ring.get(sequence) for sequence in kept] == kept
        assert ring.get(kept[0] - 1) is None


@given(st.integers(1, 12), st.integers(0, 8), st.lists(st.integers(0, 14), max_size=4), st.integers(0, 10), st.data())
def test_items_of_before_the_first_stand_before_it(
    capacity: int, reserved: int, chunks: list[int], count: int, data: st.DataObject
) -> None:
    ring: Ring[int] = Ring(capacity, reserved=reserved)
    before = data.draw(st.integers(0, len(chunks)))
    for size in chunks[:before]:
        ring.extend(range(ring.next, ring.next + size))
    ring.precede(range(reserved - count, reserved))
    for size in chunks[before:]:
        ring.extend(range(ring.next, ring.next + size))
    first = max(reserved - min(count, reserved), reserved + sum(chunks) - capacity)
    if sum(chunks[:before]) > capacity:
        first = max(first, reserved)
    kept = list(range(first, ring.next))
    assert ring.first == first
    assert ring.slice(0, ring.next) == kept
    assert [ring.get(sequence) for sequence in kept] == kept
    assert ring.get(first - 1) is None
    ring.resize(capacity + 3)
    assert ring.slice(0, ring.next) == kept


def test_a_reader_sees_nothing_of_before_the_first_until_all_of_it_is_there() -> None:
    ring: Ring[int] = Ring(10, reserved=4)
    ring.extend(range(4, 6))
    seen: list[list[int]] = []
    items = Watched(range(4), lambda: seen.append(ring.slice(0, ring.next)))
    ring.precede(items)
    assert all(found == [4, 5] for found in seen)
    assert ring.slice(0, ring.next) == list(range(6))


def test_items_of_before_the_first_are_as_heavy_as_there_is_room_and_go_first() -> None:
    ring: Ring[int] = Ring(100, sum, most=20, reserved=10)
    ring.extend([5])
    ring.precede([9, 8, 4, 2])
    assert ring.slice(0, ring.next) == [8, 4, 2, 5]
    ring.extend([3])
    assert ring.slice(0, ring.next) == [5, 3]
    heavy: Ring[int] = Ring(100, sum, most=20, reserved=10)
    heavy.extend([19])
    heavy.extend([18])
    heavy.precede([1])
    assert heavy.slice(0, heavy.next) == [18]
