from hypothesis import given
from hypothesis import strategies as st

from bridge.bounded import Recent


@given(st.integers(1, 8), st.lists(st.integers(0, 20)))
def test_the_latest_are_remembered_and_memory_is_bounded(keep: int, keys: list[int]) -> None:
    recent: Recent[int, int] = Recent(keep)
    last: dict[int, int] = {}
    for place, key in enumerate(keys):
        recent[key] = place
        last.pop(key, None)
        last[key] = place
        assert len(recent) <= 2 * keep
    for key in list(last)[-keep:]:
        assert recent.get(key) == last[key]


@given(st.integers(1, 8), st.lists(st.lists(st.integers(0, 20), max_size=5)))
def test_several_at_once_are_as_one_after_the_other(keep: int, chunks: list[list[int]]) -> None:
    recent: Recent[int, int] = Recent(keep)
    last: dict[int, int] = {}
    for place, chunk in enumerate(chunks):
        assert recent.knows_any(chunk) == any(recent.get(key) is not None for key in chunk)
        recent.update(dict.fromkeys(chunk, place))
        for key in chunk:
            last.pop(key, None)
            last[key] = place
        assert len(recent) <= 2 * (keep + 5)
    for key in list(last)[-keep:]:
        assert recent.get(key) == last[key]
