"""A Linux driver that recognises the Esc key at once, built on Textual's private key parser.

Importing this module raises ImportError where Textual lacks a name it needs; Textual's own driver is used then.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from typing import Final

from textual import constants
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

__all__ = ["KeyboardDriver"]

_ESCAPE: Final = "\x1b"

_LOOK: Final = 0.1
"""Seconds between two checks whether a key sequence is complete and whether the application is ending."""

_LOOKS: Final = 5
"""Number of such checks after each input; after them the driver blocks until the next input."""


_NEEDED: Final = ("_auto_restart", "_debug", "_must_signal_resume", "_sigcont_application", "exit_event", "fileno")

_SET = {*LinuxDriver.__init__.__code__.co_names, *Driver.__init__.__code__.co_names}

if missing := sorted(name for name in _NEEDED if name not in _SET and not hasattr(LinuxDriver, name)):
    raise ImportError(f"Textual's driver has no {', '.join(missing)} any more")


class KeyboardDriver(LinuxDriver):
    """Textual's Linux driver, but it waits for the rest of an escape sequence only for ESCDELAY milliseconds.

    Textual polls for this ten times a second, so Esc takes 100 ms or more whatever ESCDELAY says, and it keeps polling
    while no key is pressed.
    """

    _ending: tuple[int, int] | None = None
    """A pipe whose write end is closed when the application is about to end."""

    def start_application_mode(self) -> None:
        """Take over the terminal; see `LinuxDriver`."""
        if self._ending is None:
            self._ending = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _sigcont_application(self, *arguments: object) -> None:
        """Resume after a stop; without a SIGTSTP before it, first suspend the terminal and this driver's threads."""
        if self._auto_restart and not self._must_signal_resume:
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application(*arguments)

    def disable_input(self) -> None:
        """Stop reading keys; see `LinuxDriver`."""
        ending, self._ending = self._ending, None
        if ending is not None:
            os.close(ending[1])
        super().disable_input()
        if ending is not None:
            os.close(ending[0])

    def run_input_thread(self) -> None:
        """Read keys until the application ends or the terminal is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        ending = None if self._ending is None else self._ending[0]
        escaped, looks = False, 0
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            if ending is not None:
                selector.register(ending, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                pause = None if ending is not None and not looks else _LOOK
                ready = {key.fd for key, _ in selector.select(constants.ESCAPE_DELAY if escaped else pause)}
                if ending in ready:
                    self.exit_event.wait(_LOOK)
                looks = max(0, looks - 1)
                if self.fileno in ready:
                    looks = _LOOKS
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
