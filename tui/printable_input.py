"""A line that takes printable text only."""

from __future__ import annotations

from textual.widgets import Input

__all__ = ["PrintableInput"]


class PrintableInput(Input):
    """A field whose text can be shown as it is: a paste cannot drive the terminal."""

    def validate_value(self, value: str) -> str:
        """Drop what is not printable."""
        return "".join(character for character in value if character.isprintable())
