"""Strapi: the application of stack/strapi, copied beside its state, with secrets made once."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
from functools import partial
from typing import TYPE_CHECKING, Final

from stack.needs import APPLICATION
from stack.ports import LOOPBACK, Ports
from stack.record import write_whole
from stack.secure.door import Door
from stack.servers.admin import tie_admin_panel
from stack.servers.health import ask_strapi
from stack.servers.server import Launch

if TYPE_CHECKING:
    from pathlib import Path

    from stack.places import Places
    from stack.programs import Programs

__all__ = ["environment_of", "launch_strapi", "lay_out"]

_SECRETS: Final = (
    "API_TOKEN_SALT",
    "ADMIN_JWT_SECRET",
    "TRANSFER_TOKEN_SALT",
    "ENCRYPTION_KEY",
    "JWT_SECRET",
)
# What a running application writes into its own folder; everything else there is replaced at each start.
_ITS_OWN: Final = {"node_modules", "public", ".tmp", "dist", "build", ".cache"}


def _secrets(folder: Path) -> dict[str, str]:
    """Read the secrets, or make them once: the stored hashes of tokens and passwords depend on them."""
    file = folder / "secrets.json"
    if not file.exists():
        made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in _SECRETS}
        made["APP_KEYS"] = ",".join(base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(4))
        write_whole(file, json.dumps(made, indent=2))
    found: dict[str, str] = json.loads(file.read_text())
    return found


def lay_out(folder: Path, modules: Path) -> Path:
    """Put the application into a folder of its own, where it may write, and tie its packages to it.

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


def environment_of(places: Places, ports: Ports, *, admin: bool) -> dict[str, str]:
    """Everything the application is told; DATABASE_* come from the caller's own environment where it has them."""
    folder = places.state / "strapi"
    door = Door.of(places)
    return {
        "DATABASE_CLIENT": "sqlite",
        "DATABASE_FILENAME": str(folder / "data.db"),
        **os.environ,
        **_secrets(folder),
        "NODE_ENV": "production",
        "HOST": LOOPBACK,
        "PORT": str(ports.strapi),
        "OPSCI_BRIDGE_TOKEN_FILE": str(places.bridge_token),
        "OPSCI_READ_TOKEN_FILE": str(places.read_token),
        "OPSCI_SERVE_ADMIN": "true" if admin else "false",
        "STRAPI_TELEMETRY_DISABLED": "true",
        "STRAPI_DISABLE_UPDATE_NOTIFICATION": "true",
        "NO_COLOR": "1",
        **(door.strapi_environment(folder) if door else {}),
    }


def launch_strapi(places: Places, programs: Programs, ports: Ports, *, panel: Path | None = None) -> Launch:
    """Lay out the application and say how to start it.

    Args:
        places: whose state.
        programs: Node.js and the packages.
        ports: the port to listen on.
        panel: the built admin panel, where it is to be served.
    """
    folder = places.state / "strapi"
    folder.mkdir(exist_ok=True, mode=0o700)
    application = lay_out(folder, programs.strapi_modules)
    if panel:
        tie_admin_panel(application, panel)
    door = Door.of(places)
    trust = door.trust() if door else None
    return Launch(
        name="strapi",
        argv=[programs.node, application / "node_modules" / "@strapi" / "strapi" / "bin" / "strapi.js", "start"],
        cwd=application,
        environment=environment_of(places, ports, admin=panel is not None),
        checks={f"Strapi on port {ports.strapi}": partial(ask_strapi, ports.strapi, trust)},
        # Its first start makes the database, which takes a slow disk a while.
        start_patience=120,
    )
