"""The pictures of the page of ten questions: `.venv/bin/python -m tests.tui.questions tui/pictures`.

Each is taken at 120 x 40, and once more at a third of its size, from which the questions are answered.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image

from tests.tui.kinds import drawn, lines_of, opened

KINDS: Final = ("live", "down")
_SIZE: Final = (120, 40)


async def take(kind: str) -> Image.Image:
    """The picture of a kind."""
    async with opened(kind, _SIZE, "opsci-dark") as pilot:
        return drawn(lines_of(pilot.app))


def main() -> None:
    """Write the pictures."""
    folder = Path(sys.argv[1])
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    for kind in KINDS:
        picture = asyncio.run(take(kind))
        picture.quantize(256).save(folder / f"questions-{kind}.png", optimize=True)
        third = picture.resize((picture.width // 3, picture.height // 3), Image.Resampling.LANCZOS)
        third.save(folder / f"questions-{kind}-third.png", optimize=True)


if __name__ == "__main__":
    main()
