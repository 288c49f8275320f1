"""The window for simulated objects: asks for their number and rate, and one key starts and stops them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from bridge.errors import OpsciError
from bridge.simulator import MOST_OBJECTS, RATES
from bridge.text import readable
from tui.actions import bindings, key_of
from tui.format import percent, rate
from tui.language import say, say_count
from tui.outcome import STYLES, Tone
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PrintableInput

if TYPE_CHECKING:
    from concurrent.futures import Future

    from textual.app import ComposeResult
    from textual.screen import Screen

    from tui.engine import Engine

__all__ = ["SimulatorController", "SimulatorRequest", "SimulatorScreen", "read_request"]


_OBJECTS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_RATE: Final = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,3})?", re.ASCII)
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9])?", re.ASCII)


class SimulatorRequest(NamedTuple):
    """What to simulate.

    Attributes:
        objects: number of objects.
        rate: messages per second of all objects together.
        errors: the share of messages that can't be applied, on purpose, 0 to 1.
    """

    objects: int = 20
    rate: float = 10.0
    errors: float = 0.0


def read_request(objects: str, rate: str, errors: str = "0") -> SimulatorRequest | str:
    """Read what was typed.

    Returns:
        The request, or a sentence that says what to correct.
    """
    if not _OBJECTS.fullmatch(objects.strip()) or not 1 <= int(objects) <= MOST_OBJECTS:
        return say("objects: type a whole number from 1 to {most:,}").format(most=MOST_OBJECTS)
    wanted = float(rate.replace(",", ".")) if _RATE.fullmatch(rate.strip()) else 0.0
    if not RATES[0] <= wanted <= RATES[1]:
        return say("rate: type messages a second from {least} to {most:,.0f}").format(least=RATES[0], most=RATES[1])
    share = float(errors.strip().replace(",", ".")) if _PERCENT.fullmatch(errors.strip()) else -1.0
    if not 0 <= share <= 100:
        return say("errors: type a percentage from 0 to 100")
    return SimulatorRequest(int(objects), wanted, share / 100)


class SimulatorScreen(ModalScreen[SimulatorRequest | None], TranslatedKeys[SimulatorRequest | None]):
    """A window with three numbers; returns what to simulate, or None.

    Args:
        last: what was typed last time.
        topic: where the objects publish.
        marked: whether their messages can be marked as simulated, which needs MQTT 5.
    """

    BINDINGS = bindings("simulator")

    def __init__(self, last: SimulatorRequest, topic: str, *, marked: bool = True) -> None:
        super().__init__()
        self._marked = marked
        self._last = last
        self._topic = topic

    def compose(self) -> ComposeResult:
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Simulate objects"))
            with Horizontal(classes="asked"):
                yield Label(say("objects"))
                yield PrintableInput(str(self._last.objects), compact=True, id="objects", max_length=6)
                yield Label(say("messages a second"))
                yield PrintableInput(f"{self._last.rate:g}", compact=True, id="rate", max_length=8)
            with Horizontal(classes="asked"):
                yield Label(say("deliberate errors, in %"))
                yield PrintableInput(f"{self._last.errors * 100:g}", compact=True, id="errors", max_length=5)
            yield Static(id="wished", markup=False)
        yield KeysFooter()

    def on_input_changed(self) -> None:
        """Describe what would be simulated."""
        request = self._request
        if isinstance(request, str):
            said = Content.styled(f"▲ {request}", STYLES[Tone.OUT])
        else:
            marked = say("{objects} would send {rate} to {topic}, each marked as simulated. {key} starts.")
            plain = say(
                "{objects} would send {rate} to {topic}; MQTT 3.1.1 carries no mark that says so. {key} starts."
            )
            objects = say_count("{count} object", "{count} objects", request.objects)
            text = marked if self._marked else plain
            key = key_of("simulator.begin")
            said = Content(text.format(objects=objects, rate=rate(request.rate), topic=self._topic, key=key))
            if request.errors:
                share = percent(request.errors)
                what = say("{share} of it can't be applied: unknown products, more than the stock, no movements.")
                said = Content.assemble(said, "\n", (what.format(share=share), STYLES[Tone.OUT]))
        self.query_one("#wished", Static).update(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Close with the request if it is valid."""
        request = self._request
        if isinstance(request, SimulatorRequest):
            self.dismiss(request)

    def action_leave(self) -> None:
        """Close without starting."""
        self.dismiss(None)

    @property
    def _request(self) -> SimulatorRequest | str:
        return read_request(*(self.query_one(f"#{name}", Input).value for name in ("objects", "rate", "errors")))


class SimulatorController:
    """Starts and stops the simulated objects.

    Args:
        screen: shows the window and errors.
        engine: runs the objects.
    """

    def __init__(self, screen: Screen[None], engine: Engine) -> None:
        self.request = SimulatorRequest()
        """The last request."""
        self._screen = screen
        self._engine = engine
        self._answer: Future[None] | None = None

    def toggle(self) -> None:
        """Stop the objects if they run, else ask how many to start."""
        if self._engine.simulation.running:
            self._engine.stop_simulator()
        else:
            mqtt = self._engine.settings.mqtt
            asked = SimulatorScreen(self.request, readable(mqtt.publish_topic), marked=mqtt.version == "5")
            self._screen.app.push_screen(asked, self._start)

    def pull(self) -> None:
        """Report if they could not start."""
        answer = self._answer
        if answer is None or not answer.done():
            return
        self._answer = None
        error = None if answer.cancelled() else answer.exception()
        if error is not None:
            said = say(error.text) if isinstance(error, OpsciError) else f"{type(error).__name__}: {error}"
            self._screen.notify(readable(said), title=say("Not simulated"), severity="error", markup=False)

    def _start(self, request: SimulatorRequest | None) -> None:
        if request is not None:
            self.request = request
            self._answer = self._engine.start_simulator(*request)
