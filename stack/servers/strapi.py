"""Strapi: a copy of the application of stack/strapi in the state folder, with secrets created once.

Its SQLite database is checked before the start, as SQLite silently takes an empty file for a new one. The admin panel
is built separately, once for each lock and configuration, and kept in the cache.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.child_environment import server_environment
from bridge.private_file import damage_of
from stack.downloads import digest, fetch_once
from stack.install import APPLICATION
from stack.ports import LOOPBACK, Ports
from stack.run_state import write_whole
from stack.secure.credentials import Credentials
from stack.servers.health import ask_strapi
from stack.servers.server import Launch
from stack.tool import run_tool

if TYPE_CHECKING:
    from stack.install import Programs
    from stack.paths import Paths
    from stack.report import Report, Step
    from stack.run_state import Damage

__all__ = [
    "admin_panel",
    "environment_of",
    "launch_strapi",
    "lay_out",
    "move_database",
    "repair_database",
    "tie_admin_panel",
]


_SECONDS: Final = 5.0
"""The most seconds for checking a database's pages; the rest of a large one is left to Strapi."""

_OPCODES: Final = 10_000
_WAL_MAGIC: Final = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""How a write-ahead log begins (SQLite's file format, section 4.1)."""

_LOST: Final = (
    "Strapi starts with an empty one: products, stock and ledger are lost. `python3 -m stack seed` brings the "
    "catalogue back, `opsci-bridge replay --missing` what Kafka still has; `sqlite3 FILE .recover` reads what is left"
)

_FOLDER = "build"

_SECRETS: Final = (
    "API_TOKEN_SALT",
    "ADMIN_JWT_SECRET",
    "TRANSFER_TOKEN_SALT",
    "ENCRYPTION_KEY",
    "JWT_SECRET",
)

# What a running application writes into its folder; everything else there is replaced at each start.
_ITS_OWN: Final = {"node_modules", "public", ".tmp", "dist", "build", ".cache"}


def repair_database(database: Path, damage: Damage) -> None:
    """Move a damaged database with its write-ahead log aside, or only that log.

    Args:
        database: the file, which no process may have open; it may be missing.
        damage: moves it.

    Raises:
        OSError: it can't be moved.
    """
    log = database.with_name(f"{database.name}-wal")
    if not database.exists():
        return
    if not database.stat().st_size:
        move_database(database, damage, "is empty")
        return
    if log.exists() and log.stat().st_size:
        with log.open("rb") as file:
            head = file.read(4)
        if head not in _WAL_MAGIC:
            why = "is no write-ahead log of SQLite's" if head.strip(b"\x00") else "holds NUL bytes"
            damage.move(
                log,
                why,
                "What Strapi wrote last and had not moved into its database is lost, unknown how many movements: the "
                "engine says which it misses, and `opsci-bridge replay --missing` applies them again",
            )
            _index_of(database).unlink(missing_ok=True)
    if why := _damage_of(database):
        move_database(database, damage, f"is damaged: {why}")


def move_database(database: Path, damage: Damage, why: str) -> None:
    """Move a database and the files that belong to it aside."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        damage.move(log, "belongs to a damaged database", "It goes with that one")
    log.unlink(missing_ok=True)
    _index_of(database).unlink(missing_ok=True)
    damage.move(database, why, _LOST)


def _index_of(database: Path) -> Path:
    """The write-ahead log's index in shared memory, which SQLite recreates from that log."""
    return database.with_name(f"{database.name}-shm")


def _damage_of(database: Path) -> str:
    """SQLite's complaint about its pages; empty if there is none, or it can't be checked now."""
    deadline = time.monotonic() + _SECONDS
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _OPCODES)
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            return "" if found == ("ok",) else str(found[0]).splitlines()[-1]
    except sqlite3.OperationalError:
        # It took too long, or is locked: Strapi will report damage.
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)


def admin_panel(paths: Paths, programs: Programs, report: Report) -> Path:
    """Build the admin panel, unless it is in the cache.

    Returns:
        The folder of the built panel.

    Raises:
        InstallError: Strapi's build failed.
    """

    def make(folder: Path, step: Step) -> None:
        work = folder / "work"
        shutil.copytree(APPLICATION, work, ignore=shutil.ignore_patterns("node_modules", _FOLDER, ".tmp", ".cache"))
        (work / "node_modules").symlink_to(programs.strapi_modules)
        run_tool(
            [programs.node, programs.strapi_modules / "@strapi" / "strapi" / "bin" / "strapi.js", "build"],
            step,
            cwd=work,
            environment={"NODE_ENV": "production", "STRAPI_TELEMETRY_DISABLED": "true"},
        )
        (work / _FOLDER).rename(folder / _FOLDER)
        shutil.rmtree(work)

    pinned = [APPLICATION / "package-lock.json", *sorted((APPLICATION / "config").glob("*.js"))]
    target = paths.cache / "strapi-admin" / digest(*pinned)
    return fetch_once(target, "build Strapi's admin panel (about a minute)", report, make) / _FOLDER


def tie_admin_panel(application: Path, panel: Path) -> None:
    """Link the built panel to where the application serves it from."""
    link = application / _FOLDER
    link.unlink(missing_ok=True)
    link.symlink_to(panel)


