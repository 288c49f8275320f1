"""The engine's own record of its offsets, in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.kafka.kept_positions import KeptPosition, KeptPositions

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PLACE = ("stock", 3)


class Record(NamedTuple):
    """The attributes of a record that are used."""

    offset: int
    timestamp: int
    topic: str = "stock"
    partition: int = 3


def test_what_is_settled_is_there_at_the_next_start(tmp_path: Path) -> None:
    kept = KeptPositions(tmp_path / "new" / "positions.json")
    kept.are_of("one")
    kept.put(PLACE, 4)
    kept.settled([Record(4, 90), Record(5, 80)])  # type: ignore[list-item]
    kept.save(soon=False)
    again = KeptPositions(tmp_path / "new" / "positions.json")
    again.are_of("one")
    assert again.of_partition(PLACE) == KeptPosition(6, 90)
    assert again.of_partition(("stock", 0)) is None
    assert again.topics == {"stock"}


def test_a_position_that_is_set_back_knows_no_newest_record(tmp_path: Path) -> None:
    kept = KeptPositions(tmp_path / "positions.json")
    kept.settled([Record(5, 80)])  # type: ignore[list-item]
    kept.put(PLACE, 9)
    assert kept.of_partition(PLACE) == KeptPosition(9, 80)
    kept.put(PLACE, 2)
    assert kept.of_partition(PLACE) == KeptPosition(2, 0)


def test_another_cluster_at_the_address_begins_afresh(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = KeptPositions(tmp_path / "positions.json")
    kept.are_of("one")
    kept.put(PLACE, 9)
    kept.save(soon=False)
    again = KeptPositions(tmp_path / "positions.json")
    again.are_of(None)
    assert again.of_partition(PLACE) == KeptPosition(9)
    again.are_of("two")
    assert again.of_partition(PLACE) is None
    assert "does not count in two" in caplog.text


def test_a_place_that_can_not_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    kept = KeptPositions(tmp_path / "file" / "positions.json")
    for offset in range(3):
        kept.put(PLACE, offset)
        kept.save(soon=False)
    assert caplog.text.count("can't be kept") == 1
