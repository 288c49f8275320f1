"""The state folder and temporary files: what others can read, and what they can place there beforehand."""

from __future__ import annotations

import asyncio
import os
import pwd
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError
from stack.local import LocalStack
from stack.ports import random_ports
from tests.faults.attacks.attack import Outcome, attack, held, impossible, judged, succeeded
from tests.faults.attacks.target import Program, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.attacks.target import Target

_MARKER = ".opsci-state"


def _open_to_others(state: Path) -> list[str]:
    """Return the files and folders of a state that others can read or write, following links."""
    if not state.stat().st_mode & 0o077:
        # Its own mode shuts out everybody from all that is in it.
        return []
    return [str(path.relative_to(state)) or "." for path in _all(state) if path.lstat().st_mode & 0o077]


def _all(state: Path) -> Iterator[Path]:
    yield state
    for folder, folders, names in os.walk(state):
        folders[:] = [name for name in folders if name != "node_modules"]
        for name in (*folders, *names):
            path = Path(folder) / name
            if not path.is_symlink():
                yield path


@attack(
    "state-mode-kept",
    "5",
    "Have the state folder and all in it opened to everybody (0755 and 0644, as a copy or an older version leaves it) "
    "before the next start",
    "after the start nobody else may read the folder, or any file with a password, a hash, a token or movements",
    seconds=200,
)
async def state_mode_kept(target: Target) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="opsci-opened-") as place:
        Path(place).chmod(0o755)
        state = Path(place) / "state"
        servers = ("mosquitto", "strapi")

        def start_and_open() -> list[str]:
            with LocalStack(state, ports=random_ports(), servers=servers, secure=target.is_secure):
                pass
            for path in _all(state):
                if not path.is_socket():
                    path.chmod(0o755 if path.is_dir() else 0o644)
            with LocalStack(state, ports=random_ports(), servers=servers, secure=target.is_secure):
                found = _open_to_others(state)
                kept = stat.S_IMODE(state.stat().st_mode)
                secret = [
                    str(path.relative_to(state))
                    for path in _all(state)
                    if path.is_file() and path.stat().st_mode & 0o077 and _is_secret(path)
                ]
            modes.append(kept)
            exposed.extend(secret)
            return found

        modes: list[int] = []
        exposed: list[str] = []
        found = await asyncio.to_thread(start_and_open)
    seen = f"the folder has {modes[0]:04o}"
    breaches = [f"{seen}, and others may read {len(found)} files and folders"] if found else []
    breaches += [f"secret files keep 0644: {', '.join(exposed[:6])}"] if exposed else []
    return judged(breaches, f"{seen}, no file with a secret is open")


def _is_secret(path: Path) -> bool:
    return (
        path.suffix in {".token", ".key", ".passwords", ".db", ".db-wal", ".db-shm", ".properties"}
        or path.parent.name == "passwords"
        or path.name in {"secrets.json", "settings.toml", "mosquitto.db"}
    )


@attack(
    "state-running-modes",
    "5",
    "Look for files in the running state that others could read if the folder above them were opened once: whatever "
    "holds a password, a token or a key",
    "each has mode 0600",
)
async def state_running_modes(target: Target) -> Outcome:
    secrets = {name: secret.encode() for name, secret in target.secrets().items()}
    breaches, holding = [], 0
    for path in _all(target.stack.paths.state):
        if path.is_file():
            content = path.read_bytes()
            if names := [name for name, secret in secrets.items() if secret in content]:
                holding += 1
                if path.stat().st_mode & 0o077:
                    breaches.append(f"{path.name} ({stat.S_IMODE(path.stat().st_mode):04o}) holds {names[0]}")
    mode = stat.S_IMODE(target.stack.paths.state.stat().st_mode)
    breaches += [f"the state folder has {mode:04o}"] if mode & 0o077 else []
    return judged(breaches, f"{holding} files hold a secret, each 0600; the state folder has {mode:04o}")


