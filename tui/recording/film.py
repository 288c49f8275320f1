"""A film of a tour, as a cast: in real time on the chain, or in steps on a staged one, the same at every run."""

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
from tui.recording.tour import Player, StepError, TourError, load_tour, where

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
"""Seconds after which a player cuts a pause: longer than any that a tour leaves for reading."""

_TERMINAL: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
_UNWANTED: Final = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TEXTUAL_DRIVER", "TEXTUAL_PRESS")

EPOCH: Final = 1_768_471_200.0
"""When a stepped film begins: 15 January 2026, 10:00 UTC."""


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
class FilmSession:
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
    tape: CastWriter
    player: Player
    events: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, engine: Engine, language: str, servers: Servers, clock: Callable[[], float]) -> FilmSession:
        """Set one up.

        Args:
            engine: the chain, which does not run yet; whoever made it stops it.
            language: of the captions.
            servers: what stops and starts servers.
            clock: seconds, never going back.
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
        return await FilmSession.of(engine, script.language, servers, asyncio.get_running_loop().time).shoot(script)


@contextmanager
def full_colours(**more: str) -> Iterator[None]:
    """An environment whose terminal has all colours, whatever this one's has, and some variables more."""
    with _environment({**dict.fromkeys(_UNWANTED), **_TERMINAL, **more}):
        yield


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change environment variables, None takes one away, and give the environment back as it was."""
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
    """A clock that stands still until it is moved on.

    What a program does on it depends on nothing but the program, so it does the same at every run, and as fast as it
    can. It holds for what runs on a `LeapingLoop`; a thread would be overtaken.
    """

    def __init__(self) -> None:
        self._passed = 0.0

    def leap(self, seconds: float) -> None:
        self._passed += seconds

    def now(self) -> float:
        """Seconds since the epoch, in place of `time.time`."""
        return EPOCH + self._passed

    def ticks(self) -> float:
        """Seconds since some beginning, in place of `time.monotonic`; a whole number at first."""
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
        clock: moved on by the loop to its next timer once nothing is left to do before that.
    """

    def __init__(self, clock: GivenClock) -> None:
        super().__init__(_LeapingSelector(clock))
        self._clock = clock

    def time(self) -> float:
        """Seconds on the given clock."""
        return self._clock.ticks()


@contextmanager
def given_time(clock: GivenClock) -> Iterator[None]:
    """Let this process take its time from a clock, in UTC, for as long as this lasts."""
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
    """Film a tour without servers: the same bytes at every run, faster than it plays.

    Args:
        script: what is filmed.
        settings: what the screen is shown with; the defaults where nothing is said.

    Raises:
        TourError: the file is no tour, or a step can't be done: which, and what the screen showed.
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
