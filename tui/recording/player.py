"""The player: the verbs of a tour, on an application that runs."""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.errors import OpsciError
from bridge.movement import Movement, encode_movement
from tui.recording._textual import key_event, strips
from tui.recording.band import ROWS, band, key_caps
from tui.recording.cast import Promise
from tui.recording.session import still
from tui.recording.tour import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.message_pump import MessagePump

    from tui.app import OpsciApp
    from tui.recording.driver import Camera
    from tui.recording.pictures import Pictures
    from tui.recording.servers import Servers
    from tui.recording.tape import Tape

__all__ = ["Player"]

LOOK: Final = 0.1
"""Seconds between two looks at the screen for what is waited for."""

PATIENCE: Final = 5.0
"""Seconds within which an application has handled a key, however busy the machine is."""

SETTLE: Final = 0.3
"""Seconds after a press within which the application has drawn what it makes of it."""

STROKE: Final = 0.09
"""Seconds between two characters that a person types, about 120 words a minute."""


class Player:
    """Does what a tour says. A step that can't be done raises a StepError.

    Args:
        app: the application.
        camera: whose driver takes the keys.
        tape: takes it down.
        pictures: takes pictures of it.
        language: `en` or `fr`.
        servers: what stops and starts servers.

    Attributes:
        promises: what was promised for each chapter.
        picture: the still, once one was taken.
    """

    def __init__(
        self, app: OpsciApp, camera: Camera, tape: Tape, pictures: Pictures, *, language: str, servers: Servers
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
        """What the screen shows, a line for each row."""
        return "\n".join(strip.text for strip in strips(self._app))

    async def caption(self, en: str, fr: str) -> None:
        """Tell something, in the film's language, until the next caption."""
        self._caption = {"en": en, "fr": fr}[self._language]
        self._keys.clear()
        self.draw_band()

    async def mark(self, en: str, fr: str, shows: str | tuple[str, ...] = ()) -> None:
        """Begin a chapter; `shows` is what the screen has to show by then, whatever plays the film."""
        promised = (shows,) if isinstance(shows, str) else shows
        for text in promised:
            await self.wait_for(text)
        self._chapter = {"en": en, "fr": fr}[self._language]
        self.draw_band()
        await self._pictures.come_to_rest()
        screen = self._pictures.take()
        for text in promised:
            if text not in screen:
                raise StepError(f"no longer shown when the chapter begins: {text!r}", screen)
        self.promises.append(Promise(self._chapter, promised))
        self._tape.mark(self._chapter)

    async def type(self, text: str) -> None:
        """Type a text at a person's pace."""
        self._note(text)
        for character in text:
            await self._press(character)
            await asyncio.sleep(STROKE * self._hand.uniform(0.6, 1.6))
        await asyncio.sleep(SETTLE)

    async def press(self, *keys: str) -> None:
        """Press keys by their names, one after the other: `3`, `plus`, `enter`, `ctrl+f`."""
        for key in keys:
            self._note(key_caps(key))
            await self._press(key)
            await asyncio.sleep(SETTLE)

    async def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until one line of the screen shows a text, for so many seconds at most."""
        await self._until(lambda: text in self.screen, f"not within {seconds:g} s: {text!r}", seconds)

    async def wait_match(self, pattern: str, seconds: float = 30) -> None:
        """Wait until the screen matches a regular expression, for so many seconds at most."""
        await self._until(
            lambda: re.search(pattern, self.screen) is not None, f"not within {seconds:g} s: {pattern}", seconds
        )

    async def wait_gone(self, text: str, seconds: float = 30) -> None:
        """Wait until the screen no longer shows a text, for so many seconds at most."""
        await self._until(lambda: text not in self.screen, f"still there after {seconds:g} s: {text!r}", seconds)

    async def wait_decided(self, seconds: float = 60) -> None:
        """Wait until every movement that came was decided."""
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
        """Publish a movement as an object would, done once the broker has it."""
        movement = Movement(str(product), abs(delta), "IN" if delta > 0 else "OUT")
        try:
            await asyncio.wrap_future(self._app.engine.publish(encode_movement(movement)))
        except OpsciError as error:
            raise StepError(f"not published: {error}", self.screen) from error

    def objects(self, count: int, every: float, *, most: int = 16) -> None:
        """Let objects send movements meanwhile, one each `every` seconds, to `most` products after the first five."""
        choose = random.Random(count)  # noqa: S311 - the same movements for each film

        async def send() -> None:
            for _ in range(count):
                # Strapi numbers its rows as it likes: the products are those that the board shows.
                product = choose.choice(self._app.engine.journal.stock.products()[5:][:most])
                change = choose.choice((-1, 1, 1, 2, 3, 5))
                await self.publish(product.id, change if product.stock >= most else abs(change))
                await asyncio.sleep(every)

        self._meanwhile(send())

    async def stop_server(self, name: str) -> None:
        """Stop a server of the chain, meanwhile; the screen says when it is gone."""
        self._meanwhile(self._servers.stop(name))

    async def start_server(self, name: str) -> None:
        """Start it again, meanwhile; the screen says when it is back."""
        self._meanwhile(self._servers.start(name))

    async def all_done(self, seconds: float = 60) -> None:
        """Wait for what goes on meanwhile: objects, servers that stop or start."""
        await self._until(lambda: not self._aside, f"not within {seconds:g} s: what goes on meanwhile is done", seconds)

    def still(self) -> None:
        """Take the picture of `--svg` now, without the band; else it is taken at the end."""
        self.picture = still(self._app)

    async def close(self) -> None:
        """End what goes on meanwhile."""
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)

    def draw_band(self) -> None:
        """Draw the band under the application."""
        width, height = self._app.size
        self._tape.output(band(width, height + 1, self._caption, self._chapter, self._keys))

    @staticmethod
    def rows(height: int) -> int:
        """How many of a film's rows the application has."""
        return height - ROWS

    async def _press(self, key: str) -> None:
        driver = self._camera.driver
        if driver is None:
            raise StepError("the application has no driver yet", "")
        driver.process_message(key_event(key))
        # A busy machine takes its time over a key, and the next one may be meant for what this one opens: it waits
        # until every node that the key passes has handled what stood before it.
        app = self._app
        await _heard(app)
        focused = app.focused
        for node in (*(focused.ancestors_with_self if focused is not None else ()), app.screen, app):
            await _heard(node)

    def _note(self, shown: str) -> None:
        self._keys.append(shown)
        self.draw_band()

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


async def _heard(node: MessagePump) -> None:
    """Wait until a node has handled what it was sent so far; one that is closing does no more."""
    heard = asyncio.Event()
    if node.call_later(heard.set):
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), PATIENCE)
