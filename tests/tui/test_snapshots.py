"""The screens look the same as when a person last reviewed them, at three sizes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stack.paths import ROOT
from tests.tui.looking import SIZES
from tests.tui.snapshot import FOLDER, file_of


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_look_as_they_did(size: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "tests.tui.snapshot", *map(str, size)]
    taken = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=110).stdout)
    for name, text in taken.items():
        kept = file_of(name, size).read_text()
        assert text == kept, f"{name} looks different; look at it, then run python -m tests.tui.snapshot\n{text}"
    assert {file_of(name, size).name for name in taken} == {
        file.name for file in FOLDER.glob(f"*-{size[0]}x{size[1]}.txt")
    }
