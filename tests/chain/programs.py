"""`opsci-bridge` as its users run it: a process, with its settings in a file."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import tomli_w

if TYPE_CHECKING:
    from bridge.settings import Settings


def write_settings(settings: Settings, folder: Path) -> Path:
    """Write settings to a file, as a user would."""
    file = folder / "opsci.toml"
    file.write_text(tomli_w.dumps(msgspec.to_builtins(settings)))
    return file


async def run_bridge(settings: Settings, command: str, *arguments: str, code: int = 0) -> str:
    """Run one command to its end and return its output."""
    with tempfile.TemporaryDirectory() as folder:
        file = write_settings(settings, Path(folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bridge", command, "--config", str(file), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == code, said.decode()
    return said.decode()
