"""Cached downloads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from stack.downloads import digest, fetch_once
from stack.errors import InstallError
from stack.report import Report, Step

if TYPE_CHECKING:
    from pathlib import Path

_QUIET = Report(quiet=True)


def test_the_name_changes_with_the_content(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("one")
    first = digest(lock)
    lock.write_text("two")
    assert digest(lock) != first


def test_an_interrupted_one_is_made_again_from_nothing(tmp_path: Path) -> None:
    def interrupted(folder: Path, _step: Step) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    def whole(folder: Path, _step: Step) -> None:
        assert not (folder / "half").exists()
        (folder / "all").touch()

    target = tmp_path / "kafka" / "hash"
    with pytest.raises(KeyboardInterrupt):
        fetch_once(target, "it", _QUIET, interrupted)
    assert not target.exists()
    fetch_once(target, "it", _QUIET, whole)
    assert [file.name for file in target.iterdir()] == ["all"]


def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make(folder: Path, _step: Step) -> None:
        made.append(folder.name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: fetch_once(tmp_path / "hash", "it", _QUIET, make), range(8)))
    assert made == ["hash.partial"]


def test_a_cache_that_others_can_change_is_closed_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "kafka" / "hash"
    target.mkdir(parents=True)
    target.parent.chmod(0o777)
    assert fetch_once(target, "it", _QUIET, lambda *_: None) == target
    assert target.parent.stat().st_mode & 0o777 == 0o775
    monkeypatch.setattr("os.geteuid", lambda: target.stat().st_uid + 1)
    if target.stat().st_uid:
        with pytest.raises(InstallError, match="another user"):
            fetch_once(target, "it", _QUIET, lambda *_: None)
    target.chmod(0o777)
    with pytest.raises(InstallError, match="another user"):
        fetch_once(target, "it", _QUIET, lambda *_: None)
