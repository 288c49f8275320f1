"""The QR code by which a phone comes to the web page, where the page can be reached from there."""

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
    """The address of the web page as a phone has to call it; it takes up to two seconds to find out.

    Args:
        web: the setting `screen.web`.

    Returns:
        The same where it names a machine in the network, this machine's address in its place where it is a loopback one
        and the page answers there; empty where only this machine reaches the page.
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
    """Draw a QR code with two rows of it in each line, dark on light: to be shown in black on white."""
    # Late: few need it.
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
    """Shows the code, or says how the page is opened to phones.

    Args:
        web: the setting `screen.web`, not empty.
    """

    BINDINGS = bindings("web_code")

    def __init__(self, web: str) -> None:
        super().__init__()
        self._web = web

    def compose(self) -> ComposeResult:
        """The code and the address under it."""
        with Vertical(classes="window", id="web-code") as box:
            box.border_title = Content(say("The web page on a phone"))
            yield Static(Content(say("asking whether phones can reach the page")), markup=False, id="web-code-text")
        yield KeysFooter()

    async def on_mount(self) -> None:
        """Find out, and show it."""
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
