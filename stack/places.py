"""Where things are kept: this source tree, the user's state and the user's cache.

Standard library only, because the cache is needed before anything is installed; the rule is that of the XDG base
directories, as platformdirs applies it on Linux, and a test holds the two together.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.errors import StateError

__all__ = ["ROOT", "Places"]

ROOT: Final = Path(__file__).resolve().parent.parent
"""The folder that holds `stack` and `configs`: the clone, or site-packages."""

_MARKER: Final = ".opsci-state"


def _user_folder(variable: str, fallback: str) -> Path:
    named = os.environ.get(variable, "").strip()
    return (Path(named) if named else Path.home() / fallback) / "opsci"


@dataclass(frozen=True)
class Places:
    """The two folders that everything is kept in.

    Attributes:
        state: what the servers write: data, logs, tokens, settings, the record of what runs.
        cache: what was downloaded: it can be deleted at any time that nothing runs and is fetched again.
    """

    state: Path
    cache: Path

    @classmethod
    def of(cls, state: Path | None = None, cache: Path | None = None, *, secure: bool = False) -> Places:
        """Decide the folders: as given, else by OPSCI_STATE and OPSCI_CACHE, else the user's own.

        Args:
            state: the state folder, taken as it is.
            cache: the cache folder.
            secure: for the secured profile, whose state stands beside the other under a name of its own.
        """
        apart = secure and state is None
        named_state = os.environ.get("OPSCI_STATE", "")
        named_cache = os.environ.get("OPSCI_CACHE", "")
        state = state or (Path(named_state) if named_state else _user_folder("XDG_DATA_HOME", ".local/share"))
        cache = cache or (Path(named_cache) if named_cache else _user_folder("XDG_CACHE_HOME", ".cache"))
        state = state.expanduser().absolute()
        return cls(state.with_name(f"{state.name}-secure") if apart else state, cache.expanduser().absolute())

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

    def log(self, server: str) -> Path:
        """Where a server logs."""
        return self.state / "logs" / f"{server}.log"

    @property
    def door(self) -> Path:
        """Certificates, passwords and files of users, where the servers of this state are secured."""
        return self.state / "secure"

    @property
    def is_secure(self) -> bool:
        """Whether the servers of this state are secured, for good: their data know who may do what."""
        return self.door.is_dir()

    @property
    def is_ours(self) -> bool:
        """Whether the state folder is one that this program made."""
        return (self.state / _MARKER).is_file()

    def claim(self, *, secure: bool = False) -> None:
        """Make the state folder, or take one that is empty or already ours.

        Args:
            secure: whether its servers are to be secured; one that is stays so without being told.

        Raises:
            StateError: it holds something else, or servers that are not secured, or cannot be made.
        """
        try:
            self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self.is_ours:
                found = next(self.state.iterdir(), None)
                if found is not None:
                    raise StateError(
                        f"{self.state} holds something else ({found.name}): name an empty or a new folder with --state"
                    )
                (self.state / _MARKER).write_text("Made by python3 -m stack; `python3 -m stack reset` removes it.\n")
            if secure and not self.is_secure:
                if self.record.exists():
                    raise StateError(
                        f"{self.state} holds servers that let everyone in: name another folder with --state, "
                        "or remove it with `python3 -m stack reset`"
                    )
                self.door.mkdir(mode=0o700)
            (self.state / "logs").mkdir(exist_ok=True)
        except OSError as error:
            raise StateError(f"the state folder {self.state} cannot be used: {error.strerror}") from error
