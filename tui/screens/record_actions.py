"""Actions on records, for screens whose tables show them: opening, copying and exporting, with notifications."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import OpsciError
from bridge.journal import Journey
from bridge.text import UNSAFE, escaped_json, readable
from tui.actions import key_of
from tui.export import file_name, json_line, kcat_command, mosquitto_command, write_lines
from tui.format import count
from tui.language import say, say_count
from tui.screens.record import RecordScreen
from tui.widgets.footer import TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.screen import Screen

    from bridge.journal import Product
    from bridge.settings import Settings
    from tui.actions import What
    from tui.engine import Engine
    from tui.widgets.cursor import AnyView, LineView

__all__ = ["RecordActions", "RecordsScreen", "not_whole"]


def not_whole(journey: Journey) -> str:
    """Say how much of a payload is kept here, and where the whole payload is."""
    return say("the screen keeps {kept} bytes of this payload's {size}; read the record in Kafka").format(
        kept=count(len(journey.payload)), size=count(journey.size)
    )


class RecordActions:
    """Copies and exports records.

    Args:
        screen: shows the notifications.
        settings: the servers that a command names.
    """

    def __init__(self, screen: Screen[None], settings: Settings) -> None:
        self._screen = screen
        self._settings = settings

    def take(self, what: What, item: Journey | Product, view: AnyView, name: str = "") -> None:
        """Do what a key asks for with a record, except filling the form.

        Args:
            what: the action.
            item: the record.
            view: the pane that it is from.
            name: the pane's name in a file's name; empty for the pane's own.
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
        """Copy a product as JSON, or the payload unchanged unless it could control a terminal that it is pasted into.

        Unsafe characters in JSON are escaped, which changes nothing for its reader; other text that has some becomes a
        JSON string, and bytes that are not text become hexadecimal.
        """
        if not isinstance(item, Journey):
            self._copied(json_line(item), say("the product as JSON"))
            return
        size = say_count("{count} byte", "{count} bytes", item.size)
        if item.cut:
            self._not_copied(not_whole(item))
            return
        try:
            text = item.payload.decode()
        except UnicodeDecodeError:
            said = say("the payload as hexadecimal, as it is not text: {size}")
            self._copied(item.payload.hex(), said.format(size=size))
            return
        if not UNSAFE.search(text):
            self._copied(text, say("the payload, {size}").format(size=size))
        elif _is_json(text):
            self._copied(
                escaped_json(text), say("the payload, its control characters escaped: {size}").format(size=size)
            )
        else:
            said = say("the payload as a JSON string, as it has control characters: {size}")
            self._copied(json.dumps(text), said.format(size=size))

    def copy_command(self, item: Journey | Product, pane: str) -> None:
        """Copy the command that repeats a record: kcat in the Kafka pane and for what never came over MQTT."""
        if not isinstance(item, Journey):
            text = say("a product has no message to repeat; {key} is for the records of MQTT and Kafka")
            self._screen.notify(text.format(key=key_of("record.command")))
            return
        if item.cut:
            self._not_copied(not_whole(item))
            return
        try:
            if pane == "kafka" or item.mqtt_topic is None:
                command = kcat_command(item, self._settings.kafka)
            else:
                command = mosquitto_command(item, self._settings.mqtt)
        except OpsciError as error:
            self._not_copied(say(error.text))
            return
        name = "kcat" if "kcat -P" in command.text else "mosquitto_pub"
        self._copied(command.text, say("the {program} command that repeats it").format(program=name), command.hint)

    def export(self, items: Sequence[Journey | Product], pane: str) -> None:
        """Write records into a new file in the current folder, without blocking the screen."""
        if getattr(self._screen.app, "read_only", False):
            self._screen.notify(say("this screen is for looking only: it writes no files"))
            return
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

    def _not_copied(self, why: str) -> None:
        self._screen.notify(readable(why), title=say("Not copied"), severity="error", markup=False)

    def _copied(self, text: str, what: str, hint: str = "") -> None:
        self._screen.app.copy_to_clipboard(text)
        self._screen.notify(readable(f"{what}{f'. {hint}' if hint else ''}"), title=say("Copied"), markup=False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class RecordsScreen(TranslatedKeys[None]):
    """A screen that opens records, copies and exports them.

    Args:
        engine: the chain.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        with contextlib.suppress(ImportError):
            from tui._textual import draw_parts_only  # noqa: PLC0415 - not with a Textual that has changed

            draw_parts_only(self)
        self._engine = engine
        self._desk = RecordActions(self, engine.settings)

    @abstractmethod
    def fill(self, item: Journey | Product) -> None:
        """Use a record in a form or an editor; overridden where there is one."""

    def on_line_view_opened(self, event: LineView.Opened) -> None:
        self.open(event.view, event.item)

    def open(self, view: AnyView, item: Journey | Product) -> None:
        """Show a record of a view in full."""
        if isinstance(item, Journey):
            self.app.push_screen(RecordScreen(view, item, self._engine.settings.screen.frames))

    def on_line_view_wanted(self, event: LineView.Wanted) -> None:
        """Do something with a record."""
        if event.what == "fill":
            self.fill(event.item)
        else:
            self._desk.take(event.what, event.item, event.view)
