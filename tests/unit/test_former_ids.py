"""Numeric ids of former rows are known after a restart, whatever happened to their file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bridge.strapi.documents import FormerIds

if TYPE_CHECKING:
    from pathlib import Path


def test_what_one_engine_saw_the_next_one_knows(tmp_path: Path) -> None:
    path = tmp_path / "outbox" / "product-ids"
    first = FormerIds(path)
    first.note([(4, "abc"), (27, "abc"), (5, "def")])
    # No close: it was killed.
    second = FormerIds(path)
    assert [second.document_of(number) for number in (4, 27, 5, 6)] == ["abc", "abc", "def", None]
    first.close()
    second.close()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"\0" * 4096, b"4 ab", b"9" * 5000 + b" abc\n", b"\xff\xfe 1\n4\n 5\n"])
def test_a_damaged_file_costs_what_stood_there_and_nothing_else(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "product-ids"
    path.write_bytes(damage)
    ids = FormerIds(path)
    ids.note([(7, "xyz")])
    ids.close()
    with closing(FormerIds(path)) as again:
        assert again.document_of(7) == "xyz"


def test_a_file_that_cannot_be_written_leaves_them_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    ids = FormerIds(tmp_path / "file" / "product-ids")
    ids.note([(7, "xyz")])
    assert ids.document_of(7) == "xyz"
    assert "known until this engine ends" in caplog.text


def test_the_latest_are_kept_and_the_file_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "product-ids"
    ids = FormerIds(path, most=10)
    for number in range(1, 101):
        ids.note([(number, "abc"), (number, "abc")])
    assert (ids.document_of(90), ids.document_of(91)) == (None, "abc")
    assert len(path.read_bytes().split()) // 2 <= 20
    ids.close()
    with closing(FormerIds(path, most=10)) as again:
        assert again.document_of(100) == "abc"
