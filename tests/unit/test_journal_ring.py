"""The ring: the latest items under their sequence numbers, also while it is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Watched(list[int]):
    """A chunk that lets a reader look at the ring each time the ring takes items from it: before, between and after."""

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
