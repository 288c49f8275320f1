"""The screens look as they did when a person last looked at them, at three sizes."""

from __future__ import annotations

import pytest

from tests.tui.looking import SIZES
from tests.tui.snapshot import FOLDER, file_of, take


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_look_as_they_did(size: tuple[int, int]) -> None:
    taken = take(size)
    for name, text in taken.items():
        kept = file_of(name, size).read_text()
        assert text == kept, f"{name} looks different; look at it, then run python -m tests.tui.snapshot\n{text}"
    assert {file_of(name, size).name for name in taken} == {
        file.name for file in FOLDER.glob(f"*-{size[0]}x{size[1]}.txt")
    }
