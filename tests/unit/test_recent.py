from hypothesis import given
from hypothesis import strategies as st

from bridge.recent import Recent


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
    recent.clear()
    assert len(recent) == 0
