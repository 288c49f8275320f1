"""The keys of a record: what can be done with it, in a pane and in the record's window."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from textual.binding import Binding

from tui.language import say

__all__ = ["RECORD_KEYS", "What"]

RECORD_KEYS: Final = (
    Binding("c", "want('copy')", say("Copy"), show=False, id="record.copy", tooltip=say("Copy the payload")),
    Binding(
        "C",
        "want('command')",
        say("Command"),
        show=False,
        id="record.command",
        tooltip=say("Copy the mosquitto_pub or kcat command that repeats the record as a new movement"),
    ),
    Binding(
        "e",
        "want('export')",
        say("Export"),
        show=False,
        id="record.export",
        tooltip=say("Write the record into a file as JSON"),
    ),
    Binding(
        "E",
        "want('export_all')",
        say("Export all"),
        show=False,
        id="record.export_all",
        tooltip=say("Write all records that the pane shows into a file, one JSON object a line"),
    ),
    Binding(
        "r", "want('fill')", say("Repeat"), show=False, id="record.fill", tooltip=say("Put the movement into the form")
    ),
)
"""The same keys wherever a record is shown."""

What: TypeAlias = Literal["copy", "command", "export", "export_all", "fill"]
