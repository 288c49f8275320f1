"""One key starts the simulated objects after two questions, and stops them without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import OpsciError
from bridge.text import readable
from tui.language import say
from tui.simulator.screen import SimulatorScreen
from tui.simulator.wish import Wish

if TYPE_CHECKING:
    from concurrent.futures import Future

    from textual.screen import Screen

    from tui.engine import Engine

__all__ = ["SimulatorConductor"]


class SimulatorConductor:
    """Starts and stops.

    Args:
        screen: where it is asked, and said what did not work.
        engine: where the objects are.
    """

    def __init__(self, screen: Screen[None], engine: Engine) -> None:
        self.wish = Wish()
        """What was asked for last."""
        self._screen = screen
        self._engine = engine
        self._answer: Future[None] | None = None

    def toggle(self) -> None:
        """Stop them where they run, else ask how many shall send."""
        if self._engine.simulation.running:
            self._engine.stop_simulator()
        else:
            mqtt = self._engine.settings.mqtt
            asked = SimulatorScreen(self.wish, readable(mqtt.publish_topic), marked=mqtt.version == "5")
            self._screen.app.push_screen(asked, self._start)

    def pull(self) -> None:
        """Say where they could not start."""
        answer = self._answer
        if answer is None or not answer.done():
            return
        self._answer = None
        error = None if answer.cancelled() else answer.exception()
        if error is not None:
            said = say(error.text) if isinstance(error, OpsciError) else f"{type(error).__name__}: {error}"
            self._screen.notify(readable(said), title=say("Not simulated"), severity="error", markup=False)

    def _start(self, wish: Wish | None) -> None:
        if wish is not None:
            self.wish = wish
            self._answer = self._engine.start_simulator(wish.objects, wish.rate)
