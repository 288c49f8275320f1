"""The studio: plays a tour on an application without a terminal and gives the film as a cast."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest import mock

from tui.recording.cast import Cast, Event, Header, Tour
from tui.recording.colours import theme_of
from tui.recording.driver import Camera, StudioDriver
from tui.recording.pictures import Pictures
from tui.recording.player import Player
from tui.recording.session import still
from tui.recording.tape import BEGIN, Tape, ending
from tui.recording.tour import StepError, TourError, load_tour, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tui.app import OpsciApp
    from tui.engine import Engine
    from tui.recording.servers import Servers

__all__ = ["Film", "Script", "Size", "Studio", "film_live", "full_colours"]

IDLE: Final = 8.0
"""Seconds after which a player cuts a pause: longer than any that a tour leaves for reading."""

_TERMINAL: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
_UNWANTED: Final = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TEXTUAL_DRIVER", "TEXTUAL_PRESS")


class Size(NamedTuple):
    """A film's size in cells, the band's rows among them."""

    width: int
    height: int


class Script(NamedTuple):
    """What is filmed.

    Attributes:
        tour: its file.
        language: of the captions, `en` or `fr`; the application's own texts are said as they are spoken already.
        size: of the film.
    """

    tour: Path
    language: str
    size: Size


class Film(NamedTuple):
    """What was filmed.

    Attributes:
        cast: the recording.
        picture: the still as SVG.
    """

    cast: Cast
    picture: str


@dataclass
class Studio:
    """An application before a camera.

    Attributes:
        app: which.
        pictures: what takes down what it shows.
        tape: what takes it down.
        player: what plays a tour on it.
        events: what was taken down so far.
    """

    app: OpsciApp
    pictures: Pictures
    tape: Tape
    player: Player
    events: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, engine: Engine, language: str, servers: Servers, clock: Callable[[], float]) -> Studio:
        """Set one up.

        Args:
            engine: the chain, which does not run yet; whoever made it stops it.
            language: of the captions.
            servers: what stops and starts servers.
            clock: seconds, never going back.
        """
        # Late: the screens say the names of their keys as they are imported, in the language that is spoken by then.
        from tui.app import OpsciApp  # noqa: PLC0415

        events: list[Event] = []
        camera, tape, app = Camera(), Tape(clock, events.append), OpsciApp(engine)
        pictures = Pictures(app, camera, tape)
        app.driver_class = StudioDriver.of(camera)
        tape.output(BEGIN)
        player = Player(app, camera, tape, pictures, language=language, servers=servers)
        return cls(app, pictures, tape, player, events)

    async def shoot(self, script: Script) -> Film:
        """Play a tour.

        Args:
            script: which, and how.

        Raises:
            TourError: the file is no tour, or a step can't be done: which, and what the screen showed.
        """
        play, began, picture = load_tour(script.tour), int(time.time()), ""

        async def pilot(_: object) -> None:
            nonlocal picture
            photographer = asyncio.ensure_future(self.pictures.go_on())
            try:
                self.player.draw_band()
                await play(self.player)
                self.pictures.take()
                picture = self.player.picture or still(self.app)
            finally:
                photographer.cancel()
                await asyncio.gather(photographer, return_exceptions=True)
                await self.player.close()
            self.app.exit()

        size = (script.size.width, self.player.rows(script.size.height))
        try:
            await self.app.run_async(size=size, mouse=False, auto_pilot=pilot)
        except StepError as error:
            raise TourError(f"{where(error, script.tour)}\n  {error}\nThe screen was:\n{error.screen}") from error
        except Exception as error:
            raise TourError(f"{where(error, script.tour)}\n  {type(error).__name__}: {error}") from error
        if self.app.return_code:
            raise TourError("the application failed while it was filmed")
        self.tape.output(ending(script.size.height))
        return Film(Cast(self._header(script, began), self.events), picture)

    def _header(self, script: Script, began: int) -> Header:
        return Header(
            script.size.width,
            script.size.height,
            timestamp=began,
            duration=round(self.events[-1].at, 3),
            title=f"opsci-tui, {script.tour.stem}",
            idle_time_limit=IDLE,
            env={"TERM": _TERMINAL["TERM"]},
            theme=theme_of(self.app),
            opsci=Tour(script.tour.name, script.language, tuple(self.player.promises)),
        )


async def film_live(engine: Engine, script: Script, servers: Servers) -> Film:
    """Film a tour in real time.

    Args:
        engine: the chain, which does not run yet; whoever made it stops it.
        script: what is filmed.
        servers: what stops and starts servers.

    Raises:
        TourError: the file is no tour, or a step can't be done: which, and what the screen showed.
    """
    with full_colours():
        return await Studio.of(engine, script.language, servers, asyncio.get_running_loop().time).shoot(script)


@contextmanager
def full_colours(**more: str) -> Iterator[None]:
    """An environment whose terminal has all colours, whatever this one's has, and some variables more."""
    with mock.patch.dict(os.environ, {**_TERMINAL, **more}):
        for name in _UNWANTED:
            os.environ.pop(name, None)
        yield
