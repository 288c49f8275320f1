"""A film of a tour as a cast: in real time on the chain, or stepped and reproducible on a staged one."""

from __future__ import annotations

import asyncio
import os
import selectors
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from tui._textual import timers_on
from tui.app import OpsciApp
from tui.recording.cast import BEGIN, Cast, CastWriter, Event, Header, Tour, ending
from tui.recording.colours import theme_of
from tui.recording.driver import Camera, StudioDriver
from tui.recording.pictures import Pictures
from tui.recording.servers import StagedServers
from tui.recording.session import still
from tui.recording.staged import StagedEngine
from tui.recording.tour import Player, StepError
from tui.recording.tour_file import TourError, load_tour, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bridge.settings import Settings
    from tui.engine import Engine
    from tui.recording.servers import Servers

__all__ = [
    "Film",
    "FilmSession",
    "GivenClock",
    "LeapingLoop",
    "Script",
    "Size",
    "film_live",
    "film_stepped",
    "full_colours",
    "given_time",
]


IDLE: Final = 8.0
"""Seconds after which a player cuts a pause: longer than any pause that a tour leaves for reading."""

_TERMINAL: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
_UNWANTED: Final = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TEXTUAL_DRIVER", "TEXTUAL_PRESS")

EPOCH: Final = 1_768_471_200.0
"""Start of a stepped film: 15 January 2026, 10:00 UTC."""


class Size(NamedTuple):
    """A film's size in cells, including the caption band's rows."""

    width: int
    height: int


class Script(NamedTuple):
    """What is filmed.

    Attributes:
        tour: the tour's file.
        language: of the captions, `en` or `fr`; the application's own texts use the language set by `speak`.
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
class FilmSession:
    """An application being filmed.

    Attributes:
        app: the application.
        pictures: takes pictures of its screen.
        tape: records them.
        player: plays a tour on it.
        events: the events recorded so far.
    """

    app: OpsciApp
    pictures: Pictures
    tape: CastWriter
    player: Player
    events: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, engine: Engine, language: str, servers: Servers, clock: Callable[[], float]) -> FilmSession:
        """Set up a session.

        Args:
            engine: the chain, not running yet; whoever created it stops it.
            language: of the captions.
            servers: stops and starts servers.
            clock: returns seconds; monotonic.
        """
        events: list[Event] = []
        camera, tape, app = Camera(), CastWriter(clock, events.append), OpsciApp(engine)
        pictures = Pictures(app, camera, tape)
        app.driver_class = StudioDriver.of(camera)
        tape.output(BEGIN)
        player = Player(app, camera, tape, pictures, language=language, servers=servers)
        return cls(app, pictures, tape, player, events)

    async def shoot(self, script: Script) -> Film:
        """Play a tour.

        Args:
            script: the tour, its language and size.

        Raises:
            TourError: the file is not a tour, or a step failed; names the step and what the screen showed.
        """
        play, began, picture = load_tour(script.tour), int(time.time()), ""

        async def pilot(_: object) -> None:
            nonlocal picture
            photographer = asyncio.ensure_future(self.pictures.go_on())
            try:
                self.player.draw_caption_band()
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
        engine: the chain, not running yet; whoever created it stops it.
        script: what is filmed.
        servers: stops and starts servers.

    Raises:
        TourError: the file is not a tour, or a step failed; names the step and what the screen showed.
    """
    with full_colours():
        return await FilmSession.of(engine, script.language, servers, asyncio.get_running_loop().time).shoot(script)


@contextmanager
def full_colours(**more: str) -> Iterator[None]:
    """Set the environment of a full-colour terminal, and more variables, within the context."""
    with _environment({**dict.fromkeys(_UNWANTED), **_TERMINAL, **more}):
        yield


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change environment variables within the context; None removes one."""
    before = dict(os.environ)
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class GivenClock:
    """A clock that stands still until it is advanced.

    What a program does on it depends only on the program, so every run is the same and as fast as possible. It works
    for code on a `LeapingLoop`; threads don't run on it.
    """

    def __init__(self) -> None:
        self._passed = 0.0

    def leap(self, seconds: float) -> None:
        self._passed += seconds

    def now(self) -> float:
        """Return seconds since the epoch, in place of `time.time`."""
        return EPOCH + self._passed

    def ticks(self) -> float:
        """Return seconds since an arbitrary start, in place of `time.monotonic`; initially a whole number."""
        return 1_000.0 + self._passed


class _LeapingSelector(selectors.DefaultSelector):
    def __init__(self, clock: GivenClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        self._clock.leap(timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop on a given clock.

    Args:
        clock: advanced by the loop to the next timer once nothing else is left to do.
    """

    def __init__(self, clock: GivenClock) -> None:
        super().__init__(_LeapingSelector(clock))
        self._clock = clock

    def time(self) -> float:
        """Return the seconds on the given clock."""
        return self._clock.ticks()


@contextmanager
def given_time(clock: GivenClock) -> Iterator[None]:
    """Make this process take its time from a clock, in UTC, within the context."""
    given = {"time": clock.now, "monotonic": clock.ticks, "perf_counter": clock.ticks}
    before = {name: getattr(time, name) for name in given}
    with timers_on(clock.ticks):
        try:
            with _environment({"TZ": "UTC"}):
                time.tzset()
                for name, function in given.items():
                    setattr(time, name, function)
                yield
        finally:
            for name, function in before.items():
                setattr(time, name, function)
            time.tzset()


def film_stepped(script: Script, settings: Settings | None = None) -> Film:
    """Film a tour without servers: the same bytes in every run, faster than real time.

    Args:
        script: what is filmed.
        settings: the screen's settings; the defaults if None.

    Raises:
        TourError: the file is not a tour, or a step failed; names the step and what the screen showed.
    """
    clock = GivenClock()

    async def film() -> Film:
        engine = StagedEngine(settings)
        return await FilmSession.of(engine, script.language, StagedServers(engine), clock.ticks).shoot(script)

    with (
        tempfile.TemporaryDirectory() as state,
        full_colours(XDG_STATE_HOME=state),
        given_time(clock),
        asyncio.Runner(loop_factory=lambda: LeapingLoop(clock)) as runner,
    ):
        return runner.run(film())
