"""The steps of a filmed tour: the methods that its file calls, and the caption band below the screen."""

from __future__ import annotations

import asyncio
import random
import re
import textwrap
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from textual import events
from textual.binding import Binding

from bridge.errors import OpsciError
from bridge.movement import Movement, encode_movement
from tui._textual import strips
from tui.actions import key_cap
from tui.recording.cast import Promise
from tui.recording.session import still

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.message_pump import MessagePump

    from tui.app import OpsciApp
    from tui.recording.cast import CastWriter
    from tui.recording.driver import Camera
    from tui.recording.pictures import Pictures
    from tui.recording.servers import Servers

__all__ = ["ROWS", "Player", "StepError", "caption_band"]


ROWS: Final = 4
"""Rows of the film below the application's."""

_GROUND: Final = "\x1b[0;48;2;24;38;66m"
_EDGE: Final = "\x1b[38;2;94;160;255m"
_TITLE: Final = "\x1b[1;38;2;140;190;255m"
_TEXT: Final = "\x1b[1;38;2;255;255;255m"
_CAP: Final = "\x1b[0;1;38;2;24;38;66;48;2;255;214;102m"
_MARGIN: Final = 3
_MOST_KEYS: Final = 6

LOOK: Final = 0.1
"""Seconds between two checks of the screen while waiting."""

PATIENCE: Final = 5.0
"""Seconds within which the application has handled a key, even on a busy machine."""

SETTLE: Final = 0.3
"""Seconds after a key press within which the application has drawn its effect."""

STROKE: Final = 0.09
"""Seconds between two typed characters, about 120 words a minute."""


def caption_band(width: int, top: int, caption: str, chapter: str, keys: list[str]) -> str:
    """Draw the caption band under the screen of a film: the caption, the chapter, and the latest keys.

    It is separate from the application: its rows are below the application's, so that it covers nothing, stays when
    windows open, and is the same for a player whatever the application draws.

    Args:
        width: columns.
        top: its first row, counted from 1.
        caption: wrapped to two lines; the rest is cut.
        chapter: the title.
        keys: labels of the pressed keys; the latest ones are shown.

    Returns:
        The output for the terminal.
    """
    lines = textwrap.wrap(caption, width - 2 * _MARGIN, max_lines=2, placeholder=" …")
    shown = keys[-_MOST_KEYS:]
    room = sum(len(key) + 3 for key in shown)
    title = chapter[: max(0, width - 2 * _MARGIN - room)]
    gap = width - _MARGIN - len(title) - room - 2
    caps = "".join(f"{_CAP} {key} {_GROUND} " for key in shown)
    rows = [
        f"{_TITLE}{title}{_GROUND}{' ' * gap}{caps}  ",
        *(f"{_TEXT}{line:<{width - _MARGIN}}" for line in [*lines, "", ""][:2]),
        " " * (width - _MARGIN),
    ]
    return "".join(
        f"\x1b[{top + number};1H{_GROUND}{_EDGE}▌{_GROUND}{' ' * (_MARGIN - 1)}{row}\x1b[0m"
        for number, row in enumerate(rows)
    )


class StepError(OpsciError):
    """A step failed.

    Args:
        why: what was wanted.
        screen: the screen at that time.
    """

    def __init__(self, why: str, screen: str) -> None:
        super().__init__(why)
        self.screen = screen


