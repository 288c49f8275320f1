"""The command of a served window, and serving the screen until it is ended."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import OpsciError
from bridge.settings.names import SECRET, SETTINGS
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.serve.address import Listen

__all__ = ["serve_windows"]


class _MissingError(OpsciError):
    """A package is missing."""


def serve_windows(
    listen: Listen,
    config: Path | None,
    flags: Mapping[str, str],
    language: str,
    *,
    drive: bool,
    windows: int,
    password_file: str = "",
) -> None:
    """Serve the screen until Ctrl-C.

    Args:
        listen: the address; beyond loopback a password is required.
        config: the settings file named on the command line, or None.
        flags: the settings given on the command line.
        language: of the page.
        drive: whether windows drive the chain, or only look.
        windows: number of windows at a time.
        password_file: the file with the password; empty to make one.

    Raises:
        OpsciError: textual-serve is not installed, the port is taken, or the file has no valid password.
    """
    try:
        from tui.serve.server import ScreenServer  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError as error:
        text = say("--serve needs the package {name}: pip install 'opsci[serve]', or pip install textual-serve")
        raise _MissingError(text.format(name=error.name)) from None
    # A folder that nobody else may write: everyone can see its name in the windows' command lines.
    with tempfile.TemporaryDirectory(prefix="opsci-turn-") as folder:
        turn = Path(folder) / "turn"
        turn.touch(mode=0o600)
        command = _command(turn, config, flags, drive=drive)
        ScreenServer(command, listen, language, drive=drive, windows=windows, password_file=password_file).serve()


def _command(turn: Path, config: Path | None, flags: Mapping[str, str], *, drive: bool = False) -> str:
    # Not from the current folder, which may be /tmp, where another user can put a module of any name.
    argv = [sys.executable, "-P", "-m", "tui", "--window", str(turn), *(["--drive"] if drive else [])]
    if config is not None:
        argv += ["--config", str(config.absolute())]
    for key, value in flags.items():
        if key in SECRET:
            # Every user of the machine sees the arguments of a process.
            os.environ[SETTINGS[key].variable] = value
        else:
            argv += ["--set", f"{key}={value}"]
    # The kernel ends a window whose server was killed (prctl(2), PR_SET_PDEATHSIG).
    leash = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return f"exec {shlex.join([*leash, *argv])}"
