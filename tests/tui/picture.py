"""Takes the README's pictures on the real chain: `.venv/bin/python -m tests.tui.picture tui/pictures/screen.svg`.

With `--watch` it is that of a screen that watches beside `opsci-bridge`, for `tui/pictures/watcher.svg`.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.embedded import EmbeddedChain
from bridge.journal import State
from bridge.settings.load import load_settings
from bridge.watch.running_engines import engines_at_broker
from stack.local import LocalStack
from stack.paths import Paths
from stack.report import Report
from stack.seed import seed
from tests.tui.looking import main_screen, until, widget_text
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        await until(pilot, lambda: "refused: " in widget_text(screen.form.sent), 30)
        await until(pilot, lambda: journal.decided.total == FROM_OBJECTS + 2, 30)
        await pilot.press(*"+2", "escape", "1", "up", "up")
        await until(pilot, lambda: screen.followed is not None)
        await pilot.pause(0.2)
        # A picture in a page loads no fonts from elsewhere.
        return _FONT_FACES.sub("", app.export_screenshot(title="opsci-tui"))


def _has_decided(journal: Journal, count: int) -> bool:
    return journal.decided.total >= count


@contextmanager
def _carried(settings: Path) -> Iterator[None]:
    """Run `opsci-bridge` in a process; a picture names no machine, so it says that it is on another one."""
    named = "socket.gethostname = lambda: 'classroom'"
    said = f"import runpy, socket; {named}; runpy.run_module('bridge', run_name='__main__')"
    engine = subprocess.Popen(
        [sys.executable, "-c", said, "run", "--config", str(settings), "--set", "watch.enabled=false"],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        engine.terminate()
        engine.wait(60)


def _chain_beside(settings: Path) -> EmbeddedChain:
    """A chain that watches, as soon as the engine has said that it carries."""
    deadline = time.monotonic() + 60
    while not asyncio.run(engines_at_broker(load_settings(settings, {}))):
        if time.monotonic() > deadline:
            msg = "opsci-bridge does not carry the chain"
            raise TimeoutError(msg)
    return EmbeddedChain(load_settings(settings, {}), role="auto")


def main() -> None:
    """Start temporary servers, seed them, take the picture, stop them."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    watches = "--watch" in sys.argv[2:]
    with tempfile.TemporaryDirectory() as state, LocalStack(Path(state), report=Report(sys.stderr)) as stack:
        seed(Paths.of(Path(state)), Report(sys.stderr))
        with _carried(stack.settings_file) if watches else nullcontext():
            chain = (
                _chain_beside(stack.settings_file) if watches else EmbeddedChain(load_settings(stack.settings_file, {}))
            )
            try:
                target.write_text(asyncio.run(take(chain)))
            finally:
                chain.stop()


if __name__ == "__main__":
    main()