class Player:
    """Plays the steps of a tour. A step that fails raises a StepError.

    Args:
        app: the application.
        camera: its driver takes the keys.
        tape: the recording.
        pictures: takes pictures of the application.
        language: `en` or `fr`.
        servers: stops and starts servers.

    Attributes:
        promises: the promises of each chapter.
        picture: the still, once it was taken.
    """

    def __init__(
        self, app: OpsciApp, camera: Camera, tape: CastWriter, pictures: Pictures, *, language: str, servers: Servers
    ) -> None:
        self.promises: list[Promise] = []
        self.picture = ""
        self._app = app
        self._camera = camera
        self._tape = tape
        self._pictures = pictures
        self._language = language
        self._servers = servers
        self._caption = self._chapter = ""
        self._keys: list[str] = []
        self._hand = random.Random(7)  # noqa: S311 - a rhythm, the same each time
        self._aside: set[asyncio.Task[None]] = set()

    @property
    def screen(self) -> str:
        """The text of the screen, one line per row."""
        return "\n".join(strip.text for strip in strips(self._app))

    async def caption(self, en: str, fr: str) -> None:
        """Show a caption, in the film's language, until the next one."""
        self._caption = {"en": en, "fr": fr}[self._language]
        self._keys.clear()
        self.draw_caption_band()

    async def mark(self, en: str, fr: str, shows: str | tuple[str, ...] = ()) -> None:
        """Begin a chapter; `shows` are the texts that the screen must show by then, whatever plays the film."""
        promised = (shows,) if isinstance(shows, str) else shows
        for text in promised:
            await self.wait_for(text)
        self._chapter = {"en": en, "fr": fr}[self._language]
        self.draw_caption_band()
        await self._pictures.come_to_rest()
        screen = self._pictures.take()
        for text in promised:
            if text not in screen:
                raise StepError(f"no longer shown when the chapter begins: {text!r}", screen)
        self.promises.append(Promise(self._chapter, promised))
        self._tape.mark(self._chapter)

    async def type(self, text: str) -> None:
        """Type a text at a human pace."""
        self._note(text)
        for character in text:
            await self._press(character)
            await asyncio.sleep(STROKE * self._hand.uniform(0.6, 1.6))
        await asyncio.sleep(SETTLE)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, by name: `3`, `plus`, `enter`, `ctrl+f`."""
        for key in keys:
            self._note(key_cap(key))
            await self._press(key)
            await asyncio.sleep(SETTLE)

    async def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait at most so many seconds until a line of the screen contains a text."""
        await self._until(lambda: text in self.screen, f"not within {seconds:g} s: {text!r}", seconds)

    async def wait_match(self, pattern: str, seconds: float = 30) -> None:
        """Wait at most so many seconds until the screen matches a regular expression."""
        await self._until(
            lambda: re.search(pattern, self.screen) is not None, f"not within {seconds:g} s: {pattern}", seconds
        )

    async def wait_gone(self, text: str, seconds: float = 30) -> None:
        """Wait at most so many seconds until the screen no longer contains a text."""
        await self._until(lambda: text not in self.screen, f"still there after {seconds:g} s: {text!r}", seconds)

    async def wait_decided(self, seconds: float = 60) -> None:
        """Wait until every received movement is decided."""
        journal = self._app.engine.journal
        await self._until(
            lambda: journal.decided.total >= journal.received.total,
            f"not within {seconds:g} s: all that came over MQTT is decided",
            seconds,
        )

    async def pause(self, seconds: float) -> None:
        """Leave time to read."""
        await asyncio.sleep(seconds)

    async def publish(self, product: int, delta: int) -> None:
        """Publish a movement as an object would; returns once the broker acknowledges it."""
        movement = Movement(str(product), abs(delta), "IN" if delta > 0 else "OUT")
        try:
            await asyncio.wrap_future(self._app.engine.publish(encode_movement(movement)))
        except OpsciError as error:
            raise StepError(f"not published: {error}", self.screen) from error

    def objects(self, count: int, every: float, *, most: int = 16) -> None:
        """In the background, publish a movement every `every` seconds, for `most` products after the first five."""
        choose = random.Random(count)  # noqa: S311 - the same movements for each film

        async def send() -> None:
            for _ in range(count):
                # Strapi's row numbers vary, so take the products from the stock table.
                product = choose.choice(self._app.engine.journal.stock.products()[5:][:most])
                change = choose.choice((-1, 1, 1, 2, 3, 5))
                await self.publish(product.id, change if product.stock >= most else abs(change))
                await asyncio.sleep(every)

        self._meanwhile(send())

    async def stop_server(self, name: str) -> None:
        """Stop a server of the chain in the background; the screen shows when it has stopped."""
        self._meanwhile(self._servers.stop(name))

    async def start_server(self, name: str) -> None:
        """Start it again in the background; the screen shows when it is back."""
        self._meanwhile(self._servers.start(name))

    async def all_done(self, seconds: float = 60) -> None:
        """Wait for the background work: objects, and servers that stop or start."""
        await self._until(lambda: not self._aside, f"not within {seconds:g} s: what goes on meanwhile is done", seconds)

    def still(self) -> None:
        """Take the picture of `--svg` now, without the caption band; by default it is taken at the end."""
        self.picture = still(self._app)

    async def close(self) -> None:
        """Cancel the background work."""
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)

    def draw_caption_band(self) -> None:
        """Draw the caption band under the application."""
        width, height = self._app.size
        self._tape.output(caption_band(width, height + 1, self._caption, self._chapter, self._keys))

    @staticmethod
    def rows(height: int) -> int:
        """Return how many of a film's rows the application has."""
        return height - ROWS

    async def _press(self, key: str) -> None:
        driver = self._camera.driver
        if driver is None:
            raise StepError("the application has no driver yet", "")
        driver.process_message(key_event(key))
        # A busy machine may handle a key late, and the next one may be meant for what this one opens: wait until every
        # node on the key's path has handled its queue.
        app = self._app
        await _heard(app)
        focused = app.focused
        for node in (*(focused.ancestors_with_self if focused is not None else ()), app.screen, app):
            await _heard(node)

    def _note(self, shown: str) -> None:
        self._keys.append(shown)
        self.draw_caption_band()

    def _meanwhile(self, work: Coroutine[None, None, None]) -> None:
        self._aside.add(asyncio.ensure_future(work))

    async def _until(self, condition: Callable[[], bool], why: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            self._raise_from_aside()
            if not self._app.is_running:
                raise StepError(f"the application has ended; {why}", "")
            if loop.time() > deadline:
                raise StepError(why, self.screen)
            await asyncio.sleep(LOOK)
        self._raise_from_aside()

    def _raise_from_aside(self) -> None:
        for task in [task for task in self._aside if task.done()]:
            self._aside.discard(task)
            error = task.exception()
            if error is not None:
                raise StepError(f"what went on meanwhile failed: {error}", self.screen) from error


def key_event(key: str) -> events.Key:
    """Create the press of a key by Textual's name (`enter`, `ctrl+s`, `plus`) or of a printable character."""
    if len(key) != 1:
        return events.Key(key, " " if key == "space" else None)
    # Textual's binding syntax can't contain a literal comma or space.
    name = {",": "comma", " ": "space"}.get(key)
    if name is None:
        (binding,) = Binding.make_bindings([(key, "", "")])
        name = binding.key
    return events.Key(name, key)


async def _heard(node: MessagePump) -> None:
    """Wait until a node has handled the messages sent to it so far; returns at once if it is closing."""
    heard = asyncio.Event()
    if node.call_later(heard.set):
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), PATIENCE)
