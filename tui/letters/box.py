"""The dead letters that wait for a person: those of before, those of the journal, without those that were handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import OpsciError
from bridge.text import readable

if TYPE_CHECKING:
    from concurrent.futures import Future

    from bridge.journal import DeadLetter, Journey
    from tui.engine import Engine
    from tui.letters.handled import Handled, How

__all__ = ["LetterBox"]


class LetterBox:
    """The letters by movement-id.

    Args:
        engine: whose letters, and what sends them again.
        handled: which were dealt with.
    """

    def __init__(self, engine: Engine, handled: Handled) -> None:
        self.version = 0
        """Grows with every change of what waits."""
        self.trouble = ""
        """What did not work last, for a person."""
        self._engine = engine
        self._handled = handled
        self._letters: dict[str, DeadLetter] = {}
        self._seen = 0
        self._reading: Future[list[DeadLetter]] | None = None
        self._under_way: dict[str, tuple[How, Future[Journey]]] = {}

    def __len__(self) -> int:
        return len(self._letters)

    def get(self, movement_id: str) -> DeadLetter | None:
        """A letter that waits, or None."""
        return self._letters.get(movement_id)

    def waiting(self) -> list[DeadLetter]:
        """The letters that wait, in the order of their time."""
        return sorted(self._letters.values(), key=lambda letter: (letter.at, letter.partition, letter.offset))

    def is_under_way(self, movement_id: str) -> bool:
        """Whether a letter is being sent again."""
        return movement_id in self._under_way

    def read(self) -> None:
        """Ask Kafka for the letters that stand there, unless it was asked and has not answered."""
        if self._reading is None:
            self._reading = self._engine.letters()

    def pull(self) -> None:
        """Take over what came, and what became of what was sent again."""
        if self._reading is not None and self._reading.done():
            answer, self._reading = self._reading, None
            if not answer.cancelled() and answer.exception() is None:
                for letter in answer.result():
                    self._note(letter)
        errors = self._engine.journal.errors
        upto = errors.next
        for letter in errors.slice(self._seen, upto):
            self._note(letter)
        self._seen = upto
        for movement_id, (how, sent) in list(self._under_way.items()):
            if sent.done():
                self._settle(movement_id, how, sent)

    def send_again(self, letter: DeadLetter, payload: bytes | None = None) -> None:
        """Send a letter as a new movement; it is handled once the broker has it.

        Args:
            letter: which.
            payload: what to send instead, None sends the original bytes.
        """
        movement_id = letter.journey.movement_id
        if movement_id in self._letters and movement_id not in self._under_way:
            how: How = "sent again" if payload is None else "mended"
            self.trouble = ""
            self._under_way[movement_id] = (how, self._engine.replay(letter, payload))
            self.version += 1

    def drop(self, letter: DeadLetter) -> None:
        """Put a letter away; it stays in Kafka."""
        self._done(letter.journey.movement_id, "dropped")

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
            self.trouble = "not sent: the chain stopped"
        elif error is None:
            self._done(movement_id, how)
        else:
            said = str(error) if isinstance(error, OpsciError) else f"{type(error).__name__}: {error}"
            self.trouble = f"not sent: {readable(said)}"

    def _done(self, movement_id: str, how: How) -> None:
        self._letters.pop(movement_id, None)
        self.version += 1
        try:
            self._handled.add(movement_id, how)
        except OSError as error:
            self.trouble = f"it will come back at the next start: {self._handled.path}: {error.strerror or error}"
