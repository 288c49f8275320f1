from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.dedup import PACKET_IDS, RecentAcks

IDS = st.sampled_from([1, 2, 3, 4, PACKET_IDS])
HASHES = st.sampled_from([-(2**63), -1, 0, 7, 2**63 - 1])
NOTED = st.dictionaries(IDS, HASHES)
FORGOTTEN = st.sets(IDS)


@given(st.integers(1, 8), st.lists(NOTED | FORGOTTEN, max_size=12))
def test_the_latest_are_remembered_and_no_more(keep: int, steps: list[dict[int, int] | set[int]]) -> None:
    acknowledged = RecentAcks(keep)
    noted: list[tuple[int, int] | None] = []
    for step in steps:
        if isinstance(step, dict):
            acknowledged.note(step)
            noted += step.items()
        else:
            acknowledged.discard(step)
            noted = [None if one is not None and one[0] in step else one for one in noted]
    latest = dict(one for one in noted[-keep:] if one is not None)
    for packet_id in [1, 2, 3, 4, PACKET_IDS]:
        assert acknowledged.get(packet_id) == latest.get(packet_id)
    acknowledged.clear()
    assert all(acknowledged.get(packet_id) is None for packet_id in latest)


def test_what_was_acknowledged_elsewhere_is_remembered_for_as_long_as_by_its_place() -> None:
    acknowledged = RecentAcks(10)
    acknowledged.note({1: 11})
    acknowledged.note_earlier([(1, 99, 3), (2, 22, 9), (3, 33, 0)])
    assert [acknowledged.get(packet_id) for packet_id in (1, 2, 3)] == [11, 22, 33]
    acknowledged.note({4: 44})
    assert [acknowledged.get(packet_id) for packet_id in (1, 2, 3)] == [11, None, 33]
