"""A field of the form: one line of printable text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

__all__ = ["PlainInput"]


class PlainInput(Input):
    """A field that takes printable text only: a paste cannot drive the terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", id="form.send", tooltip="Publish the movement to MQTT"),
    ]

    def validate_value(self, value: str) -> str:
        """Drop what is not printable."""
        return "".join(character for character in value if character.isprintable())
