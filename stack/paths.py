"""The folders of the source tree, of the user's state and of the cache, and their access rights.

Standard library only.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.errors import StateError
from stack.servers.server import BROKERS

__all__ = ["ROOT", "Paths", "keep_writers_out", "make_private"]


_OTHERS: Final = 0o077
"""All rights of the group and of others."""

_WRITERS: Final = 0o022

ROOT: Final = Path(__file__).resolve().parent.parent
"""The folder that contains `stack` and `configs`: the clone, or site-packages."""

_MARKER: Final = ".opsci-state"


def make_private(folder: Path) -> None:
    """Create a folder, or remove the rights of everyone but its owner on it and all its contents.

    Symbolic links inside are neither followed nor changed: their targets have rights of their own.

    Args:
        folder: the folder; its parents are created if missing.

    Raises:
        StateError: it is a link, or no folder, or it or something in it belongs to another user, who could change it.
        OSError: it can't be created or changed.
    """
    if folder.is_symlink():
        raise StateError(
            f"{folder} is a symbolic link, which may lead elsewhere one day: name what it leads to, {folder.readlink()}"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _close(folder)
    # Closed before it is searched: someone may have placed something here while it was open.
    for inside, folders, files in os.walk(folder, onerror=_raise):
        base = folder / inside
        for name in folders:
            _close(base / name)
        for name in files:
            _close(base / name)


def keep_writers_out(folder: Path) -> None:
    """Remove other users' right to write to a folder of this user; their right to read is kept.

    Args:
        folder: with programs that are run. One that is missing, or another user's own, is left alone.
    """
    try:
        status = folder.stat()
        if status.st_uid == os.geteuid() and status.st_mode & _WRITERS:
            folder.chmod(stat.S_IMODE(status.st_mode) & ~_WRITERS)
    except FileNotFoundError:
        return


def _close(path: Path) -> None:
    """Remove all rights of others."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        # A running server renames and removes its files.
        return
    if status.st_uid != os.geteuid():
        raise StateError(
            f"{path} belongs to another user (uid {status.st_uid}, and this is uid {os.geteuid()}), who can change it: "
            "name another folder, or give it to this user"
        )
    if not stat.S_ISLNK(status.st_mode) and status.st_mode & _OTHERS:
        try:
            path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)
        except FileNotFoundError:
            return


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _user_folder(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable, "").strip()
    return (Path(named) if named else Path.home() / fallback) / "opsci"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Paths:
    """The two folders in which everything is stored.

    Attributes:
        state: what the servers write: data, logs, tokens, settings, the record of what runs.
        cache: downloads; it can be deleted while nothing runs, and is downloaded again.
    """

    state: Path
    cache: Path

    @classmethod
    def of(
        cls, state: Path | None = None, cache: Path | None = None, *, secure: bool = False, brokers: int = 1
    ) -> Paths:
        """Choose the folders: as given, else from OPSCI_STATE and OPSCI_CACHE, else the user's own.

        Args:
            state: the state folder, used as it is.
            cache: the cache folder.
            secure: for the secured profile, whose state has a name of its own.
            brokers: how many Kafka brokers; the state of several has a name of its own too.
        """
        suffix = ("-secure" if secure else "") + (f"-{brokers}-brokers" if brokers > 1 else "")
        apart = suffix if state is None else ""
        named_state = os.environ.get("OPSCI_STATE", "")
        named_cache = os.environ.get("OPSCI_CACHE", "")
        state = state or (Path(named_state) if named_state else _user_folder("XDG_DATA_HOME", ".local/share"))
        cache = cache or (Path(named_cache) if named_cache else _user_folder("XDG_CACHE_HOME", ".cache"))
        state = state.expanduser().absolute()
        for folder in (state, cache.expanduser().absolute()):
            if folder.name and not _is_utf8(str(folder)):
                raise StateError(
                    f"the name of the folder {str(folder)!a} is not UTF-8, which settings files and Java need: name "
                    "others with OPSCI_STATE and OPSCI_CACHE"
                )
        return cls(state.with_name(f"{state.name}{apart}") if apart else state, cache.expanduser().absolute())

    @property
    def settings(self) -> Path:
        """The settings file that `opsci-tui` and `opsci-bridge` read."""
        return self.state / "settings.toml"

    @property
    def record(self) -> Path:
        """The record of the processes that were started."""
        return self.state / "run.json"

    @property
    def lock(self) -> Path:
        """Held while servers are started or stopped."""
        return self.state / "lock"

    @property
    def bridge_token(self) -> Path:
        """Strapi's API token for the bridge."""
        return self.state / "strapi" / "bridge.token"

    @property
    def read_token(self) -> Path:
        """Strapi's read-only API token, for frontends."""
        return self.state / "strapi" / "read.token"

    @property
    def outbox(self) -> Path:
        """The screen's outbox: published movements that are not in the stock yet."""
        return self.state / "outbox"

    @property
    def admin_password(self) -> Path:
        """The password of Strapi's administrator."""
        return self.state / "strapi" / "admin.password"

    @property
    def strangers(self) -> Path:
        """Other accounts and tokens in Strapi, as of its latest start."""
        return self.state / "strapi" / "strangers.json"

    @property
    def mqtt_client_id(self) -> Path:
        """The engine's MQTT client id, which the engine creates at its first start."""
        return self.state / "mqtt-client-id"

    @property
    def damage(self) -> Path:
        """The list of damaged files that were moved aside."""
        return self.state / "damaged.jsonl"

    @property
    def known_servers(self) -> Path:
        """The Kafka cluster that the engine knows here: a new state has a new one."""
        return self.state / "known-servers.json"

    def log(self, server: str) -> Path:
        """The log of a server."""
        return self.state / "logs" / f"{server}.log"

    @property
    def credentials(self) -> Path:
        """Certificates, passwords and user files, where the servers of this state are secured."""
        return self.state / "secure"

    @property
    def is_secure(self) -> bool:
        """Whether the servers of this state are secured, permanently: their data include the access rights."""
        return self.credentials.is_dir()

    @property
    def brokers(self) -> int:
        """How many Kafka brokers this state has, permanently: the data of each include the others."""
        return sum(name == BROKERS[0] or (self.state / name).is_dir() for name in BROKERS)

    @property
    def is_ours(self) -> bool:
        """Whether this program created the state folder."""
        return (self.state / _MARKER).is_file()

    def claim(self, *, secure: bool = False, brokers: int = 1) -> None:
        """Create the state folder, or accept one that is empty or already ours; close it to everyone but its owner.

        Args:
            secure: whether its servers are to be secured; a secured one stays so.
            brokers: how many Kafka brokers it is to have; one that has several keeps them.

        Raises:
            StateError: it contains something else, or servers that are not secured, or another number of brokers, or
                what another user could change, or can't be created.
        """
        try:
            found = None if self.is_ours or not self.state.is_dir() else next(self.state.iterdir(), None)
            if found is not None:
                # Before any rights are changed, as it is someone else's.
                raise StateError(
                    f"{self.state} holds something else ({found.name}): name an empty or a new folder with --state"
                )
            make_private(self.state)
            if not self.is_ours:
                (self.state / _MARKER).write_text("Made by python3 -m stack; `python3 -m stack reset` removes it.\n")
            if secure and not self.is_secure:
                if self.record.exists():
                    raise StateError(
                        f"{self.state} holds servers that let everyone in: name another folder with --state, "
                        "or remove it with `python3 -m stack reset`"
                    )
                self.credentials.mkdir(mode=0o700)
            if brokers > 1 and self.brokers != brokers:
                if self.record.exists():
                    raise StateError(
                        f"{self.state} holds data of {self.brokers} Kafka broker{'s' * (self.brokers > 1)}, not of "
                        f"{brokers}: name another folder with --state, or remove it with `python3 -m stack reset`"
                    )
                for name in BROKERS[1:brokers]:
                    (self.state / name).mkdir(exist_ok=True, mode=0o700)
            (self.state / "logs").mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateError(f"the state folder {self.state} cannot be used: {error.strerror}") from error
