"""What can go wrong in the runner, as one tree.

StackError
├── MissingProgramsError    the machine lacks programs that could not be had: all of them, and the command to type
├── InstallError            a download or an installation failed, with what the tool said
├── StateError              a folder is not ours to touch, or a file in it can't be read
├── NoPortError             no free port near the one that was asked for
├── ServerStartError        a server died or stayed silent while starting, with its last log lines and the cause
├── NotRunningError         a command needs servers that do not run
└── SeedError               Strapi did not take the catalogue
"""

from __future__ import annotations

__all__ = [
    "InstallError",
    "MissingProgramsError",
    "NoPortError",
    "NotRunningError",
    "SeedError",
    "ServerStartError",
    "StackError",
    "StateError",
]


class StackError(Exception):
    """The root. The text is for a person: what, where and what to do; the command prints it and no traceback."""


class MissingProgramsError(StackError):
    """The machine lacks programs that could not be had; the text names all at once and the command to type."""


class InstallError(StackError):
    """A download or an installation failed; the text ends with what the tool said."""


class StateError(StackError):
    """A folder is not ours to touch, or a file in it cannot be read."""


class NoPortError(StackError):
    """No free port was found near the one asked for."""


class ServerStartError(StackError):
    """A server died or stayed silent while starting.

    Args:
        server: its name.
        cause: why, in words.
        log: the path of its log.
        tail: the last lines of that log.
    """

    def __init__(self, server: str, cause: str, log: str, tail: str) -> None:
        lines = "\n".join(f"    {line}" for line in tail.splitlines())
        super().__init__(f"{server} did not start: {cause}\n  the end of {log}:\n{lines or '    (empty)'}")
        self.server = server
        self.cause = cause


class NotRunningError(StackError):
    """A command needs servers that do not run."""


class SeedError(StackError):
    """Strapi did not take the catalogue."""
