"""Takes the README's picture on the real chain: `.venv/bin/python -m tests.tui.picture tui/pictures/screen.svg`."""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.embedded import EmbeddedChain
from bridge.journal import State
from bridge.settings.load import load_settings
from stack.local import LocalStack
from stack.paths import Paths
from stack.report import Report
from stack.seed import seed
from tests.tui.looking import main_screen, until, widget_text
from tui.app import OpsciApp

if TYPE_CHECKING:
    from bridge.journal import Journal

SIZE = (156, 40)
FROM_OBJECTS = 24
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.S)


async def take(chain: EmbeddedChain) -> str:
    """Let objects and a person move stock, and return what the terminal shows as SVG."""
    app = OpsciApp(chain)
    journal = chain.journal
    choose = random.Random(7)  # noqa: S311 - the same movements for each picture
    async with app.run_test(size=SIZE) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: all(one.state is State.UP for one in journal.connections.values()), 60)
        await until(pilot, lambda: len(journal.stock) > 20, 30)
        products = journal.stock.products()
        for number in range(FROM_OBJECTS):
            product = choose.choice(products[:18])
            kind = choose.choice(("IN", "OUT"))
            payload = b'{"id":%d,"amount":%d,"type":"%s"}' % (product.id, choose.randint(1, 9), kind.encode())
            if number == FROM_OBJECTS // 2:
                payload = b"Hello mqtt0"
            await asyncio.wrap_future(chain.publish(payload))
            # One after the other, as objects send: of a burst the times say how long the last ones queued.
            await until(pilot, partial(_has_decided, journal, number + 1), 30)
        await pilot.press("4", *str(products[2].id), "enter", *"+5", "enter")
        await until(pilot, lambda: " ms" in widget_text(screen.form.sent), 30)
        await pilot.press(*"-5000", "enter")
        await until(pilot, lambda: "refused: only" in widget_text(screen.form.sent), 30)
        await until(pilot, lambda: journal.decided.total == FROM_OBJECTS + 2, 30)
        await pilot.press(*"+2", "escape", "1", "up", "up")
        await until(pilot, lambda: screen.followed is not None)
        await pilot.pause(0.2)
        # A picture in a page loads no fonts from elsewhere.
        return _FONT_FACES.sub("", app.export_screenshot(title="opsci-tui"))


def _has_decided(journal: Journal, count: int) -> bool:
    return journal.decided.total >= count


def main() -> None:
    """Start temporary servers, seed them, take the picture, stop them."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, LocalStack(Path(state), report=Report(sys.stderr)) as stack:
        seed(Paths.of(Path(state)), Report(sys.stderr))
        chain = EmbeddedChain(load_settings(stack.settings_file, {}))
        try:
            target.write_text(asyncio.run(take(chain)))
        finally:
            chain.stop()


if __name__ == "__main__":
    main()