def _secrets(folder: Path, damage: Damage) -> dict[str, str]:
    """Read the secrets, or create them once: the stored hashes of tokens and passwords depend on them."""
    file = folder / "secrets.json"
    if file.exists():
        try:
            found: dict[str, str] = json.loads(file.read_bytes())
            if all(isinstance(found[name], str) and found[name] for name in (*_SECRETS, "APP_KEYS")):
                return found
            why = "lacks some of its secrets"
        except (ValueError, KeyError, TypeError):
            why = damage_of(file.read_bytes()) or "is no JSON with the secrets in it"
        damage.move(
            file,
            why,
            "Others are made: sessions of the panel end, and API tokens that you made there have to be made again; "
            "those of this program go on",
        )
    made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in _SECRETS}
    made["APP_KEYS"] = ",".join(base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(4))
    write_whole(file, json.dumps(made, indent=2))
    return made


def _repair_keys(paths: Paths, damage: Damage) -> None:
    """Move damaged files aside that Strapi would use as keys, or silently ignore."""
    keys = {
        paths.bridge_token: "Strapi makes another token; the engine reads it by itself",
        paths.read_token: "Strapi makes another token; the web page reads it when it is started again",
        paths.admin_password: "Strapi makes another password of the panel's administrator",
        paths.strangers: "Strapi writes it again at this start",
    }
    for file, consequence in keys.items():
        if file.exists() and (why := damage_of(file.read_bytes())):
            damage.move(file, why, consequence)


def lay_out(folder: Path, modules: Path) -> Path:
    """Copy the application into a folder of its own, where it may write, and link its packages.

    Args:
        folder: Strapi's folder in the state.
        modules: the `node_modules` folder in the cache.

    Returns:
        The application's folder.
    """
    application = folder / "app"
    application.mkdir(exist_ok=True)
    for old in application.iterdir():
        if old.name in _ITS_OWN:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    shutil.copytree(
        APPLICATION,
        application,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("node_modules", ".tmp", "dist", "build", ".cache"),
    )
    (application / "public" / "uploads").mkdir(parents=True, exist_ok=True)
    link = application / "node_modules"
    if not link.is_symlink() or link.readlink() != modules:
        link.unlink(missing_ok=True)
        link.symlink_to(modules)
    return application


def environment_of(paths: Paths, ports: Ports, damage: Damage, *, admin: bool) -> dict[str, str]:
    """The application's environment; DATABASE_* and CORS_ORIGIN come from the caller's."""
    folder = paths.state / "strapi"
    credentials = Credentials.of(paths)
    return {
        "DATABASE_CLIENT": "sqlite",
        "DATABASE_FILENAME": str(folder / "data.db"),
        **server_environment(os.environ, "DATABASE_", "CORS_ORIGIN", "LOG_LEVEL"),
        **_secrets(folder, damage),
        "NODE_ENV": "production",
        "HOST": LOOPBACK,
        "PORT": str(ports.strapi),
        "OPSCI_BRIDGE_TOKEN_FILE": str(paths.bridge_token),
        "OPSCI_READ_TOKEN_FILE": str(paths.read_token),
        "OPSCI_ADMIN_PASSWORD_FILE": str(paths.admin_password),
        "OPSCI_STRANGERS_FILE": str(paths.strangers),
        "OPSCI_SERVE_ADMIN": "true" if admin else "false",
        "STRAPI_TELEMETRY_DISABLED": "true",
        "STRAPI_DISABLE_UPDATE_NOTIFICATION": "true",
        "NO_COLOR": "1",
        **(credentials.strapi_environment(folder) if credentials else {}),
    }


def launch_strapi(
    paths: Paths, programs: Programs, ports: Ports, damage: Damage, *, panel: Path | None = None
) -> Launch:
    """Copy the application and return how to start it.

    Args:
        paths: with the state.
        programs: Node.js and the packages.
        ports: the port to listen on.
        damage: moves its damaged files aside.
        panel: the built admin panel, if it is to be served.
    """
    folder = paths.state / "strapi"
    folder.mkdir(exist_ok=True, mode=0o700)
    application = lay_out(folder, programs.strapi_modules)
    if panel:
        tie_admin_panel(application, panel)
    credentials = Credentials.of(paths)
    trust = credentials.trust() if credentials else None
    environment = environment_of(paths, ports, damage, admin=panel is not None)
    _repair_keys(paths, damage)
    database = Path(environment["DATABASE_FILENAME"]) if environment["DATABASE_CLIENT"] == "sqlite" else None
    if database:
        repair_database(database, damage)
    return Launch(
        name="strapi",
        argv=[programs.node, application / "node_modules" / "@strapi" / "strapi" / "bin" / "strapi.js", "start"],
        cwd=application,
        environment=environment,
        checks={f"Strapi on port {ports.strapi}": partial(ask_strapi, ports.strapi, trust)},
        # Its first start creates the database, which takes time on a slow disk.
        start_timeout=120,
        repair=partial(_repair, database, damage),
    )


def _repair(database: Path | None, damage: Damage, said: str) -> bool:
    """Move the database aside where it made Strapi end."""
    found = re.search(r"SQLITE_(?:CORRUPT|NOTADB)\w*|database disk image is malformed|file is not a database", said)
    if not found or database is None or not database.exists():
        return False
    move_database(database, damage, f"can't be read by Strapi ({found[0]})")
    return True
