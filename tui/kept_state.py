"""What the main screen keeps for the next start beside its view: theme, order, widths, filters, and what was sent.

It stands in the user's folder for state, as it is neither a setting nor anyone else's data. What it says of a chain
counts for that chain alone; what can't be read is moved aside and told, and everything begins as at the first start.
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
"""Grows when a file of before means something else; such a file is not read."""

_LARGEST: Final = 4_000_000
"""Bytes; a larger file is none of ours."""


class KeptSent(msgspec.Struct, frozen=True):
    """One movement that was sent.

    Attributes:
        movement: what was sent.
        name: the product's name as it was shown.
        at: seconds since the epoch when it was sent.
        journey: how far it had come.
        undoes: the movement-id of the one that it takes back, empty where it takes back none.
    """

    movement: Movement
    name: str
    at: float
    journey: Journey
    undoes: str = ""


class KeptScreen(msgspec.Struct, frozen=True):
    """What is kept.

    Attributes:
        version: of this format.
        theme: the theme that was chosen on the screen; empty for that of the settings.
        settings_theme: the theme of the settings when it was chosen: another one there counts for more.
        orders: by the pane's name the column that it is sorted by and whether the largest stands on top.
        shares: of the width, those of the panes; empty for those to begin with.
        filters: by the pane's name, as they were typed.
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
    """Where the user's file stands."""
    return platformdirs.user_state_path("opsci") / "screen.json"


def chain_of(settings: Settings) -> str:
    """What tells one chain from another: its servers and topics."""
    mqtt, kafka, strapi = settings.mqtt, settings.kafka, settings.strapi
    return " ".join((mqtt.url, mqtt.publish_topic, ",".join(kafka.brokers), kafka.errors_topic, strapi.url))


class KeptState:
    """The file.

    Args:
        path: it need not be there.

    Attributes:
        screen: what it says; what a first start has where it says nothing.
        trouble: what was wrong with it, for a person; empty where nothing was.
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
        # A number that is none of ours, and text that is no UTF-8, are no DecodeError.
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            aside = path
            with contextlib.suppress(OSError):
                aside = set_aside(path)
            self.trouble = say(
                "the file of the screen's state was damaged and is kept as {file}: order, filters and what was sent "
                "begin anew"
            ).format(file=aside)

    def keep(self, screen: KeptScreen) -> None:
        """Write what is to be kept, where it is another than before; where that can't be it counts for this time."""
        written = _encode(screen)
        if written == self._written or len(written) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            make_folder(self._path.parent)
            with replaced_file(self._path) as fresh:
                fresh.write_bytes(written)
            self._written = written


def keep_steps(steps: Sequence[Sequence[Sent]]) -> tuple[tuple[KeptSent, ...], ...]:
    """Bring what was sent into the form that is kept; what the broker has not is left out, as no one has it.

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
    """Bring what was kept back into the form that the screen works with.

    Args:
        kept: the latest step first.
        journal: where it is found what became of them meanwhile.

    Returns:
        The latest step first.
    """
    known: dict[str, Sent] = {}
    # What is taken back was sent before what takes it back.
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
