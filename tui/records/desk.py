"""What the keys of a record do: put it on the clipboard or into a file, and say so."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import OpsciError
from bridge.journal import Journey
from bridge.text import readable
from tui.language import say, say_count
from tui.records.commands import kcat_command, mosquitto_command
from tui.records.lines import file_name, json_line, write_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.screen import Screen

    from bridge.journal import Product
    from bridge.settings import Settings
    from tui.panes.line_view import AnyView
    from tui.panes.record_keys import What

__all__ = ["RecordDesk"]


class RecordDesk:
    """Takes records along.

    Args:
        screen: where it is said what was done.
        settings: the servers that a command names.
    """

    def __init__(self, screen: Screen[None], settings: Settings) -> None:
        self._screen = screen
        self._settings = settings

    def take(self, what: What, item: Journey | Product, view: AnyView, name: str = "") -> None:
        """Do what a key of a record asks for; the form is not the desk's.

        Args:
            what: the key's.
            item: the record.
            view: the pane that it is from.
            name: what the pane is called in a file's name; empty for the pane's own.
        """
        name = name or view.identity
        match what:
            case "copy":
                self.copy(item)
            case "command":
                self.copy_command(item, view.identity)
            case "export":
                self.export([item], f"{name}-record")
            case "export_all":
                self.export(view.items(), name)

    def copy(self, item: Journey | Product) -> None:
        """Copy the payload as it came; one that is no text as hexadecimal, a product as JSON."""
        if not isinstance(item, Journey):
            self._copied(json_line(item), say("the product as JSON"))
            return
        size = say_count("{count} byte", "{count} bytes", len(item.payload))
        try:
            self._copied(item.payload.decode(), say("the payload, {size}").format(size=size))
        except UnicodeDecodeError:
            self._copied(
                item.payload.hex(), say("the payload as hexadecimal, as it is no text: {size}").format(size=size)
            )

    def copy_command(self, item: Journey | Product, pane: str) -> None:
        """Copy the command that repeats a record: that of Kafka in its pane and for what never came over MQTT."""
        if not isinstance(item, Journey):
            self._screen.notify(say("a product has no message to repeat; C is for the records of MQTT and Kafka"))
            return
        try:
            if pane == "kafka" or item.mqtt_topic is None:
                command = kcat_command(item, self._settings.kafka)
            else:
                command = mosquitto_command(item, self._settings.mqtt)
        except OpsciError as error:
            self._screen.notify(readable(say(error.text)), title=say("Not copied"), severity="error", markup=False)
            return
        name = "kcat" if "kcat -P" in command.text else "mosquitto_pub"
        self._copied(command.text, say("the {program} command that repeats it").format(program=name), command.hint)

    def export(self, items: Sequence[Journey | Product], pane: str) -> None:
        """Write records into a new file in the current folder, beside what the screen does."""
        if not items:
            self._screen.notify(say("there is no record to export"))
            return
        self._screen.app.run_worker(self._write(items, file_name(pane, time.time())))

    async def _write(self, items: Sequence[Journey | Product], name: str) -> None:
        folder = Path.cwd()
        try:
            path = await asyncio.to_thread(write_lines, folder, name, items)
        except OSError as error:
            why = say("{folder}: {why}; start opsci-tui in a folder that can be written").format(
                folder=folder, why=error.strerror or error
            )
            self._screen.notify(readable(why), title=say("Not exported"), severity="error", markup=False)
            return
        what = say_count("{count} record", "{count} records", len(items))
        self._screen.notify(
            readable(say("{what} in {path}").format(what=what, path=path)), title=say("Exported"), markup=False
        )

    def _copied(self, text: str, what: str, hint: str = "") -> None:
        self._screen.app.copy_to_clipboard(text)
        self._screen.notify(readable(f"{what}{f'. {hint}' if hint else ''}"), title=say("Copied"), markup=False)
