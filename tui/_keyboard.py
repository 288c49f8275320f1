"""A terminal's keys, read with Textual's private parser: Esc counts as soon as it can be no other key's beginning.

Importing this fails where Textual no longer has what it takes; then its own driver reads the keys.
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
"""Seconds between two looks whether what came last is all of a key, or whether the application ends."""

_LOOKS: Final = 5
"""How many such looks there are after something came; then nothing is waited for but what comes next."""


_NEEDED: Final = ("_auto_restart", "_debug", "_must_signal_resume", "_sigcont_application", "exit_event", "fileno")

_SET = {*LinuxDriver.__init__.__code__.co_names, *Driver.__init__.__code__.co_names}

if missing := sorted(name for name in _NEEDED if name not in _SET and not hasattr(LinuxDriver, name)):
    raise ImportError(f"Textual's driver has no {', '.join(missing)} any more")


class KeyboardDriver(LinuxDriver):
    """Textual's driver, which waits for what may follow an escape character as long as the environment's ESCDELAY says.

    Textual itself looks for that ten times a second only, so that Esc takes 100 ms and more, whatever ESCDELAY says;
    and it looks as often where no key comes for hours.
    """

    _ending: tuple[int, int] | None = None
    """A pipe whose far end is closed when the application is about to end."""

    def start_application_mode(self) -> None:
        """Take the terminal over; see `LinuxDriver`."""
        if self._ending is None:
            self._ending = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _sigcont_application(self, *arguments: object) -> None:
        """Go on after a stop; one that came without SIGTSTP left the terminal as it was, and this driver's threads."""
        if self._auto_restart and not self._must_signal_resume:
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application(*arguments)

    def disable_input(self) -> None:
        """Read no more keys; see `LinuxDriver`."""
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
