"""The keyboard: Esc counts although nothing follows it, and keys whose sequence begins with it are recognised."""

from __future__ import annotations

import os
import queue
import selectors
import threading
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.drivers.linux_driver import LinuxDriver

from tui._keyboard import KeyboardDriver
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.message import Message

    from tests.tui.scripted import ScriptedEngine


class Keyboard(KeyboardDriver):
    """Reads keys from a pipe and keeps the resulting events."""

    def __init__(self, descriptor: int) -> None:
        self.fileno = descriptor
        self.exit_event = threading.Event()
        self.keys: queue.Queue[str] = queue.Queue()
        self._debug = False

    def process_message(self, message: Message) -> None:
        """Keep a key's name."""
        if isinstance(message, events.Key):
            self.keys.put(message.key)


class Typist:
    """A keyboard and the end of the pipe into which it is typed.

    Args:
        ending: set when the application ends.
    """

    def __init__(self, ending: tuple[int, int] | None = None) -> None:
        descriptor, self.end = os.pipe()
        self.keyboard = Keyboard(descriptor)
        self.keyboard._ending = ending
        self.thread = threading.Thread(target=self.keyboard.run_input_thread, daemon=True)
        self.thread.start()

    def type(self, data: bytes) -> None:
        """Send bytes in one piece."""
        os.write(self.end, data)

    def key(self) -> str:
        """The next recognised key."""
        return self.keyboard.keys.get(timeout=10)

    def hang_up(self) -> None:
        """Close the pipe, as when the terminal is gone."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1


@pytest.fixture
def typist() -> Iterator[Typist]:
    typist = Typist()
    yield typist
    typist.hang_up()
    typist.thread.join(10)
    os.close(typist.keyboard.fileno)
    assert not typist.thread.is_alive()


def test_escape_counts_though_nothing_follows(typist: Typist) -> None:
    typist.type(b"a\x1b")
    assert (typist.key(), typist.key()) == ("a", "escape")
    typist.type(b"\x1b")
    assert typist.key() == "escape"


def test_a_sequence_is_one_key_in_one_piece_or_two(typist: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.constants.ESCAPE_DELAY", 60.0)
    typist.type(b"\x1b[A")
    assert typist.key() == "up"
    typist.type(b"\x1b[")
    typist.type(b"B")
    assert typist.key() == "down"


def test_a_letter_may_come_in_two_pieces(typist: Typist) -> None:
    typist.type("é".encode()[:1])
    typist.type("é".encode()[1:])
    assert typist.key() == "é"


def test_a_terminal_that_is_gone_ends_it(typist: Typist) -> None:
    typist.hang_up()
    typist.thread.join(10)
    assert not typist.thread.is_alive()


def test_the_application_that_ends_ends_it(typist: Typist) -> None:
    typist.keyboard.exit_event.set()
    typist.thread.join(10)
    assert not typist.thread.is_alive()


def test_where_no_key_comes_it_looks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: queue.Queue[float | None] = queue.Queue()

    class Selector(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            waits.put(timeout)
            return super().select(timeout)

    monkeypatch.setattr("selectors.DefaultSelector", Selector)
    monkeypatch.setattr("tui._keyboard._LOOK", 0.001)
    ending = os.pipe()
    typist = Typist(ending)
    assert waits.get(timeout=10) is None
    typist.type(b"a")
    assert typist.key() == "a"
    assert [waits.get(timeout=10) for _ in range(6)] == [0.001] * 5 + [None]
    typist.keyboard.exit_event.set()
    os.close(ending[1])
    typist.thread.join(10)
    assert not typist.thread.is_alive()
    typist.hang_up()
    os.close(ending[0])
    os.close(typist.keyboard.fileno)


def test_it_is_the_driver_of_a_terminal(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert issubclass(OpsciApp(engine).driver_class, KeyboardDriver)
    monkeypatch.setattr("textual.constants.DRIVER", "textual.drivers.headless_driver:HeadlessDriver")
    assert not issubclass(OpsciApp(engine).driver_class, KeyboardDriver)


def test_textual_has_what_it_stands_in_for() -> None:
    assert "run_input_thread" in vars(LinuxDriver)
