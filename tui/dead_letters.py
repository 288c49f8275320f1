"""The dead letters that wait for the user, and the file that remembers the handled ones."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import platformdirs

from bridge.errors import OpsciError
from bridge.private_file import append_file, make_folder, replaced_file, set_aside
from bridge.text import readable
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from bridge.journal import DeadLetter, Journey
    from tui.engine import Engine

__all__ = ["Handled", "PendingLetters", "handled_file"]


POLL: Final = 2.0
"""Seconds between two reads from Kafka for letters that other engines wrote."""

PACE: Final = 100
"""Letters resent per second at most."""

AT_ONCE: Final = 50
"""Resent letters that may wait for the broker's acknowledgement at once."""

How = Literal["sent again", "mended", "dropped", "archived"]

KEPT: Final = 20_000
"""Handled letters remembered at most; beyond that the file is cut to the latest half."""


class PendingLetters:
    """The waiting dead letters by movement-id.

    Args:
        engine: reads the letters and sends them again.
        handled: the letters handled already.
        since: number of errors in the engine's journal to skip, as they are from another Kafka.
    """

    def __init__(self, engine: Engine, handled: Handled, since: int = 0) -> None:
        self.version = 0
        """Grows with every change of the waiting letters."""
        self.trouble = ""
        """The latest error, for the user."""
        self.damage = ""
        """What is wrong with the file of handled letters, for the user."""
        if handled.damage is not None:
            self.damage = say(
                "the file of the letters that were dealt with was damaged and is kept as {file}: some may show again"
            ).format(file=handled.damage)
        self._engine = engine
        self._handled = handled
        self._letters: dict[str, DeadLetter] = {}
        self._seen = since
        self._reading: Future[list[DeadLetter]] | None = None
        self._read_at = 0.0
        self._queue: deque[DeadLetter] = deque()
        self._begun = (0.0, 0)
        self.wanted = 0
        """Number of letters that `send_all` is to resend, 0 while it isn't running."""
        self._under_way: dict[str, tuple[How, Future[Journey]]] = {}

    def go_on_with(self, engine: Engine) -> None:
        """Continue with the next engine, which has the same dead letters, and read them all again."""
        if engine is not self._engine:
            self._engine = engine
            self._reading = None

    def __len__(self) -> int:
        return len(self._letters)

    def get(self, movement_id: str) -> DeadLetter | None:
        """Return a waiting letter, or None."""
        return self._letters.get(movement_id)

    def waiting(self) -> list[DeadLetter]:
        """Return the waiting letters in order of time."""
        return sorted(self._letters.values(), key=lambda letter: (letter.at, letter.partition, letter.offset))

    def is_under_way(self, movement_id: str) -> bool:
        """Return whether a letter is being resent."""
        return movement_id in self._under_way

    def read(self) -> None:
        """Start reading the letters in Kafka, unless a read is under way."""
        if self._reading is None:
            self._reading = self._engine.letters()

    def pull(self) -> None:
        """Process new letters and finished resends, resend more of the queue, and read Kafka again when due."""
        now = time.monotonic()
        if self._reading is not None and self._reading.done():
            answer, self._reading = self._reading, None
            self._read_at = now
            if not answer.cancelled() and answer.exception() is None:
                for letter in answer.result():
                    self._note(letter)
        elif self._read_at and now - self._read_at > POLL:
            self.read()
        errors = self._engine.journal.errors
        upto = errors.next
        for letter in errors.slice(self._seen, upto):
            self._note(letter)
        self._seen = upto
        for movement_id, (how, sent) in list(self._under_way.items()):
            if sent.done():
                self._settle(movement_id, how, sent)
        self._send_more(now)

    @property
    def sent(self) -> int:
        """Return how many of the letters to resend were acknowledged or refused by the broker."""
        return self.wanted - len(self._queue) - len(self._under_way)

    def send_all(self, letters: Sequence[DeadLetter]) -> None:
        """Queue waiting letters to be resent at a limited rate, which `pull` carries out."""
        self._queue = deque(letter for letter in letters if letter.journey.movement_id not in self._under_way)
        self.wanted = len(self._queue)
        self._begun = time.monotonic(), self.wanted
        self.trouble = ""

    def stop_sending(self) -> bool:
        """Drop the queue of letters to resend; those under way continue.

        Returns:
            Whether some were left.
        """
        left = len(self._queue)
        if left:
            done, wanted = f"{self.wanted - left:,}", f"{self.wanted:,}"
            self.trouble = say("stopped: {done} of {wanted} were sent again").format(done=done, wanted=wanted)
        self._queue.clear()
        self.wanted = 0
        return left > 0

    def _send_more(self, now: float) -> None:
        begun, wanted = self._begun
        while self._queue and len(self._under_way) < AT_ONCE and wanted - len(self._queue) <= (now - begun) * PACE:
            letter = self._queue.popleft()
            if letter.journey.movement_id in self._letters:
                trouble, self.trouble = self.trouble, ""
                self.send_again(letter)
                self.trouble = trouble
        if self.wanted and not self._queue and not self._under_way:
            self.wanted = 0

    def send_again(self, letter: DeadLetter, payload: bytes | None = None) -> Future[Journey] | None:
        """Send a letter as a new movement; it is handled once the broker has it.

        Args:
            letter: which.
            payload: what to send instead, None sends the original bytes.

        Returns:
            The broker's answer; None if the letter is being resent already, or no longer waits.
        """
        movement_id = letter.journey.movement_id
        if movement_id not in self._letters or movement_id in self._under_way:
            return None
        how: How = "sent again" if payload is None else "mended"
        self.trouble = ""
        answer = self._engine.replay(letter, payload)
        self._under_way[movement_id] = (how, answer)
        self.version += 1
        return answer

    def drop(self, letter: DeadLetter) -> None:
        """Mark a letter as handled without sending it; it stays in Kafka."""
        self._done(letter.journey.movement_id, "dropped")

    def archive(self) -> None:
        """Mark all waiting letters as handled without sending them; they stay in Kafka."""
        self.stop_sending()
        for letter in self.waiting():
            self._done(letter.journey.movement_id, "archived")

    def _note(self, letter: DeadLetter) -> None:
        movement_id = letter.journey.movement_id
        if movement_id in self._handled or movement_id in self._letters:
            return
        self._letters[movement_id] = letter
        if len(self._letters) > self._engine.journal.errors.capacity:
            del self._letters[next(iter(self._letters))]
        self.version += 1

    def _settle(self, movement_id: str, how: How, sent: Future[Journey]) -> None:
        del self._under_way[movement_id]
        self.version += 1
        error = None if sent.cancelled() else sent.exception()
        if sent.cancelled():
            self.trouble = say("not sent: the chain stopped")
        elif error is None:
            self._done(movement_id, how)
        else:
            said = say(error.text) if isinstance(error, OpsciError) else f"{type(error).__name__}: {error}"
            # The remaining letters would fail as well.
            self.stop_sending()
            self.trouble = say("not sent: {why}").format(why=readable(said))

    def _done(self, movement_id: str, how: How) -> None:
        self._letters.pop(movement_id, None)
        self.version += 1
        try:
            self._handled.add(movement_id, how)
        except OSError as error:
            why = f"{self._handled.path}: {error.strerror or error}"
            self.trouble = say("it will come back at the next start: {why}").format(why=why)


