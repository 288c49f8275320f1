"""The commented settings file and the README's table match the model; these tests fail when they are stale."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from bridge.settings import reference
from bridge.settings.names import SECTIONS, SETTINGS, limits
from bridge.settings.reference import README, SHIPPED, about, readme_with_table, settings_file
from bridge.settings.sources import find_lines

if TYPE_CHECKING:
    from pathlib import Path

AGAIN = "write it again: python -m bridge.settings.reference"


def test_the_shipped_file_and_the_readme_are_those_of_the_model() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == settings_file(), AGAIN
    readme = README.read_text(encoding="utf-8")
    assert readme == readme_with_table(readme), AGAIN


def test_every_setting_has_a_text_and_stands_in_the_file_below_it_with_its_limits() -> None:
    lines = settings_file().splitlines()
    places = find_lines("\n".join(lines))
    assert {*SETTINGS, *SECTIONS} <= places.keys()
    for key, setting in SETTINGS.items():
        assert all(about(key)), key
        start = places[key] - 1
        while lines[start - 1].startswith("#"):
            start -= 1
        comment = " ".join(line.removeprefix("# ") for line in lines[start : places[key] - 1])
        for paragraph in about(key):
            assert paragraph.strip() in comment, key
        if "number" in limits(setting.kind):
            assert limits(setting.kind) in comment, key


def test_a_time_says_its_unit() -> None:
    assert limits(SETTINGS["mqtt.keepalive"].kind) == "a whole number from 1 to 65,535, in seconds"
    assert limits(SETTINGS["kafka.timeout"].kind) == "a number above 0 to 86,400, in seconds"
    assert limits(SETTINGS["mqtt.in_flight"].kind) == "a whole number from 1 to 65,535 messages"


def test_a_readme_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        readme_with_table("# opsci\n")


def test_the_command_writes_both_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, readme = tmp_path / "opsci.toml", tmp_path / "README.md"
    readme.write_text("a\n\n| setting | default | meaning |\n|---|---|---|\n| `old` | 1 | stale |\n\nb\n")
    monkeypatch.setattr(reference, "SHIPPED", file)
    monkeypatch.setattr(reference, "README", readme)
    assert reference.main() == 0
    assert tomllib.loads(file.read_text())["mqtt"]["keepalive"] == 60
    written = readme.read_text()
    assert written.startswith("a\n\n| setting")
    assert written.endswith(" |\n\nb\n")
    assert "stale" not in written
    assert "`mqtt.url`" in written


def test_the_model_reads_its_texts_in_a_program_without_docstrings() -> None:
    code = "from bridge.settings.reference import about; print(about('mqtt.keepalive')[0])"
    said = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "The keep-alive interval: how often the engine shows the broker that it is alive.\n"
