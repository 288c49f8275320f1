"""A field of the form: one line of printable text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.language import say
from tui.printable_input import PrintableInput

__all__ = ["PlainInput"]


class PlainInput(PrintableInput):
    """A field whose Enter sends the movement."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", say("Send"), id="form.send", tooltip=say("Publish the movement to MQTT")),
    ]
