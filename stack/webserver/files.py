"""The files of the page: a fixed set, read once, so that no request can name another."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stack.needs import PAGE
from stack.webserver.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["page_files"]

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _answer(file: Path) -> Answer:
    body = file.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Kept by the browser, and asked for again each time: a newer page is never shown with an older script.
    return Answer(200, _KINDS[file.suffix], body, {"Cache-Control": "no-cache", "ETag": tag})


def page_files(script: Path) -> Mapping[str, Answer]:
    """Read the files of the page.

    Args:
        script: MQTT.js as one ES module: `dist/mqtt.esm.js` of its npm package.

    Returns:
        The answer by path; `/` is the page itself.
    """
    files = {f"/{file.name}": _answer(file) for file in sorted(PAGE.iterdir()) if file.suffix in _KINDS}
    files["/mqtt.js"] = replace(_answer(script), kind=_KINDS[".js"])
    files["/"] = files.pop("/index.html")
    return files
