"""The keys of the main screen, and what the help says of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding, BindingType

from tui.entry.amount_input import AmountInput
from tui.entry.prompt import AmountPrompt
from tui.find_bar import FindInput
from tui.form.field import PlainInput
from tui.form.form import MovementForm
from tui.letters.screen import LettersScreen
from tui.letters.view import LettersView
from tui.panes.line_view import LineView
from tui.panes.log_view import LogView
from tui.panes.pane import FilterInput
from tui.panes.stock import StockView
from tui.panes.stock_pane import StockPane
from tui.screens.record import RecordScreen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MAIN_KEYS", "help_sections"]

PANES: Final = Binding.Group("Panes", compact=True)

MAIN_KEYS: Final[Sequence[BindingType]] = (
    # With priority: such a key moves the focus before the next key that was typed is handed to it.
    Binding("1", "pane(1)", "MQTT", group=PANES, priority=True, id="focus.mqtt", tooltip="Go to the messages"),
    Binding("2", "pane(2)", "Kafka", group=PANES, priority=True, id="focus.kafka", tooltip="Go to the records"),
    Binding("3", "pane(3)", "Stock", group=PANES, priority=True, id="focus.stock", tooltip="Go to the stock"),
    Binding("4", "form", "Form", group=PANES, priority=True, id="focus.form", tooltip="Go to the form"),
    Binding("d", "letters", "Dead", id="letters.open", tooltip="The dead letters: mend, send again, drop"),
    Binding("z", "zoom", "Zoom", id="pane.zoom", tooltip="Give one pane the room of all three, and back"),
    Binding("right_square_bracket", "size(1)", "Wider", show=False, id="pane.wider", tooltip="Make the pane wider"),
    Binding("left_square_bracket", "size(-1)", "Narrower", show=False, id="pane.narrower", tooltip="Make it narrower"),
    Binding(
        "ctrl+f",
        "find",
        "Find",
        show=False,
        priority=True,
        id="find",
        tooltip="Find a movement by id, product or offset (p3@128) in all panes",
    ),
    # `g` goes to the first row, as in less; where there is none it is free.
    Binding(
        "ctrl+g",
        "simulate",
        "Simulate",
        show=False,
        priority=True,
        id="simulate",
        tooltip="Let simulated objects send movements, or stop them",
    ),
    Binding("g", "simulate", "Simulate", show=False, id="simulate.in_empty_pane", tooltip="The same, in an empty pane"),
    Binding("p", "presets", "Presets", show=False, id="presets", tooltip="Choose an amount that the settings name"),
    Binding("l", "latency", "Latency", show=False, id="latency", tooltip="How long each hop took, p50, p99, max"),
    Binding("t", "times", "Time", show=False, id="pane.times", tooltip="Times as ages, or as the time of day"),
    Binding("tab", "next_place(1)", "Next", show=False, id="focus.next", tooltip="Go to the next pane or field"),
    Binding("shift+tab", "next_place(-1)", "Previous", show=False, id="focus.previous", tooltip="Go back by one"),
    Binding("escape", "close", "Close", show=False, id="close", tooltip="Close or leave the innermost thing"),
    Binding("question_mark", "help", "Help", key_display="?", id="help", tooltip="Every key and every sign"),
    Binding("q", "app.quit", "Quit", id="quit", tooltip="Stop the chain and quit; ctrl+q does so anywhere"),
)


def help_sections() -> Sequence[tuple[str, Iterable[BindingType]]]:
    """The headings of the help, and the keys under each."""
    return (
        ("Everywhere", MAIN_KEYS),
        ("In a pane", LineView.BINDINGS),
        ("MQTT and Kafka", LogView.BINDINGS),
        ("Stock", (*StockPane.BINDINGS, *StockView.BINDINGS)),
        ("While an amount is typed on rows", (*AmountInput.BINDINGS, *AmountPrompt.BINDINGS)),
        ("Form", (*PlainInput.BINDINGS, *MovementForm.BINDINGS)),
        ("Dead letters", (*LettersView.BINDINGS, *LettersScreen.BINDINGS)),
        ("While a filter is typed", FilterInput.BINDINGS),
        ("While something is looked for", FindInput.BINDINGS),
        ("In a record's window", RecordScreen.BINDINGS),
    )
