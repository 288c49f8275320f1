"""Folders that were open to others: closed at the next start, and refused if another user could change their files."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from stack.errors import StateError
from stack.paths import Paths, keep_writers_out, make_private

if TYPE_CHECKING:
    from pathlib import Path

_STRANGER = 54_321

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file another user's")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o750])
def test_an_existing_state_is_closed_at_its_next_start(tmp_path: Path, mode: int) -> None:
    paths = Paths.of(tmp_path / "state", tmp_path)
    paths.claim(secure=True)
    secrets = [paths.credentials / "mosquitto.passwords", paths.bridge_token, paths.state / "strapi" / "data.db"]
    program = paths.state / "strapi" / "app" / "run.sh"
    for file in (*secrets, program):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("secret")
        file.chmod(0o666)
    program.chmod(0o755)
    outside = tmp_path / "outside"
    outside.write_text("not ours to close")
    outside.chmod(0o644)
    (paths.state / "link").symlink_to(outside)
    (paths.state / "gone").symlink_to(tmp_path / "nowhere")
    for folder in (paths.state, paths.credentials, program.parent):
        folder.chmod(mode)
    paths.claim()
    assert {_mode(folder) for folder in (paths.state, paths.credentials, program.parent)} == {0o700}
    assert {_mode(file) for file in secrets} == {0o600}
    assert _mode(program) == 0o700
    assert _mode(outside) == 0o644


def test_a_folder_of_something_else_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(StateError, match=r"thesis\.tex"):
        Paths.of(tmp_path).claim()
    assert _mode(tmp_path) == 0o755


def test_a_link_is_refused_with_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o755)
    (tmp_path / "state").symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match=rf"state is a symbolic link.* {tmp_path}/real"):
        Paths.of(tmp_path / "state").claim()
    assert list((tmp_path / "real").iterdir()) == []


@as_root
@pytest.mark.parametrize("planted", [".", "run.json", "strapi/app", "strapi/app/index.js", "link"])
def test_what_another_user_could_change_is_refused(tmp_path: Path, planted: str) -> None:
    paths = Paths.of(tmp_path / "state", tmp_path)
    paths.claim()
    (paths.state / "strapi" / "app").mkdir(parents=True)
    (paths.state / "strapi" / "app" / "index.js").touch()
    (paths.state / "run.json").touch()
    (paths.state / "link").symlink_to("/etc/passwd")
    os.chown(paths.state / planted, _STRANGER, -1, follow_symlinks=False)
    with pytest.raises(StateError, match=rf"belongs to another user \(uid {_STRANGER}"):
        paths.claim()


def test_a_file_that_a_server_removes_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").touch()
    monkeypatch.setattr(os, "walk", lambda *_, **__: [(str(tmp_path), ["no folder"], ["gone", "gone before"])])
    make_private(tmp_path)
    assert _mode(tmp_path / "gone") == 0o600


def test_no_one_else_may_write_where_programs_are_kept(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    keep_writers_out(tmp_path)
    assert _mode(tmp_path) == 0o755
    keep_writers_out(tmp_path / "none")
