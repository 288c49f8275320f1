"""The keys of the main screen, and what the help says of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.binding import Binding, BindingType

from tui.entry.amount_input import AmountInput
from tui.entry.prompt import AmountPrompt
from tui.find_bar import FindInput
from tui.form.field import PlainInput
from tui.form.form import MovementForm
from tui.language import say
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

PANES: Final = Binding.Group(say("Panes"), compact=True)

MAIN_KEYS: Final[Sequence[BindingType]] = (
    # With priority: such a key moves the focus before the next key that was typed is handed to it.
    Binding(
        "1", "pane(1)", say("MQTT"), group=PANES, priority=True, id="focus.mqtt", tooltip=say("Go to the messages")
    ),
    Binding(
        "2", "pane(2)", say("Kafka"), group=PANES, priority=True, id="focus.kafka", tooltip=say("Go to the records")
    ),
    Binding("3", "pane(3)", say("Stock"), group=PANES, priority=True, id="focus.stock", tooltip=say("Go to the stock")),
    Binding("4", "form", say("Form"), group=PANES, priority=True, id="focus.form", tooltip=say("Go to the form")),
    Binding(
        "slash",
        "filter",
        say("Filter"),
        key_display="/",
        priority=True,
        id="pane.filter",
        tooltip=say("Show only what matches"),
    ),
    Binding("d", "letters", say("Dead"), id="letters.open", tooltip=say("The dead letters: mend, send again, drop")),
    Binding("z", "zoom", say("Zoom"), id="pane.zoom", tooltip=say("Give one pane the room of all three, and back")),
    Binding(
        "right_square_bracket", "size(1)", say("Wider"), show=False, id="pane.wider", tooltip=say("Make the pane wider")
    ),
    Binding(
        "left_square_bracket",
        "size(-1)",
        say("Narrower"),
        show=False,
        id="pane.narrower",
        tooltip=say("Make it narrower"),
    ),
    Binding(
        "ctrl+f",
        "find",
        say("Find"),
        show=False,
        priority=True,
        id="find",
        tooltip=say("Find a movement by id, product or offset (p3@128) in all panes"),
    ),
    # `g` goes to the first row, as in less; where there is none it is free.
    Binding(
        "ctrl+g",
        "simulate",
        say("Simulate"),
        show=False,
        priority=True,
        id="simulate",
        tooltip=say("Let simulated objects send movements, or stop them"),
    ),
    Binding(
        "g",
        "simulate",
        say("Simulate"),
        show=False,
        id="simulate.in_empty_pane",
        tooltip=say("The same, in an empty pane"),
    ),
    Binding(
        "p", "presets", say("Presets"), show=False, id="presets", tooltip=say("Choose an amount that the settings name")
    ),
    Binding(
        "l", "latency", say("Latency"), show=False, id="latency", tooltip=say("How long each hop took, p50, p99, max")
    ),
    Binding(
        "t", "times", say("Time"), show=False, id="pane.times", tooltip=say("Times as ages, or as the time of day")
    ),
    Binding(
        "tab", "next_place(1)", say("Next"), show=False, id="focus.next", tooltip=say("Go to the next pane or field")
    ),
    Binding(
        "shift+tab", "next_place(-1)", say("Previous"), show=False, id="focus.previous", tooltip=say("Go back by one")
    ),
    Binding("escape", "close", say("Close"), show=False, id="close", tooltip=say("Close or leave the innermost thing")),
    Binding("question_mark", "help", say("Help"), key_display="?", id="help", tooltip=say("Every key and every sign")),
    Binding("q", "app.quit", say("Quit"), id="quit", tooltip=say("Stop the chain and quit; ctrl+q does so anywhere")),
)


def help_sections() -> Sequence[tuple[str, Iterable[BindingType]]]:
    """The headings of the help, and the keys under each."""
    return (
        (say("Everywhere"), MAIN_KEYS),
        (say("In a pane"), LineView.BINDINGS),
        (say("MQTT and Kafka"), LogView.BINDINGS),
        (say("Stock"), (*StockPane.BINDINGS, *StockView.BINDINGS)),
        (say("While an amount is typed on rows"), (*AmountInput.BINDINGS, *AmountPrompt.BINDINGS)),
        (say("Form"), (*PlainInput.BINDINGS, *MovementForm.BINDINGS)),
        (say("Dead letters"), (*LettersView.BINDINGS, *LettersScreen.BINDINGS)),
        (say("While a filter is typed"), FilterInput.BINDINGS),
        (say("While something is looked for"), FindInput.BINDINGS),
        (say("In a record's window"), RecordScreen.BINDINGS),
    )
