"""Where things are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs
import pytest

from stack.ending import reset
from stack.errors import StateError
from stack.places import Places
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
    places = Places.of()
    assert places.state == platformdirs.user_data_path("opsci")
    assert places.cache == platformdirs.user_cache_path("opsci")


def test_the_environment_names_the_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSCI_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("OPSCI_CACHE", str(tmp_path / "cache"))
    assert Places.of() == Places(tmp_path / "state", tmp_path / "cache")
    assert Places.of(tmp_path / "flag").state == tmp_path / "flag"


def test_a_folder_that_holds_something_else_is_refused_and_not_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    places = Places.of(tmp_path)
    with pytest.raises(StateError, match=r"thesis\.tex"):
        places.claim()
    with pytest.raises(StateError, match="left alone"):
        reset(places, Report(quiet=True))
    assert (tmp_path / "thesis.tex").exists()


def test_reset_removes_what_was_made_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = Places.of(tmp_path / "state")
    places.claim()
    places.claim()
    assert reset(places, Report(quiet=True)) == 0
    assert not places.state.exists()
    assert capsys.readouterr().out == f"removed {places.state}: lock, logs\n"
