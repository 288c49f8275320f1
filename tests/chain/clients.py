"""The clients of tests/clients: installed into the cache by the hash of their lock file, run with Node.js."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from stack.downloads import digest, fetch_once
from stack.paths import Paths
from stack.report import Report, Step
from stack.tool import run_tool

SOURCE = Path(__file__).parent.parent / "clients"


def install_clients(folder: Path) -> Path:
    """Copy the programs and their packages into `folder`."""
    cached = Paths.of().cache / "clients" / digest(SOURCE / "package-lock.json")

    def make(target: Path, step: Step) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(SOURCE / name, target)
        run_tool(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], step, cwd=target)

    fetch_once(cached, "install MQTT.js, kafkajs and Strapi's client (npm)", Report(sys.__stderr__), make)
    for program in SOURCE.glob("*.mjs"):
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(cached / "node_modules")
    return folder


async def run_client(folder: Path, program: str, *arguments: str) -> str:
    """Run one of them to its end and return its output."""
    process = await asyncio.create_subprocess_exec(
        "node", program, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complained.decode()
    return said.decode()
