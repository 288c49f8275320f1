"""The QR code with which a phone opens the web page, if the page is reachable from the network."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.http.own_address import own_address
from bridge.text import readable
from tui.actions import bindings
from tui.language import say
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from textual.app import ComposeResult

__all__ = ["WebCodeScreen", "phone_address", "qr_code"]

_PATIENCE: Final = 2.0
"""Seconds within which the page has to answer on the address that phones use."""


def phone_address(web: str) -> str:
    """Return the address of the web page for a phone; this takes up to two seconds.

    Args:
        web: the setting `screen.web`.

    Returns:
        The same address if it names a machine in the network. If it is a loopback address and the page also answers on
        this machine's network address, the latter; empty if only this machine can reach the page.
    """
    parts = urlsplit(web)
    if not parts.hostname:
        return ""
    if not _is_loopback(parts.hostname):
        return web
    host = own_address()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not host:
        return ""
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError:
        return ""
    return urlunsplit(parts._replace(netloc=f"{host}:{port}"))


def qr_code(address: str) -> str:
    """Draw a QR code with two rows per line, to be shown in black on white."""
    # Imported here because it is rarely needed.
    import segno  # noqa: PLC0415

    drawn = io.StringIO()
    segno.make(address, micro=False).save(drawn, kind="txt", border=2)
    rows = drawn.getvalue().split()
    rows += ["0" * len(rows[0])] * (len(rows) % 2)
    blocks = {("0", "0"): " ", ("1", "0"): "▀", ("0", "1"): "▄", ("1", "1"): "█"}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[pair] for pair in zip(*two, strict=True)) for two in pairs)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebCodeScreen(ModalScreen[None], TranslatedKeys[None]):
    """Shows the code, or says how to make the page reachable for phones.

    Args:
        web: the setting `screen.web`, not empty.
    """

    BINDINGS = bindings("web_code")

    def __init__(self, web: str) -> None:
        super().__init__()
        self._web = web

    def compose(self) -> ComposeResult:
        with Vertical(classes="window", id="web-code") as box:
            box.border_title = Content(say("The web page on a phone"))
            yield Static(Content(say("asking whether phones can reach the page")), markup=False, id="web-code-text")
        yield KeysFooter()

    async def on_mount(self) -> None:
        """Find the address and show its code."""
        self.run_worker(self._show())

    async def _show(self) -> None:
        address = await asyncio.to_thread(phone_address, self._web)
        self.query_one("#web-code-text", Static).update(self._text(address))

    def _text(self, address: str) -> Content:
        if not address:
            told = say(
                "{web} can be reached from this machine alone. With Docker, OPSCI_PUBLISH=0.0.0.0 opens it to phones."
            )
            return Content(told.format(web=readable(self._web)))
        return Content.assemble((qr_code(address), "#000000 on #ffffff"), "\n\n", (readable(address), "bold"))