class _Line(msgspec.Struct, frozen=True):
    movement_id: str
    how: How
    at: float


_decode = msgspec.json.Decoder(_Line).decode


def handled_file() -> Path:
    """Return the path of the user's file, in the folder for state: it is neither a setting nor shared data."""
    return platformdirs.user_state_path("opsci") / "handled-letters.jsonl"


class Handled:
    """The handled letters, by movement-id.

    Args:
        path: the file; it need not exist. A file with unreadable lines is moved aside and the readable ones are kept.

    Attributes:
        damage: where a damaged file was moved to, None if it was intact.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: Path | None = None
        self._lines: dict[str, _Line] = {}
        is_whole = True
        try:
            written = path.read_bytes().splitlines()
        except OSError:
            written = []
        for text in written:
            try:
                line = _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                is_whole = False
                continue
            self._lines[line.movement_id] = line
        if not is_whole:
            # If the folder isn't writable, the file stays as it is.
            with contextlib.suppress(OSError):
                self.damage = set_aside(path)
                self._write_all()

    def __contains__(self, movement_id: str) -> bool:
        return movement_id in self._lines

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, movement_id: str, how: How) -> None:
        """Remember a letter, first in memory and then in the file.

        Raises:
            OSError: the file can't be written; the letter is remembered in memory until the program ends.
        """
        line = _Line(movement_id, how, time.time())
        self._lines[movement_id] = line
        make_folder(self.path.parent)
        if len(self._lines) > KEPT:
            self._lines = dict(list(self._lines.items())[-KEPT // 2 :])
            self._write_all()
        else:
            with append_file(self.path) as file:
                file.write(msgspec.json.encode(line) + b"\n")

    def _write_all(self) -> None:
        with replaced_file(self.path) as fresh:
            fresh.write_bytes(b"".join(msgspec.json.encode(kept) + b"\n" for kept in self._lines.values()))
