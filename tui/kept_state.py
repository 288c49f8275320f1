"""What the main screen saves for its next start, in the user's state folder: it is neither a setting nor shared data.

Theme, sort order and pane widths belong to the user, in one file. The movements sent and the filters, which name
products, belong to a chain: each has a file of its own, so that no chain shows what was sent to another. A chain is
identified by the id of its Kafka cluster, as another one may answer at the same addresses, and by these while no id is
known. An unreadable file is moved aside and reported, and the screen starts with its defaults.
"""

from __future__ import annotations

import contextlib
import hashlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import platformdirs

from bridge.http.own_address import is_loopback
from bridge.journal import Journey
from bridge.known_servers import KnownServers
from bridge.movement import Movement
from bridge.private_file import make_folder, replaced_file, set_aside
from tui.language import say
from tui.widgets.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["KeptChain", "KeptScreen", "KeptState", "chain_of", "keep_steps", "restore_steps", "screen_file"]

VERSION: Final = 1
"""Increased when the meaning of a file changes; files of other versions are not read."""

_LARGEST: Final = 4_000_000
"""The largest file that is read, in bytes."""

_CHAINS: Final = 50
"""How many chains have a file; those that were used least recently are dropped."""


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
    """The contents of the user's file.

    Attributes:
        version: of this format.
        theme: the theme chosen on the screen; empty for the one in the settings.
        settings_theme: the theme in the settings at that time: if it has changed since, it takes precedence.
        orders: by pane name, the column that it is sorted by and whether the largest comes first.
        shares: the panes' shares of the width; empty for the defaults.
    """

    version: int = VERSION
    theme: str = ""
    settings_theme: str = ""
    orders: dict[str, tuple[str, bool]] = {}
    shares: tuple[int, ...] = ()


class _KeptTogether(KeptScreen, frozen=True):
    """The contents of an older file, which has those of the last used chain too; `chain` is its addresses."""

    chain: str = ""
    filters: dict[str, str] = {}
    steps: tuple[tuple[KeptSent, ...], ...] = ()


class KeptChain(msgspec.Struct, frozen=True):
    """The contents of a chain's file.

    Attributes:
        version: of this format.
        chain: what identifies it.
        filters: by pane name, the filters as typed.
        steps: what was sent, the latest step first.
    """

    version: int = VERSION
    chain: str = ""
    filters: dict[str, str] = {}
    steps: tuple[tuple[KeptSent, ...], ...] = ()


_encode = msgspec.json.Encoder(enc_hook=str).encode

_Kept = TypeVar("_Kept", _KeptTogether, KeptChain)


class _Versioned(msgspec.Struct):
    version: int


def screen_file() -> Path:
    """Return the path of the user's file; the chains' are in the folder `chains` beside it."""
    return platformdirs.user_state_path("opsci") / "screen.json"


def chain_of(settings: Settings) -> str:
    """Return what identifies a chain: its Kafka cluster and group, and the machines of its broker and Strapi.

    Where the cluster's id is not known, it is the addresses and topics.
    """
    mqtt, kafka, strapi = settings.mqtt, settings.kafka, settings.strapi
    cluster = KnownServers.of(kafka.known_file).identity("kafka", kafka.brokers)
    if cluster is None:
        return _addresses_of(settings)
    return " ".join((cluster, kafka.group, _machine(mqtt.url), _machine(strapi.url)))


def _addresses_of(settings: Settings) -> str:
    mqtt, kafka, strapi = settings.mqtt, settings.kafka, settings.strapi
    return " ".join((mqtt.url, mqtt.publish_topic, ",".join(kafka.brokers), kafka.errors_topic, strapi.url))


def _machine(url: str) -> str:
    """Host and port; for a server on this machine neither, as its port may be another one after each start."""
    parts = urlsplit(url)
    return "" if is_loopback(parts.hostname or "") else parts.netloc


class KeptState:
    """Reads and writes the files.

    Args:
        path: of the user's file; none of the files needs to exist.

    Attributes:
        screen: the user's; defaults for what is missing.
        chain: the chain's, see `turn_to`.
        trouble: what was wrong with a file, for the user, who is told once; empty if nothing was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[Path, bytes] = {}
        self.trouble = ""
        self.chain = KeptChain()
        found = self._read(path, _KeptTogether)
        self.screen = KeptScreen(VERSION, found.theme, found.settings_theme, found.orders, found.shares)
        if found.chain:
            self._write(self._file_of(found.chain), KeptChain(VERSION, found.chain, found.filters, found.steps))
            self._write(path, self.screen)

    def turn_to(self, settings: Settings) -> bool:
        """Read what belongs to the chain of the settings, into `chain`.

        What was saved while the cluster's id was not known is the chain's that is found at these addresses now.

        Returns:
            Whether that is another chain than before.
        """
        chain, addresses = chain_of(settings), _addresses_of(settings)
        if chain == self.chain.chain:
            return False
        file = self._file_of(chain)
        if not file.exists():
            with contextlib.suppress(OSError):
                self._file_of(addresses).replace(file)
            if self.chain.chain == addresses:
                self.chain = msgspec.structs.replace(self.chain, chain=chain)
                return False
        # What was sent before this chain was found counts as its own, so the other one's file is as it was.
        self._keep_chain(self.chain)
        self.chain = msgspec.structs.replace(self._read(file, KeptChain), chain=chain)
        return True

    def keep(self, screen: KeptScreen, chain: KeptChain) -> None:
        """Write what changed; if that fails, it is kept in memory only."""
        self._write(self._path, screen)
        self._keep_chain(chain)

    def _keep_chain(self, chain: KeptChain) -> None:
        file = self._file_of(chain.chain)
        if chain.filters or chain.steps or file.exists():
            self._write(file, chain)

    def _file_of(self, chain: str) -> Path:
        return self._path.parent / "chains" / f"{hashlib.sha256(chain.encode()).hexdigest()[:16]}.json"

    def _write(self, path: Path, content: KeptScreen | KeptChain) -> None:
        written = _encode(content)
        if written == self._written.get(path) or len(written) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            make_folder(self._path.parent)
            make_folder(path.parent)
            is_new = not path.exists()
            with replaced_file(path) as fresh:
                fresh.write_bytes(written)
            self._written[path] = written
            if is_new and path != self._path:
                _drop_oldest(path.parent)

    def _read(self, path: Path, kind: type[_Kept]) -> _Kept:
        try:
            with path.open("rb") as file:
                written = file.read(_LARGEST + 1)
        except OSError:
            return kind()
        try:
            if msgspec.json.decode(written, type=_Versioned).version == VERSION:
                found = msgspec.json.decode(written, type=kind)
                self._written[path] = written
                return found
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
        return kind()


def _drop_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[_CHAINS:]:
        path.unlink()


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
