"""The line at the bottom in which one types what to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, Static

from tui.language import say, say_count
from tui.printable_input import PrintableInput
from tui.slices import Slices

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.finding import Finder, Hit

__all__ = ["FindBar", "FindInput"]


class FindInput(PrintableInput):
    """Where it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", say("Find"), id="find.next", tooltip=say("Find it; again goes on to the next one")),
        Binding("escape", "leave", say("Close"), id="find.close", tooltip=say("Go to what was found")),
    ]

    def action_leave(self) -> None:
        """Close the line."""
        self.post_message(FindBar.Left())


class FindBar(Horizontal):
    """Asks what to find, and says how much was.

    Args:
        finder: what finds it.
    """

    @dataclass
    class Found(Message):
        """Something was found, the first time or again."""

        hit: Hit

    @dataclass
    class Left(Message):
        """Nothing more is to be found."""

    def __init__(self, finder: Finder) -> None:
        super().__init__(id="find")
        self._finder = finder
        self._awaited = False
        self._slices = Slices(self, self._look)

    def compose(self) -> ComposeResult:
        """What is typed, and what was found."""
        yield Label(say("find"))
        yield FindInput(placeholder=say("movement-id, product or p3@128"), compact=True, select_on_focus=True)
        yield Static(id="found", markup=False)

    @property
    def input(self) -> FindInput:
        """Where it is typed."""
        return self.query_one(FindInput)

    def open(self) -> None:
        """Show the line and type into it."""
        self.add_class("open")
        self.tell(say("Enter finds it, and the next one; Esc goes there"))
        self.screen.set_focus(self.input)

    def close(self) -> None:
        """Take the line away."""
        self.remove_class("open")

    def tell(self, found: str) -> None:
        """Say what was found."""
        self.query_one("#found", Static).update(Content(found), layout=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for it, or go on to the next of it."""
        event.stop()
        self._finder.seek(event.value)
        self._awaited = True
        self._slices.go()
        self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed here from the panes' filters."""
        event.stop()

    def _look(self, seconds: float) -> bool:
        looking = self._finder.look(seconds)
        if self._awaited and (hit := self._finder.next()) is not None:
            self._awaited = False
            self.post_message(self.Found(hit))
        self._awaited = self._awaited and looking
        self._tell()
        return looking and self.has_class("open")

    def _tell(self) -> None:
        finder = self._finder
        if not finder.hits and not finder.looking:
            self.tell(say("not found in what the panes show: a filter or x may hide it, or it is no longer kept"))
            return
        place = (
            say("{place} of {count}").format(place=f"{finder.place + 1:,}", count=f"{len(finder.hits):,}")
            if finder.hits
            else ""
        )
        looking = say_count("looking, {count} to go", "looking, {count} to go", finder.left) if finder.looking else ""
        self.tell(" · ".join(filter(None, (place, looking))))
