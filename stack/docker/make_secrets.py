"""Makes the secrets of the compose file, once: `python3 -m stack.docker.make_secrets`.

The standard library is enough for it: whoever has Docker needs no virtual environment.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "make_secrets"]

FOLDER: Final = Path(__file__).parent / "secrets"
"""Where compose.yaml looks for them; git leaves it out."""

_STRAPI: Final = ("API_TOKEN_SALT", "ADMIN_JWT_SECRET", "TRANSFER_TOKEN_SALT", "ENCRYPTION_KEY", "JWT_SECRET")


def _strapi_environment() -> str:
    keys = ",".join(secrets.token_urlsafe(32) for _ in range(4))
    return "".join([f"APP_KEYS={keys}\n", *(f"{name}={secrets.token_urlsafe(32)}\n" for name in _STRAPI)])


def make_secrets(folder: Path) -> list[Path]:
    """Make those that are not there yet; the others stay, as databases were made with them.

    Args:
        folder: where to put them. It is made for its owner alone.

    Returns:
        The files that were made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    contents = {
        # Compose mounts this one as it is, and the users of two containers read it: the folder keeps others out.
        folder / "postgres_password": (0o644, secrets.token_urlsafe(32)),
        folder / "strapi.env": (0o600, _strapi_environment()),
    }
    made = []
    for file, (mode, text) in contents.items():
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(text)
            file.chmod(mode)
            made.append(file)
    return made


if __name__ == "__main__":
    for new in make_secrets(FOLDER):
        print(f"made {new}")
