"""What another user of the machine can see of the processes, their logs and their listeners."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.attacks.attack import Outcome, attack, impossible, judged
from tests.faults.attacks.target import listening

if TYPE_CHECKING:
    from tests.faults.attacks.target import Target

__all__ = ["as_stranger"]

_READER: Final = """
import json, os, sys
found = {}
for path in json.load(sys.stdin):
    try:
        with open(path, "rb") as file:
            found[path] = file.read(20_000_000).decode("utf-8", "replace")
    except OSError:
        pass
json.dump(found, sys.stdout)
"""


def as_stranger(program: str, text: str) -> str | None:
    """Run a Python program as the user `nobody`.

    Args:
        program: its source.
        text: its standard input.

    Returns:
        Its output; None if this machine does not allow changing the user.
    """
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or not setpriv:
        return None
    nobody = pwd.getpwnam("nobody")
    rights = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--inh-caps=-all")
    # The system's own Python: that of a virtual environment may stand where nobody may look.
    python = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()), "")
    done = subprocess.run(
        [setpriv, *rights, python or sys.executable, "-I", "-c", program],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        timeout=60,
    )
    return done.stdout if done.returncode == 0 else None


def _holding(target: Target, texts: dict[str, str]) -> list[str]:
    """Return which of some texts contain which secrets."""
    secrets = target.secrets()
    assert secrets, "no secret was found to look for"
    return [f"{name} in {place}" for place, text in texts.items() for name, secret in secrets.items() if secret in text]


@attack(
    "process-arguments",
    "7",
    "Read the arguments of every process of the machine, which every user may, while servers, engine and screen run",
    "no password, token or key stands in any",
)
async def process_arguments(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    texts = {}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            texts[f"the arguments of {_name(int(file.parent.name))}"] = file.read_text(errors="replace")
    return judged(_holding(target, texts), f"{len(texts)} processes, {len(target.secrets())} secrets")


@attack(
    "process-environment",
    "7",
    "Read `/proc/PID/environ` of our processes as another user, and look in it for what a child or a crash report "
    "would carry on",
    "no other user may read one; no password and no API token stands in any (Strapi takes its own keys only so)",
)
async def process_environment(target: Target) -> Outcome:
    import json

    await target.start_engine()
    await target.start_screen()
    texts = {}
    for pid in target.processes():
        with contextlib.suppress(OSError):
            texts[f"the environment of {_name(pid)}"] = Path(f"/proc/{pid}/environ").read_text(errors="replace")
    found = [line for line in _holding(target, texts) if not line.startswith("Strapi's")]
    own = [line for line in _holding(target, texts) if line.startswith("Strapi's")]
    paths = [f"/proc/{pid}/environ" for pid in target.processes()]
    answer = as_stranger(_READER, json.dumps(paths))
    readable = list(json.loads(answer)) if answer else []
    found += [f"nobody reads {path}" for path in readable]
    asked = "as the user nobody none could be read" if answer is not None else "another user could not be tried"
    return judged(found, f"{len(texts)} processes; {asked}; {len(own)} of Strapi's own keys in its own environment")


@attack(
    "process-listeners",
    "new",
    "Look for listeners of servers, engine and screen on another address than loopback's",
    "every one listens on 127.0.0.1 or ::1",
)
async def process_listeners(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    found = listening(target.processes())
    breaches = [f"{address} port {port}" for address, port in sorted(found) if not _is_loopback(address)]
    return judged(breaches, f"{len(found)} listeners, all on loopback")


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address in {"::1", "::ffff:127.0.0.1"}


@attack(
    "process-logs",
    "7",
    "Look for passwords, tokens and keys in every log: servers, engine at level debug, screen, panel",
    "none stands there",
)
async def process_logs(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    files = [*(target.stack.paths.state / "logs").glob("*"), target.engine.log, target.screen.log]
    texts = {file.name: file.read_text(errors="replace") for file in files if file.is_file()}
    return judged(_holding(target, texts), f"{len(texts)} logs, {sum(map(len, texts.values())):,} characters")


@attack(
    "process-stranger-reads-state",
    "5",
    "Read every file of the state folder as another user of the machine, while the folders above it are open",
    "not one can be read",
)
async def stranger_reads_state(target: Target) -> Outcome:
    import json

    state = target.stack.paths.state
    for folder in (state.parent, *list(state.parents)[:-2]):
        if folder.stat().st_mode & 0o011 != 0o011 and str(folder).startswith("/tmp"):
            # As a home folder often is: what protects the state has to be its own mode.
            folder.chmod(folder.stat().st_mode | 0o055)
    paths = [str(file) for file in state.rglob("*") if file.is_file() and "node_modules" not in file.parts]
    answer = as_stranger(_READER, json.dumps(paths))
    if answer is None:
        return impossible("this process is not root's and cannot be another user for a moment")
    readable = json.loads(answer)
    breaches = [f"{len(readable)} of {len(paths)} files, as {min(readable, key=len)}"] if readable else []
    breaches += _holding(target, readable)
    return judged(breaches, f"{len(paths)} files, none readable by the user nobody")


@attack(
    "process-stranger-reaches-socket",
    "new",
    "Reach a Unix socket of ours as another user: where Strapi speaks plain HTTP behind its TLS",
    "no connection",
    profiles=("secured",),
)
async def stranger_reaches_socket(target: Target) -> Outcome:
    import json

    program = """
import json, socket, sys
found = []
for path in json.load(sys.stdin):
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)
            found.append(path)
    except OSError:
        pass
json.dump(found, sys.stdout)
"""
    state = target.stack.paths.state
    sockets = [str(path) for path in state.rglob("*") if path.is_socket()]
    answer = as_stranger(program, json.dumps(sockets))
    if answer is None:
        return impossible("this process is not root's and cannot be another user for a moment")
    return judged(json.loads(answer), f"{len(sockets)} sockets, none reached")


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return f"{Path(f'/proc/{pid}/comm').read_text().strip()} ({pid})"
    return str(pid)
