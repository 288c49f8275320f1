"""Makes the secrets of the compose file, once: what its service `secrets` runs before the database's first start."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

__all__ = ["make_secrets"]

_FOLDER: Final = Path("/secrets")
_STRAPI: Final = ("API_TOKEN_SALT", "ADMIN_JWT_SECRET", "TRANSFER_TOKEN_SALT", "ENCRYPTION_KEY", "JWT_SECRET")


def _strapi_environment() -> str:
    keys = ",".join(secrets.token_urlsafe(32) for _ in range(4))
    return "".join([f"APP_KEYS={keys}\n", *(f"{name}={secrets.token_urlsafe(32)}\n" for name in _STRAPI)])


def make_secrets(folder: Path) -> list[Path]:
    """Make those that are not there yet; the others stay, as databases were made with them.

    Args:
        folder: has the folders `database` and `strapi`, which keep others out. PostgreSQL and Strapi are different
            users, so the group of the first folder reads the password.

    Returns:
        The files that were made.
    """
    contents = {
        folder / "database" / "password": (0o440, secrets.token_urlsafe(32)),
        folder / "strapi" / "environment": (0o400, _strapi_environment()),
    }
    made = []
    for file, (mode, text) in contents.items():
        if not file.exists():
            # By another name first: whoever was interrupted here leaves no half of a secret.
            draft = file.with_name(f".{file.name}")
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)
            draft.write_text(text)
            draft.chmod(mode)
            draft.rename(file)
            made.append(file)
    return made


if __name__ == "__main__":
    for new in make_secrets(_FOLDER):
        print(f"made {new}")
