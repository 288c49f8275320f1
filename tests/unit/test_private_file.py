"""Files that only their owner can read, in places where others interfere."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from bridge.private_file import append_file, make_folder, new_file, replaced_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def lax() -> Iterator[None]:
    """Set a umask that forbids nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_file_passes_by_whatever_is_there(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("file", "link", "dangling", "folder", "free")]
    names[0].write_text("theirs")
    names[1].symlink_to(names[0])
    names[2].symlink_to(tmp_path / "elsewhere")
    names[3].mkdir()
    path, file = new_file(names)
    with file:
        file.write(b"ours")
    assert path == names[-1]
    assert (mode(path), path.read_text(), names[0].read_text()) == (0o600, "ours", "theirs")
    with pytest.raises(FileExistsError):
        new_file(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file", "folder", "free", "link"]


def test_what_is_appended_goes_through_no_link_and_is_closed_to_others(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("a")
    file.chmod(0o644)
    link.symlink_to(file)
    with append_file(file) as opened:
        opened.write(b"b")
    assert (mode(file), file.read_text()) == (0o600, "ab")
    with pytest.raises(OSError, match="symbolic links"):
        append_file(link)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    theirs, link = tmp_path / "theirs", tmp_path / "out.mp4"
    theirs.write_text("theirs")
    link.symlink_to(theirs)
    with replaced_file(link) as fresh:
        assert (mode(fresh), fresh.suffix) == (0o600, ".mp4")
        fresh.write_text("ours")
    assert not link.is_symlink()
    assert (mode(link), link.read_text(), theirs.read_text()) == (0o600, "ours", "theirs")


def test_a_file_of_ones_own_keeps_its_permissions_and_a_failure_keeps_the_file(tmp_path: Path) -> None:
    file = tmp_path / "out.cast"
    file.write_text("before")
    file.chmod(0o644)
    with pytest.raises(RuntimeError), replaced_file(file) as fresh:
        fresh.write_text("half")
        raise RuntimeError
    assert file.read_text() == "before"
    with replaced_file(file) as fresh:
        fresh.write_text("after")
    assert (mode(file), file.read_text()) == (0o644, "after")
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    link = tmp_path / "out"
    link.symlink_to("/dev/null")
    with replaced_file(link) as there:
        there.write_text("gone")
    assert link.is_symlink()


def test_a_folder_of_our_own_is_closed_and_any_other_keeps_its_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, name in (("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")):
        monkeypatch.setenv(variable, str(tmp_path / name))
        make_folder(tmp_path / name / "opsci")
        assert mode(tmp_path / name / "opsci") == 0o700
        (tmp_path / name / "opsci").chmod(0o777)
        make_folder(tmp_path / name / "opsci")
        assert mode(tmp_path / name / "opsci") == 0o700
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    make_folder(shared)
    assert mode(shared) == 0o755
    (tmp_path / "config" / "opsci").rmdir()
    (tmp_path / "config" / "opsci").symlink_to(shared)
    make_folder(tmp_path / "config" / "opsci")
    assert mode(shared) == 0o755
