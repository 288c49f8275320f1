"""The identity of the server known at each address: how it is stored, and the effect of a damaged file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.known_servers import KnownServers

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = ["127.0.0.1:9092", "127.0.0.1:9094"]


def test_an_address_that_was_never_used_has_nobody(tmp_path: Path) -> None:
    assert KnownServers(tmp_path / "known").identity("kafka", ADDRESSES) is None


def test_who_answered_is_known_by_each_address_and_over_a_restart(tmp_path: Path) -> None:
    KnownServers(tmp_path / "state" / "known").note("kafka", ADDRESSES, "A")
    again = KnownServers(tmp_path / "state" / "known")
    assert again.identity("kafka", ADDRESSES[1:]) == "A"
    # One of the addresses is enough, and another kind of server is another one.
    assert again.identity("kafka", ["127.0.0.1:1", ADDRESSES[0]]) == "A"
    assert again.identity("strapi", ADDRESSES) is None
    assert (tmp_path / "state" / "known").stat().st_mode & 0o077 == 0


def test_a_server_that_is_gone_for_good_is_forgotten_at_all_addresses(tmp_path: Path) -> None:
    known = KnownServers(tmp_path / "known")
    known.forget("A")
    assert not known.path.exists()
    known.note("kafka", ADDRESSES, "A")
    known.note("strapi", ["http://127.0.0.1:1337"], "B")
    known.forget("A")
    assert known.identity("kafka", ADDRESSES) is None
    assert known.identity("strapi", ["http://127.0.0.1:1337"]) == "B"
    known.note("kafka", ADDRESSES, "C")
    known.forget(kind="kafka")
    assert known.identity("kafka", ADDRESSES) is None
    assert known.identity("strapi", ["http://127.0.0.1:1337"]) == "B"


@pytest.mark.parametrize("damaged", [b"", b"\0" * 40, b'{"kafka": {"127.0.0.1:9092": "A"', b"[]", b'{"kafka": 3}'])
def test_a_damaged_file_is_said_and_written_anew(
    tmp_path: Path, damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    known = KnownServers(tmp_path / "known")
    known.path.write_bytes(damaged)
    assert known.identity("kafka", ADDRESSES) is None
    assert known.identity("kafka", ADDRESSES) is None
    assert len(caplog.records) == 1
    assert str(known.path) in caplog.text
    known.note("kafka", ADDRESSES, "B")
    assert KnownServers(known.path).identity("kafka", ADDRESSES) == "B"


def test_where_nothing_can_be_written_it_holds_for_this_process_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    known = KnownServers(tmp_path / "file" / "known")
    known.note("kafka", ADDRESSES, "A")
    assert known.identity("kafka", ADDRESSES) == "A"
    assert "is not kept over its restart" in caplog.text


def test_addresses_that_were_used_long_ago_are_let_go_of(tmp_path: Path) -> None:
    known = KnownServers(tmp_path / "known")
    known.note("kafka", [f"host:{number}" for number in range(1_000)], "A")
    known.note("kafka", ["host:0"], "A")
    known.note("kafka", ["host:1000"], "A")
    assert known.identity("kafka", ["host:0"]) == "A"
    assert known.identity("kafka", ["host:1"]) is None
