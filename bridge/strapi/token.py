"""The API token: from the settings or from a file that may be replaced while the engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.settings import StrapiSettings

__all__ = ["Token"]


class Token:
    """The token as it was read last; its text never shows in a representation.

    Args:
        settings: Strapi's; `token` is taken before `token_file`.
    """

    __slots__ = ("_file", "_text")

    def __init__(self, settings: StrapiSettings) -> None:
        self._text = settings.token.strip()
        self._file = Path(settings.token_file).expanduser() if settings.token_file and not self._text else None
        self.read()

    def __repr__(self) -> str:
        return f"Token({self.source})"

    @property
    def source(self) -> str:
        """Where the token comes from, for a person."""
        if self._file is not None:
            return f"the token file {self._file}"
        return "the setting strapi.token" if self._text else "no token: set strapi.token_file"

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the token; none while there is no token."""
        return {"Authorization": f"Bearer {self._text}"} if self._text else {}

    def read(self) -> bool:
        """Read the file again.

        Returns:
            Whether the token is another one than before. A file that is not there, or can't be sent, counts as none.
        """
        if self._file is None:
            return False
        try:
            found = self._file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if not found.isprintable():
            found = ""
        changed, self._text = found != self._text, found
        return changed
