"""The folders of state and cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs
import pytest

from bridge.known_servers import KnownServers
from stack.errors import StateError
from stack.lifecycle import reset
from stack.paths import Paths
from stack.report import Report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("named", [None, "", "/elsewhere"])
def test_the_folders_are_those_of_platformdirs(monkeypatch: pytest.MonkeyPatch, named: str | None) -> None:
    for variable in ("OPSCI_STATE", "OPSCI_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    if named is not None:
        monkeypatch.setenv("XDG_DATA_HOME", named)
        monkeypatch.setenv("XDG_CACHE_HOME", named)
    paths = Paths.of()
    assert paths.state == platformdirs.user_data_path("opsci")
    assert paths.cache == platformdirs.user_cache_path("opsci")


def test_the_environment_names_the_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSCI_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("OPSCI_CACHE", str(tmp_path / "cache"))
    assert Paths.of() == Paths(tmp_path / "state", tmp_path / "cache")
    assert Paths.of(tmp_path / "flag").state == tmp_path / "flag"


def test_a_folder_that_holds_something_else_is_refused_and_not_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    paths = Paths.of(tmp_path)
    with pytest.raises(StateError, match=r"thesis\.tex"):
        paths.claim()
    with pytest.raises(StateError, match="left alone"):
        reset(paths, Report(quiet=True))
    assert (tmp_path / "thesis.tex").exists()


def test_reset_removes_what_was_made_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Paths.of(tmp_path / "state")
    paths.claim()
    paths.claim()
    assert reset(paths, Report(quiet=True)) == 0
    assert not paths.state.exists()
    assert capsys.readouterr().out == f"removed {paths.state}: lock, logs\n"


def test_reset_lets_engines_know_that_its_cluster_is_gone_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))
    known = KnownServers.of("")
    known.note("kafka", ["127.0.0.1:9092"], "gone")
    known.note("kafka", ["elsewhere:9092"], "another")
    paths = Paths.of(tmp_path / "state")
    paths.claim()
    (paths.state / "kafka" / "data").mkdir(parents=True)
    (paths.state / "kafka" / "data" / "meta.properties").write_text("#\ncluster.id=gone\nversion=1\n")
    reset(paths, Report(quiet=True))
    assert known.identity("kafka", ["127.0.0.1:9092"]) is None
    assert known.identity("kafka", ["elsewhere:9092"]) == "another"
