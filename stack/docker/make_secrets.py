"""Creates the secrets of the compose file once; run by its service `secrets` before the database first starts."""

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
    """Create missing secrets; existing ones are kept, as databases were created with them.

    Args:
        folder: contains the folders `database` and `strapi`, which are closed to others. PostgreSQL and Strapi run as
            different users, so the password is readable by the group of the first folder.

    Returns:
        The new files.
    """
    contents = {
        folder / "database" / "password": (0o440, secrets.token_urlsafe(32)),
        folder / "strapi" / "environment": (0o400, _strapi_environment()),
    }
    made = []
    for file, (mode, text) in contents.items():
        if not file.exists():
            # Under another name first, so that an interruption leaves no incomplete secret.
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
