"""The exceptions of the runner, as one tree.

StackError
├── MissingProgramsError    the machine lacks programs that can't be installed: all of them, and the command to type
├── InstallError            a download or an installation failed, with the tool's output
├── StateError              a folder must not be changed, or a file in it can't be read
├── NoPortError             no free port near the requested one
├── ServerStartError        a server died or did not answer while starting, with its last log lines and the cause
├── NotRunningError         a command needs servers that do not run
└── SeedError               Strapi did not accept the catalogue
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
    """The base class. The text is for the user: what, where and what to do; it is printed without a traceback."""


class MissingProgramsError(StackError):
    """The machine lacks programs that can't be installed; the text lists all of them and the command to type."""


class InstallError(StackError):
    """A download or an installation failed; the text ends with the tool's output."""


class StateError(StackError):
    """A folder must not be changed, or a file in it can't be read."""


class NoPortError(StackError):
    """There is no free port near the requested one."""


class ServerStartError(StackError):
    """A server died or did not answer while starting.

    Args:
        server: its name.
        cause: why, in words; a `Phrase` is shown in the language of the screen that waits for the server.
        log: the path of its log.
        tail: the last lines of that log.
    """

    def __init__(self, server: str, cause: str, log: str, tail: str) -> None:
        lines = "\n".join(f"    {line}" for line in tail.splitlines())
        super().__init__(f"{server} did not start: {cause}\n  the end of {log}:\n{lines or '    (empty)'}")
        self.server = server
        self.cause = cause
        self.log = log


class NotRunningError(StackError):
    """A command needs servers that do not run."""


class SeedError(StackError):
    """Strapi did not accept the catalogue."""