@attack(
    "state-of-another-user",
    "new",
    "Make the state folder before us, as another user, with our marker and a token that the attacker knows, where "
    "`--state /tmp/...` will look for it",
    "the start refuses it, or neither takes its token nor leaves it to the other user",
    profiles=("plain",),
)
async def state_of_another_user(_target: Target) -> Outcome:
    if os.geteuid() != 0:
        return impossible("this process is not root's and cannot make a folder of another user")
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="opsci-planted-") as place:
        Path(place).chmod(0o755)
        state = Path(place) / "state"
        (state / "strapi").mkdir(parents=True)
        (state / _MARKER).write_text("Made by python3 -m stack\n")
        (state / "strapi" / "bridge.token").write_text("known-to-the-attacker\n")
        for path in (state, state / "strapi", state / _MARKER, state / "strapi" / "bridge.token"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
            path.chmod(0o777 if path.is_dir() else 0o666)

        def start() -> str:
            try:
                with LocalStack(state, ports=random_ports(), servers=("mosquitto",)) as stack:
                    token = stack.bridge_token
            except StackError as error:
                return f"refused: {error}".replace(place, "/tmp/...")
            owner = state.stat().st_uid
            if token == "known-to-the-attacker" and owner == nobody.pw_uid:
                return "TAKEN: the token is the attacker's, and the folder is still another user's"
            return f"started with the folder of user {owner}"

        word = await asyncio.to_thread(start)
    return succeeded(word) if word.startswith("TAKEN") else held(word)


@attack(
    "state-planted-links",
    "7",
    "Plant links under the names of the state's files, to a file of the user's, before the first start",
    "the start refuses the folder, and that file stays as it was",
    profiles=("plain",),
)
async def state_planted_links(_target: Target) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="opsci-planted-") as place:
        state, treasure = Path(place) / "state", Path(place) / "treasure"
        state.mkdir()
        treasure.write_text("untouched")
        for name in ("settings.toml", "run.json", "lock", _MARKER, "logs", "mosquitto", "strapi"):
            (state / name).symlink_to(treasure)

        def start() -> str:
            try:
                with LocalStack(state, ports=random_ports(), servers=("mosquitto",)):
                    return "it started"
            except (StackError, OSError) as error:
                return f"refused: {error}".replace(place, "/tmp/...")

        word = await asyncio.to_thread(start)
        kept = treasure.read_text()
    breaches = [] if kept == "untouched" else ["a file behind a link was written"]
    return judged(breaches, word)


@attack(
    "temporary-planted-links",
    "7",
    "Plant links in the folder of temporary files under every name that the engine and the served screen may take",
    "no link is followed, and what they make there is for its owner alone",
    profiles=("plain",),
)
async def temporary_planted_links(target: Target) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="opsci-tmp-") as place:
        folder = Path(place)
        folder.chmod(0o1777)
        treasure = folder / "treasure"
        treasure.write_text("untouched")
        for number in range(300):
            for name in (f"opsci-{number}", f"opsci-turn-{number}", f"opsci-{os.getpid() + number}", f"opsci.{number}"):
                (folder / name).symlink_to(treasure)
        served = Program("served", folder, ("-m", "tui", "--serve", str(target.screen_port), *target.config))
        served.log.touch()
        before = {path.name for path in folder.iterdir()}
        target.screen.end()
        served.start()
        try:
            await until(lambda: {path.name for path in folder.iterdir()} - before, 60, "nothing was made there", 0.2)
            await asyncio.sleep(2)
            made = [path for path in folder.iterdir() if path.name not in before]
            opened = [path.name for path in made if path.lstat().st_mode & 0o077]
        finally:
            served.end()
        breaches = [] if treasure.read_text() == "untouched" else ["a file behind a link was written"]
        breaches += [f"{', '.join(opened)} may be read by others"] if opened else []
    return judged(breaches, f"{len(before) - 2} links; {len(made)} files made beside them, for their owner alone")
