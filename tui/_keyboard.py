"""A terminal's keys, read with Textual's private parser: Esc counts as soon as it can be no other key's beginning."""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from typing import Final

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

__all__ = ["KeyboardDriver"]

_ESCAPE: Final = "\x1b"

_LOOK: Final = 0.1
"""Seconds between two looks whether the application ends."""


class KeyboardDriver(LinuxDriver):
    """Textual's driver, which waits for what may follow an escape character as long as the environment's ESCDELAY says.

    Textual itself looks for that ten times a second only, so that Esc takes 100 ms and more, whatever ESCDELAY says.
    """

    def run_input_thread(self) -> None:
        """Read keys until the application ends or the terminal is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        escaped = False
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(constants.ESCAPE_DELAY if escaped else _LOOK):
                    data = os.read(self.fileno, 4096)
                    if not data:
                        break
                    text = decode(data)
                    if text:
                        escaped = text.endswith(_ESCAPE)
                        for event in parser.feed(text):
                            self.process_message(event)
                for event in parser.tick():
                    escaped = False
                    self.process_message(event)
        try:
            for _ in parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass
