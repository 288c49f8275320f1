"""What the main screen saves for its next start: theme, sort order, pane widths, filters and the movements sent.

It is in the user's state folder, as it is neither a setting nor shared data. The movements belong to one chain and are
ignored on another. An unreadable file is moved aside and reported, and the screen starts with its defaults.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import msgspec
import platformdirs

from bridge.journal import Journey
from bridge.movement import Movement
from bridge.private_file import make_folder, replaced_file, set_aside
from tui.language import say
from tui.widgets.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["KeptScreen", "KeptState", "chain_of", "keep_steps", "restore_steps", "screen_file"]

VERSION: Final = 1
"""Increased when the meaning of the file changes; files of other versions are not read."""

_LARGEST: Final = 4_000_000
"""The largest file that is read, in bytes."""


class KeptSent(msgspec.Struct, frozen=True):
    """A movement that was sent.

    Attributes:
        movement: what was sent.
        name: the product's name as it was shown.
        at: seconds since the epoch when it was sent.
        journey: its state when this was saved.
        undoes: the movement-id of the movement that it undoes; empty if it undoes none.
    """

    movement: Movement
    name: str
    at: float
    journey: Journey
    undoes: str = ""


class KeptScreen(msgspec.Struct, frozen=True):
    """The contents of the file.

    Attributes:
        version: of this format.
        theme: the theme chosen on the screen; empty for the one in the settings.
        settings_theme: the theme in the settings at that time: if it has changed since, it takes precedence.
        orders: by pane name, the column that it is sorted by and whether the largest comes first.
        shares: the panes' shares of the width; empty for the defaults.
        filters: by pane name, the filters as typed.
        chain: the servers that `steps` were sent to.
        steps: what was sent, the latest step first.
    """

    version: int = VERSION
    theme: str = ""
    settings_theme: str = ""
    orders: dict[str, tuple[str, bool]] = {}
    shares: tuple[int, ...] = ()
    filters: dict[str, str] = {}
    chain: str = ""
    steps: tuple[tuple[KeptSent, ...], ...] = ()


_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(KeptScreen).decode


class _Versioned(msgspec.Struct):
    version: int


def screen_file() -> Path:
    """Return the path of the user's file."""
    return platformdirs.user_state_path("opsci") / "screen.json"


def chain_of(settings: Settings) -> str:
    """Return what identifies a chain: its servers and topics."""
    mqtt, kafka, strapi = settings.mqtt, settings.kafka, settings.strapi
    return " ".join((mqtt.url, mqtt.publish_topic, ",".join(kafka.brokers), kafka.errors_topic, strapi.url))


class KeptState:
    """Reads and writes the file.

    Args:
        path: of the file, which need not exist.

    Attributes:
        screen: its contents; defaults for what is missing.
        trouble: what was wrong with the file, for the user; empty if nothing was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.screen = KeptScreen()
        self.trouble = ""
        self._written = b""
        try:
            with path.open("rb") as file:
                written = file.read(_LARGEST + 1)
        except OSError:
            return
        try:
            version = msgspec.json.decode(written, type=_Versioned).version
            if version == VERSION:
                self.screen = _decode(written)
                self._written = written
                return
            self.trouble = say(
                "{file} is of another version of opsci and is not read: order, filters and what was sent begin anew"
            ).format(file=path)
        # Out-of-range numbers and text that is not UTF-8 raise no DecodeError.
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            aside = path
            with contextlib.suppress(OSError):
                aside = set_aside(path)
            self.trouble = say(
                "the file of the screen's state was damaged and is kept as {file}: order, filters and what was sent "
                "begin anew"
            ).format(file=aside)

    def keep(self, screen: KeptScreen) -> None:
        """Write the contents if they changed; if that fails, they are kept in memory only."""
        written = _encode(screen)
        if written == self._written or len(written) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            make_folder(self._path.parent)
            with replaced_file(self._path) as fresh:
                fresh.write_bytes(written)
            self._written = written


def keep_steps(steps: Sequence[Sequence[Sent]]) -> tuple[tuple[KeptSent, ...], ...]:
    """Convert sent movements for saving; those that the broker does not have are left out.

    Args:
        steps: the latest first.
    """
    kept = (tuple(filter(None, map(_kept, step))) for step in steps)
    return tuple(step for step in kept if step)


def _kept(sent: Sent) -> KeptSent | None:
    journey = sent.journey
    if journey is None:
        return None
    undone = None if sent.undoes is None else sent.undoes.journey
    return KeptSent(sent.movement, sent.name, sent.at, journey, "" if undone is None else undone.movement_id)


def restore_steps(kept: Sequence[Sequence[KeptSent]], journal: Journal) -> list[list[Sent]]:
    """Convert saved movements for the screen.

    Args:
        kept: the saved steps, the latest first.
        journal: has the current state of the movements.

    Returns:
        The latest step first.
    """
    known: dict[str, Sent] = {}
    # A movement was sent before the one that undoes it.
    steps = [[_restored(one, known, journal) for one in step] for step in reversed(kept)]
    return steps[::-1]


def _restored(one: KeptSent, known: dict[str, Sent], journal: Journal) -> Sent:
    answer: Future[Journey] = Future()
    answer.set_result(one.journey)
    undoes = known.get(one.undoes)
    sent = Sent(one.movement, one.name, answer, journal, undoes)
    sent.at, sent.restored = one.at, True
    known[one.journey.movement_id] = sent
    return sent
