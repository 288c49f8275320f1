"""The batch size follows the answers: it grows while they are quick, and shrinks at once when they are slow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.strapi.batch_size import BatchSize

SECONDS = st.floats(0, 60)


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(1, 1000), SECONDS, st.booleans())))
def test_it_stays_within_its_bounds_and_at_most_doubles(most: int, batches: list[tuple[int, float, bool]]) -> None:
    size = BatchSize(most)
    for movements, seconds, answered in batches:
        before = size.now
        (size.took if answered else size.waited)(min(movements, size.now), seconds)
        assert 1 <= size.now <= most
        assert size.now <= max(2 * before, 64)


@given(st.integers(1, 5000))
def test_it_comes_to_what_is_answered_in_a_tenth_of_a_second(a_second: int) -> None:
    size = BatchSize(1000)
    for _ in range(12):
        size.took(size.now, size.now / a_second)
    assert abs(size.now - min(1000, max(64, a_second / 10))) <= 1


@given(st.floats(0.1, 3.0))
def test_a_strapi_that_takes_long_for_any_request_still_gets_many_movements(fixed: float) -> None:
    size = BatchSize(1000)
    for _ in range(12):
        size.took(size.now, fixed + size.now / 5_000)
    assert size.now / (fixed + size.now / 5_000) >= 20


def test_a_few_movements_answered_soon_tell_nothing_of_many() -> None:
    size = BatchSize(1000)
    size.took(1, 0.09)
    size.took(1, 0.9)
    assert size.now == 100


def test_an_answer_too_late_to_be_heard_halves_it_and_a_refused_connection_does_not() -> None:
    size = BatchSize(1000)
    size.waited(100, 0.001)
    assert size.now == 100
    for wanted in (50, 25, 12, 6, 3, 1, 1):
        size.waited(size.now, 10.0)
        assert size.now == wanted
